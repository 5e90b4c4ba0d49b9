"""The examples of the documentation, which tests run word for word."""

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[3] / "docs"


def example(page: str, file: str) -> str:
    """The one example of a page whose first line, a comment, names the file that it is."""
    blocks = re.findall(r"^```\w*\n(.*?)^```$", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    found = [block for block in blocks if block.splitlines()[0].lstrip("#! ") == file]
    assert len(found) == 1, f"{page} has {len(found)} examples of {file}"
    return found[0]
