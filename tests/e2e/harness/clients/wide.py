"""WIDE's dhcp6c."""

import re
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import Mapping

from harness.clients import Client, Held
from harness.topology import DOWNLINK

SCRIPT = """#!/bin/sh
{ env | grep -E '^(REASON|new_)' | sort | tr '\\n' ' '; echo; } >> %s/events
"""


class Dhcp6c(Client):
    name = "dhcp6c"
    program = "dhcp6c"
    package = "wide-dhcpv6-client"
    can = frozenset({"release", "addresses", "prefixes", "several", "length", "rapid-commit", "stateless"})

    def places(self) -> Mapping[str, Path]:
        (self.folder / "lib").mkdir(exist_ok=True)
        return {"/var/lib/dhcpv6": self.folder / "lib"}

    def start(self) -> None:
        script = self.folder / "script"
        script.write_text(SCRIPT % self.folder)
        script.chmod(0o755)
        (self.folder / "dhcp6c.conf").write_text(self.configuration())
        super().start()

    def configuration(self) -> str:
        addresses, prefixes = range(self.wish.addresses), range(self.wish.prefixes)
        if self.wish.is_stateless:
            sends = [" information-only;"]
            addresses = prefixes = range(0)
        else:
            sends = [f" send ia-na {number};" for number in addresses] + [f" send ia-pd {number};" for number in prefixes]
        if self.wish.rapid_commit:
            sends.append(" send rapid-commit;")
        lines = [f"interface {self.interface} {{", *sends, " request domain-name-servers;", " request domain-name;"]
        lines += [f' script "{self.folder}/script";', "};"]
        lines += [f"id-assoc na {number} {{ }};" for number in addresses]
        for number in prefixes:
            wish = f"prefix ::/{self.wish.length} infinity;" if self.wish.length else ""
            lines.append(f"id-assoc pd {number} {{ {wish} prefix-interface {DOWNLINK} {{ sla-id {number}; sla-len 8; }}; }};")
        return "\n".join(lines) + "\n"

    def arguments(self) -> list[str]:
        return ["-f", "-D", "-c", f"{self.folder}/dhcp6c.conf", "-p", f"{self.folder}/pid", self.interface]

    def held(self) -> Held:
        """It keeps no lease file: addresses are those it set, prefixes those its log made and has not removed."""
        addresses = frozenset(map(IPv6Address, self.space.addresses(self.interface)))
        prefixes: set[IPv6Network] = set()
        for verb, prefix in re.findall(r": (create a|remove a site) prefix (\S+/\d+)", self.log()):
            (prefixes.add if verb == "create a" else prefixes.discard)(IPv6Network(prefix))
        return Held(addresses, frozenset(prefixes))

    def options(self) -> str:
        events = self.folder / "events"
        return events.read_text() if events.exists() else ""

    def release(self) -> None:
        self.stop()
