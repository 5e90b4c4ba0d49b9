"""A program that a test runs: what ours and those of others share."""

import signal
import subprocess
from pathlib import Path
from typing import TypeVar, Union

STOP_SECS = 15
Self = TypeVar("Self", bound="Process")


class Process:
    """A program while it runs; started by `with` and usable then, and ended with the block."""

    # How people call it.
    name = ""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.process: Union[subprocess.Popen[bytes], None] = None

    def start(self) -> None:
        """Starts it."""
        raise NotImplementedError

    def wait_until_ready(self) -> None:
        """Waits until it can be used, where starting it does not."""

    def __enter__(self: Self) -> Self:
        try:
            self.start()
            self.wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_running():
            self.signal(signal.SIGKILL)
            self.wait()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def log(self) -> str:
        """What it wrote until now."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def signal(self, number: signal.Signals) -> None:
        """To the process itself, by its id."""
        assert self.process is not None, f"{self.name} was not started"
        self.process.send_signal(number)

    def wait(self, seconds: float = STOP_SECS) -> int:
        """Its exit code, once it has ended."""
        assert self.process is not None, f"{self.name} was not started"
        return self.process.wait(seconds)

    def stop(self) -> int:
        """Asks it to stop, and waits until it has."""
        self.signal(signal.SIGTERM)
        return self.wait()
