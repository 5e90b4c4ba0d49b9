"""Fixtures of the end-to-end suite, and the tally that ./test reads."""

import os
import sys
from pathlib import Path
from typing import Iterator

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from harness import netns  # noqa: E402  (the path comes first)

_outcomes: list[tuple[str, str, str]] = []


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keeps one outcome for each test: that of its body, or of the fixture that kept it from running.

    A test marked xfail is a fault that is known and not mended: told as left out, with the reason.
    """
    name = report.nodeid.removeprefix("tests/e2e/")
    if hasattr(report, "wasxfail"):
        verdict = "passed" if report.passed else "skipped"
        _outcomes.append((verdict, name, f"known fault: {report.wasxfail.removeprefix('reason: ')}"))
    elif report.skipped:
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        _outcomes.append(("skipped", name, reason.removeprefix("Skipped: ")))
    elif report.failed:
        _outcomes.append(("failed", name, f"during {report.when}, see above"))
    elif report.when == "call":
        _outcomes.append(("passed", name, ""))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Writes verdict, name and reason of every test, a line each, where ./test wants them.

    Of several processes the one that hears of all tests does so.
    """
    tally = os.environ.get("LEASEBOOK_TALLY")
    if tally and not hasattr(session.config, "workerinput"):
        flat = lambda text: " ".join(text.split())  # noqa: E731
        Path(tally).write_text("".join(f"{verdict}\t{name}\t{flat(reason)}\n" for verdict, name, reason in _outcomes))


@pytest.fixture(scope="session")
def namespaces() -> Iterator[None]:
    """Asks for network namespaces; skips where there can be none."""
    reason = netns.why_not()
    if reason:
        pytest.skip(reason)
    yield
