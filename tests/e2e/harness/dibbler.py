"""What Dibbler's client, relay and server share: their fixed places, which ours take, and a log of their own."""

from pathlib import Path
from typing import Mapping

from harness.enclosure import Enclosed

FOLDERS = {"/etc/dibbler": "etc", "/var/lib/dibbler": "lib", "/var/log/dibbler": "log"}


class Dibbler(Enclosed):
    """One of them; a subclass says which, and what stands in its configuration."""

    # As in the names of its files.
    part = ""

    def configuration(self) -> str:
        raise NotImplementedError

    def places(self) -> Mapping[str, Path]:
        return self.made(FOLDERS)

    def start(self) -> None:
        self.places()
        (self.folder / "etc" / f"{self.part}.conf").write_text(self.configuration())
        super().start()

    def arguments(self) -> list[str]:
        return ["run"]

    def log(self) -> str:
        own = self.folder / "log" / f"dibbler-{self.part}.log"
        return super().log() + (own.read_text(errors="replace") if own.exists() else "")
