"""A program no one here wrote, run where it can do no harm.

It gets a network namespace, and what it sees as /etc and /var are layers over the machine's: it finds all it expects, and what it
writes is thrown away, or lies in the test's own folder if a folder is put in the place. /run is empty, the host name is its own.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Iterator, Mapping, Union

import pytest

from harness.netns import Namespace
from harness.process import STOP_SECS, Process
from harness.waiting import Deadline, wait_for

# $1 is a folder for the layers; then come pairs of a folder of ours and the path it takes the place of, an empty word, and the command.
# /sys is read-only as in a container, which tells systemd's programs that there is no udev to wait for.
SCRIPT = """
set -e
layers=$1; shift
mount -t tmpfs layers "$layers"
for place in etc var; do
    mkdir "$layers/$place" "$layers/$place.work"
    mount -t overlay overlay -o "lowerdir=/$place,upperdir=$layers/$place,workdir=$layers/$place.work" "/$place"
done
mount -t tmpfs run /run
mount -o remount,ro /sys
while [ -n "$1" ]; do
    mkdir -p "$2"
    mount --bind "$1" "$2"
    shift 2
done
shift
exec "$@"
"""


def why_not(program: str, package: str) -> Union[str, None]:
    """Why the program cannot be run here; None if it can."""
    return None if shutil.which(program, path=PATH) else f"{program} is missing (Debian package {package})"


# Debian's administrators' programs are not in everyone's PATH.
PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/lib/systemd"


class Enclosed(Process):
    """One such program; a subclass says what is run, and how it is set up."""

    # What is run, and Debian's package with it.
    program = ""
    package = ""

    def __init__(self, space: Namespace, folder: Path) -> None:
        reason = why_not(self.program, self.package)
        if reason:
            pytest.skip(reason)
        super().__init__(folder / f"{self.name}.log")
        self.space = space
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def arguments(self) -> list[str]:
        """What follows the program's name on its command line."""
        raise NotImplementedError

    def places(self) -> Mapping[str, Path]:
        """Which of our folders take which fixed places of the program."""
        return {}

    def made(self, places: Mapping[str, str]) -> Mapping[str, Path]:
        """Fixed places, each with a folder of ours of this name, which is made if it is not there."""
        for name in places.values():
            (self.folder / name).mkdir(exist_ok=True)
        return {place: self.folder / name for place, name in places.items()}

    def enclosed(self, *command: str) -> list[str]:
        """The command line that runs a command so."""
        layers = self.folder / "layers"
        layers.mkdir(exist_ok=True)
        places = [word for place, folder in self.places().items() for word in (str(folder), place)]
        unshared = ["unshare", "--mount", "--uts", "--propagation", "private", "sh", "-c", SCRIPT, "enclosure"]
        return self.space.command(*unshared, str(layers), *places, "", *command)

    def start(self) -> None:
        """Starts it and does not wait; the process keeps its id through everything that leads to it."""
        environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC", **self.environment()}
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self.enclosed(self.program, *self.arguments()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    def environment(self) -> Mapping[str, str]:
        return {}

    def run(self, *command: str, seconds: float = 30, expect: Union[int, None] = 0) -> str:
        """Runs another command in such a place, to its end; its exit code must be `expect`, unless that is None."""
        ran = subprocess.run(self.enclosed(*command), capture_output=True, text=True, timeout=seconds, env={"PATH": PATH})
        assert expect in (None, ran.returncode), f"{' '.join(command)}: {ran.returncode}\n{ran.stdout}{ran.stderr}"
        return ran.stdout

    def wait_until(self, what: str, condition, seconds: float = 20):  # noqa: ANN001, ANN201  (as wait_for)
        """`wait_for`, which also fails, with its log, when it ends before."""

        def met():  # noqa: ANN202
            found = condition()
            if not found:
                assert self.is_running(), f"{self.name} has ended:\n{self.log()[-4000:]}"
            return found

        try:
            return wait_for(what, met, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.name}: {self.log()[-6000:]}") from error

    def kill(self) -> None:
        """Ends it as a power cut would, with the helpers that it started in its session."""
        self.__exit__()

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        if self.process is None:
            return
        deadline = Deadline(STOP_SECS)
        while not deadline.is_over() and any(end(pid) for pid in session(self.process.pid)):
            pass


def session(leader: int) -> Iterator[int]:
    """The processes of a session that `start` made: those it started and nobody else's."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, session_of = standing(int(stat.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
        if session_of == leader and state != "Z":
            yield int(stat.parent.name)


def standing(pid: int) -> tuple[str, int]:
    """A process's state, a letter as in ps(1), and its session."""
    # The name in brackets may hold anything; behind it come state, parent, group, session.
    state, _, _, number, *_ = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return state, int(number)


def end(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
