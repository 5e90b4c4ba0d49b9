"""Routing daemons that no one here wrote, with the configuration files that an operator would give them."""

from pathlib import Path
from typing import Mapping

from harness.enclosure import Enclosed
from harness.netns import Namespace


class Bird(Enclosed):
    """BIRD 2, with /etc/bird/bird.conf."""

    name = "bird"
    program = "bird"
    package = "bird2"

    def __init__(self, space: Namespace, folder: Path, configuration: str) -> None:
        super().__init__(space, folder)
        for name in ("etc", "run"):
            (folder / name).mkdir(exist_ok=True)
        (folder / "etc" / "bird.conf").write_text(configuration)

    def places(self) -> Mapping[str, Path]:
        return {"/etc/bird": self.folder / "etc", "/run/bird": self.folder / "run"}

    def arguments(self) -> list[str]:
        return ["-f", "-c", "/etc/bird/bird.conf", "-s", "/run/bird/bird.ctl"]


class FrrDaemon(Enclosed):
    """One of FRR's daemons; several share a folder."""

    package = "frr"

    def __init__(self, space: Namespace, folder: Path, program: str) -> None:
        self.name = program
        self.program = f"/usr/lib/frr/{program}"
        super().__init__(space, folder)

    def places(self) -> Mapping[str, Path]:
        return {"/etc/frr": self.folder / "etc", "/run/frr": self.folder / "run"}

    def arguments(self) -> list[str]:
        return ["-A", "::1"]


class Frr:
    """FRR's zebra and bgpd, with an integrated /etc/frr/frr.conf, read as its service does."""

    def __init__(self, space: Namespace, folder: Path, configuration: str) -> None:
        self.daemons = [FrrDaemon(space, folder, program) for program in ("zebra", "bgpd")]
        for name in ("etc", "run"):
            (folder / name).mkdir(exist_ok=True)
            # The daemons are Debian's user frr.
            (folder / name).chmod(0o777)
        (folder / "etc" / "frr.conf").write_text(configuration)

    def __enter__(self) -> "Frr":
        try:
            for daemon in self.daemons:
                daemon.start()
                socket = daemon.folder / "run" / f"{daemon.name}.vty"
                daemon.wait_until(f"{daemon.name}'s socket", socket.exists)
            said = self.daemons[0].run("vtysh", "-b")
            assert "% " not in said, said
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in reversed(self.daemons):
            daemon.__exit__()

    def log(self) -> str:
        return "\n".join(f"{daemon.name}: {daemon.log()}" for daemon in self.daemons)
