"""Dibbler's client."""

import signal
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from xml.etree import ElementTree

from harness.clients import Client, Held
from harness.dibbler import Dibbler
from harness.enclosure import standing
from harness.topology import DOWNLINK
from harness.waiting import wait_for


class DibblerClient(Dibbler, Client):
    name = "dibbler-client"
    part = "client"
    program = "dibbler-client"
    package = "dibbler-client"
    can = frozenset({"release", "remember", "addresses", "prefixes", "several", "length", "rapid-commit", "stateless", "name", "decline", "reconfigure"})

    ends_on_decline = True

    def configuration(self) -> str:
        prefix = f"pd {{\n  prefix :: /{self.wish.length}\n }}" if self.wish.length else "pd"
        inside = ["ia"] * self.wish.addresses + [prefix] * self.wish.prefixes
        if self.wish.is_stateless:
            inside = ["stateless"]
        if self.wish.rapid_commit:
            inside.append("rapid-commit yes")
        inside += ["option dns-server", "option domain"]
        if self.wish.name:
            inside.append(f"option fqdn {self.wish.name}")
        lines = ["log-level 8", "log-mode full"]
        if self.wish.accepts_reconfigure:
            # Without the method it breaks down.
            lines += ["reconfigure-accept 1", "auth-protocol reconfigure-key", "auth-replay monotonic", "auth-methods digest-hmac-md5"]
        lines += [f'downlink-prefix-ifaces "{DOWNLINK}"', f'iface "{self.interface}" {{']
        return "\n".join([*lines, *(f" {line}" for line in inside), "}", ""])

    def book_file(self) -> Path:
        return self.folder / "lib" / "client-AddrMgr.xml"

    def book(self) -> list[ElementTree.Element]:
        """The client's own book of addresses and prefixes, once it is whole: it is written anew with each change."""
        try:
            return [ElementTree.parse(self.book_file()).getroot()]
        except ElementTree.ParseError:
            return []

    def held(self) -> Held:
        if not self.book_file().exists():
            return Held()
        (book,) = wait_for("a whole book", self.book)
        addresses = [(entry.text or "").strip() for entry in book.iter("AddrAddr")]
        prefixes = [f"{(entry.text or '').strip()}/{entry.get('length')}" for entry in book.iter("AddrPrefix")]
        return Held(frozenset(map(IPv6Address, addresses)), frozenset(map(IPv6Network, prefixes)))

    def kill(self) -> None:
        """Ends it while its book is whole: it writes it in place, and takes none that a crash cut short, as is its own affair."""
        if self.is_running() and self.book_file().exists():
            wait_for("a whole book", self.halts_with_a_whole_book)
        super().kill()

    def halts_with_a_whole_book(self) -> bool:
        self.signal(signal.SIGSTOP)
        wait_for("a halt", self.is_halted)
        if self.book():
            return True
        self.signal(signal.SIGCONT)
        return False

    def is_halted(self) -> bool:
        assert self.process is not None
        state, _ = standing(self.process.pid)
        return state == "T"

    def forget(self) -> None:
        """It loses its leases, and keeps its DUID."""
        self.book_file().unlink()

    def options(self) -> str:
        root = self.folder / "lib"
        return "\n".join(file.read_text(errors="replace") for file in sorted(root.glob("*")) if file.is_file())

    def release(self) -> None:
        """It gives everything back when it is asked to end."""
        self.stop()
