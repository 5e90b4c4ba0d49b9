"""ISC's dhclient."""

import re
from ipaddress import IPv6Address, IPv6Network
from typing import Mapping

from harness.clients import Client, Held

# Takes the place of dhclient-script: sets addresses, waits for the end of duplicate address detection, and asks for a DECLINE by
# the exit code that dhclient-script(8) names. Every call is written down with what the server told.
SCRIPT = """#!/bin/sh
env | grep -E '^(reason|new_|old_)' | sort | tr '\\n' ' ' >> "$folder/events"
echo >> "$folder/events"
case "$reason" in
BOUND6|RENEW6|REBIND6)
    [ -n "$new_ip6_address" ] || exit 0
    ip -6 address replace "$new_ip6_address/128" dev "$interface" valid_lft "$new_max_life" preferred_lft "$new_preferred_life" || exit 2
    shown() { ip -6 address show dev "$interface" to "$new_ip6_address" "$@"; }
    while [ "$(shown tentative)" ] && ! shown | grep -q dadfailed; do sleep 0.05; done
    # The kernel takes an address with a lifetime away when it finds a duplicate.
    if [ -z "$(shown)" ] || shown | grep -q dadfailed; then exit 3; fi ;;
DEPREF6|EXPIRE6|RELEASE6|STOP6|FAIL6)
    [ -z "$old_ip6_address" ] || ip -6 address del "$old_ip6_address/128" dev "$interface" ;;
esac
exit 0
"""


class Dhclient(Client):
    name = "dhclient"
    program = "dhclient"
    package = "isc-dhcp-client"
    can = frozenset({"release", "remember", "addresses", "prefixes", "several", "length", "rapid-commit", "stateless", "name", "decline"})

    def start(self) -> None:
        lines = ["also request dhcp6.name-servers, dhcp6.domain-search;"]
        if self.wish.rapid_commit:
            lines.append("send dhcp6.rapid-commit;")
        if self.wish.name:
            lines += [f'send fqdn.fqdn "{self.wish.name}";', "send fqdn.no-client-update on;", "send fqdn.server-update on;"]
            lines.append("also request dhcp6.fqdn;")
        (self.folder / "dhclient.conf").write_text("\n".join(lines) + "\n")
        script = self.folder / "script"
        script.write_text(SCRIPT)
        script.chmod(0o755)
        super().start()

    def environment(self) -> Mapping[str, str]:
        return {}

    def files(self) -> list[str]:
        return [
            *("-cf", f"{self.folder}/dhclient.conf"),
            *("-lf", f"{self.folder}/leases"),
            *("-pf", f"{self.folder}/pid"),
            *("-sf", f"{self.folder}/script"),
            *("-e", f"folder={self.folder}"),
        ]

    def arguments(self) -> list[str]:
        if self.wish.is_stateless:
            kinds = ["-S"]
        else:
            kinds = ["-T" if self.wish.is_temporary else "-N"] * self.wish.addresses + ["-P"] * self.wish.prefixes
        if self.wish.length:
            kinds += ["--prefix-len-hint", str(self.wish.length)]
        return ["-6", "-d", "-v", *kinds, *self.files(), self.interface]

    def newest_lease(self) -> str:
        """The last of the leases it wrote down, unless it gave that back."""
        file = self.folder / "leases"
        blocks = re.findall(r"^lease6 \{$(.*?)^\}$", file.read_text() if file.exists() else "", re.DOTALL | re.MULTILINE)
        newest = blocks[-1] if blocks else ""
        return "" if re.search(r"^\s*released;", newest, re.MULTILINE) else newest

    def held(self) -> Held:
        """What has a lifetime: what the server took away stays in the file with one of 0."""
        blocks = re.findall(r"^\s*(iaaddr|iaprefix) (\S+) \{(.*?)\}", self.newest_lease(), re.DOTALL | re.MULTILINE)
        live = [(kind, what) for kind, what, inside in blocks if "max-life 0;" not in inside]
        return Held(
            frozenset(IPv6Address(what) for kind, what in live if kind == "iaaddr"),
            frozenset(IPv6Network(what) for kind, what in live if kind == "iaprefix"),
        )

    def options(self) -> str:
        events = self.folder / "events"
        return events.read_text() if events.exists() else ""

    def release(self) -> None:
        """A second dhclient ends the first by its pid file and sends the RELEASE."""
        kinds = ["-N"] * self.wish.addresses + ["-P"] * self.wish.prefixes
        self.run(self.program, "-6", "-r", "-v", *kinds, *self.files(), self.interface)
        self.wait()
