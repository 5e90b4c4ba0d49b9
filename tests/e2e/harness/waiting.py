"""Deadlines: a test waits for a condition and never for time to pass."""

import time
from typing import Callable, TypeVar

Found = TypeVar("Found")
PAUSE_SECS = 0.01


class Deadline:
    """A moment by which something has to have happened."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; never below a millisecond, so that it can be given to a socket."""
        return max(self._end - time.monotonic(), 0.001)

    def is_over(self) -> bool:
        return time.monotonic() >= self._end


def wait_for(what: str, condition: Callable[[], Found], seconds: float = 10.0) -> Found:
    """Returns what `condition` returns as soon as it is true; fails, saying `what` did not come, after the deadline."""
    deadline = Deadline(seconds)
    while True:
        found = condition()
        if found:
            return found
        if deadline.is_over():
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(PAUSE_SECS)
