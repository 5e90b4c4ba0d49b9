"""The binary: one command to its end, or the server while it runs."""

import os
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Sequence, Union

import pytest

from harness.netns import Namespace
from harness.process import Process
from harness.requestor import Requestor
from harness.waiting import Deadline, wait_for

BINARY = os.environ.get("LEASEBOOK", str(Path(__file__).resolve().parents[3] / "target" / "debug" / "leasebook"))
# Exit codes, fixed: others script against them.
COMPLETE, LOCAL_ERROR, NO_SERVER, PARTIAL, REFUSED = 0, 1, 2, 3, 4
# DHCPv6 and Bulk Leasequery (RFC 8415 §7.2, RFC 5460 §5.6).
PORT = 547
START_SECS = 20


def environment() -> dict[str, str]:
    """What the binary gets to see: no setting of whoever runs the tests, and no backtraces in what is compared."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEASEBOOK")}
    return {**kept, "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "RUST_BACKTRACE": "0"}


def leasebook(
    *arguments: object,
    expect: Union[int, None] = COMPLETE,
    seconds: float = 60,
    given: str = "",
    space: Union[Namespace, None] = None,
) -> subprocess.CompletedProcess[str]:
    """Runs one command, in a namespace if there is one; its exit code must be `expect`, unless that is None."""
    command = [BINARY, *map(str, arguments)]
    command = space.command(*command) if space else command
    ran = subprocess.run(command, input=given, capture_output=True, text=True, timeout=seconds, env=environment())
    skip_if_absent(ran.stderr)
    if expect is not None:
        assert ran.returncode == expect, f"{' '.join(command)}: {ran.returncode}\n{ran.stderr[-4000:]}"
    return ran


def skip_if_absent(said: str) -> None:
    """A command that a version does not have says so in these words."""
    for line in said.splitlines():
        if line.startswith("leasebook: ") and line.endswith("not in this version"):
            pytest.skip(line)


def free_port() -> int:
    """A port of ::1 that nobody listens on now."""
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as probe:
        return probe.getsockname()[1]


class Daemon(Process):
    """A process of the binary that says when it is ready."""

    def __init__(self, log: Path, space: Union[Namespace, None] = None) -> None:
        super().__init__(log)
        self.space = space
        # What the process gets to see besides.
        self.variables: dict[str, str] = {}

    def command(self) -> list[str]:
        """The command line."""
        raise NotImplementedError

    def launch(self, notify: str = "") -> subprocess.Popen[bytes]:
        """Starts the process and does not wait for anything."""
        command = self.space.command(*self.command()) if self.space else self.command()
        with self._log.open("ab") as log:
            wanted = {**environment(), **self.variables, **({"NOTIFY_SOCKET": notify} if notify else {})}
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=wanted)
        return self.process

    def start(self) -> None:
        """Starts and waits until it says that it is ready, as it would to systemd."""
        # A folder of its own, since the path of a socket may have no more than 107 octets.
        with (
            tempfile.TemporaryDirectory(prefix="leasebook-") as short,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify,
        ):
            notify.bind(f"{short}/notify")
            process = self.launch(f"{short}/notify")
            deadline = Deadline(START_SECS)
            notify.settimeout(0.1)
            said = b""
            while b"READY=1" not in said:
                if process.poll() is not None:
                    skip_if_absent(self.log())
                assert process.poll() is None, f"{self.name} ended with {process.returncode}:\n{self.log()}"
                assert not deadline.is_over(), f"{self.name} was not ready within {START_SECS} s:\n{self.log()}"
                try:
                    said = notify.recv(4096)
                except TimeoutError:
                    continue

    def wait_for_log(self, text: str, seconds: float = 10) -> str:
        """The first line of the log with `text` in it."""
        found = lambda: next((line for line in self.log().splitlines() if text in line), "")  # noqa: E731
        return wait_for(f"'{text}' in the log of {self.name}", found, seconds)

    def kill(self) -> None:
        """Ends it as a crash would."""
        self.signal(signal.SIGKILL)
        self.wait()


class Server(Daemon):
    """`leasebook serve` in a folder of its own."""

    name = "serve"

    def __init__(
        self,
        folder: Path,
        config: str,
        *,
        data: Union[Path, None] = None,
        more: Sequence[str] = (),
        space: Union[Namespace, None] = None,
        devices: Sequence[str] = (),
    ) -> None:
        """In a namespace it has the ports of DHCPv6 and Bulk Leasequery on all addresses, else a port of loopback.

        DHCPv6 is heard there on these devices alone, by a socket for each, if any are named.
        """
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / "serve.log", space)
        self.folder = folder
        self.port = PORT if space else free_port()
        self.config = folder / "leasebook.toml"
        self.config.write_text(config)
        self.data = data or folder / "data"
        # Further words of its command line.
        self.more = list(more)
        self._devices = list(devices)

    def command(self) -> list[str]:
        own = [BINARY, "serve", "--config", str(self.config), "--data", str(self.data)]
        if self.space:
            every = f"[::]:{self.port}"
            udp = [word for device in self._devices for word in ("--udp", f"{every}%{device}")] or ["--udp", every]
            return [*own, "--tcp", every, *udp, *self.more]
        return [*own, "--tcp", f"[::1]:{self.port}", *self.more]

    def connect(self, **more: object) -> Requestor:
        return Requestor("::1", self.port, **more)

    def address(self) -> str:
        return f"[::1]:{self.port}"
