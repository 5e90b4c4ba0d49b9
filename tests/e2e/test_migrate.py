"""Configurations of Kea become ours: those of this repository, which Kea itself must take, and those that come with Kea."""

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Iterator

import pytest
from harness.daemon import leasebook
from harness.netns import Namespace

ROOT = Path(__file__).resolve().parent.parent.parent
SAMPLES = sorted((ROOT / "crates/leasefile/tests/data/kea-config").glob("*.conf"))
# Words that Debian's Kea does not know yet.
NEWER = "newer.conf"
# Where Debian's kea-doc has Kea's own examples.
EXAMPLES = Path("/usr/share/doc/kea/examples/kea6")
KEA = shutil.which("kea-dhcp6")
PAGE = ROOT / "docs/migrate.md"


@pytest.fixture(scope="module")
def kea_machine(namespaces: None) -> Iterator[Namespace]:
    """A machine that has the interfaces which the samples name; Kea looks for them even to check a configuration."""
    with Namespace() as space:
        for name in ("eth0", "eth1", "eth2"):
            space.add_interface(name, ["2001:db8::547/64"] if name == "eth2" else [])
        yield space


@pytest.mark.skipif(not KEA, reason="kea-dhcp6-server is not installed")
@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.name != NEWER], ids=lambda sample: sample.stem)
def test_kea_takes_each_sample(kea_machine: Namespace, sample: Path) -> None:
    """What a sample comes to would say nothing if Kea did not take it."""
    # Kea goes for included files from where it is started.
    checked = kea_machine.run("sh", "-c", f"cd {sample.parent} && exec {KEA} -t {sample}")
    assert checked.returncode == 0, checked.stdout[-2000:] + checked.stderr[-2000:]


def migrate(config: Path, folder: Path) -> tuple[str, str]:
    """What is written, which must be right, and what is listed."""
    out = folder / "leasebook.toml"
    listed = leasebook("migrate", "kea", "--config", config, "--out", out).stderr
    leasebook("check", "--config", out)
    return out.read_text(), listed


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.stem)
def test_each_sample_becomes_a_configuration_that_is_right(tmp_path: Path, sample: Path) -> None:
    written, listed = migrate(sample, tmp_path)
    assert written == sample.with_suffix(".toml").read_text()
    # The command tells at most three places of one reason; each place that it tells is one of those written down.
    places = set(re.findall(r"kea\.conf:\d+|timers-subnet\.json:\d+", sample.with_suffix(".not-carried").read_text()))
    told = {place.replace(sample.name, "kea.conf") for place in re.findall(r"[\w-]+\.(?:conf|json):\d+", listed)}
    assert told and told <= places


def keywords(value: object, within: str) -> Iterator[tuple[str, str]]:
    """Every key of a configuration with the one above it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield within, key
            yield from keywords(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from keywords(inner, within)


def plain(text: str) -> object:
    """Kea's dialect as JSON: without comments and commas too many, and with the zero that a number may lack."""
    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|#[^\n]*|/\*.*?\*/', lambda found: found.group(1) or "", text, flags=re.S)
    text = re.sub(r",(\s*[}\]])", r"\1", text)
    return json.loads(re.sub(r"(:\s*)\.(\d)", r"\g<1>0.\2", text))


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="kea-doc is not installed")
@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.json")) or [EXAMPLES], ids=lambda example: example.stem)
def test_each_example_of_kea_becomes_a_configuration_that_is_right(tmp_path: Path, example: Path) -> None:
    """All subnets are on links, all pools are there."""
    written, _ = migrate(example, tmp_path)
    ours, dhcp6 = tomllib.loads(written), plain(example.read_text())["Dhcp6"]  # type: ignore[index]
    networks = dhcp6.get("shared-networks", [])
    subnets = dhcp6.get("subnet6", []) + [subnet for network in networks for subnet in network.get("subnet6", [])]
    links = ours.get("link", [])
    assert sum(len(link["on-link"]) for link in links) == len(subnets)
    for kea_name, name in (("pools", "pool"), ("pd-pools", "prefix-pool")):
        assert sum(len(link.get(name, [])) for link in links) == sum(len(subnet.get(kea_name, [])) for subnet in subnets)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="kea-doc is not installed")
def test_the_table_has_every_keyword_of_kea() -> None:
    """Kea's own file of all keywords; what stands within a keyword that is listed as a whole is not told apart."""
    known: dict[str, set[str]] = {}
    for line in PAGE.read_text().splitlines():
        if line.startswith("| `"):
            keys, places = line.split(" | ")[:2]
            for place in places.split(", "):
                known.setdefault(place, set()).update(re.findall(r"`([^`]+)`", keys))
    maps = set(known) - {"everywhere"}
    unknown = {
        f"{key} in {within}"
        for within, key in keywords(plain((EXAMPLES / "all-keys.json").read_text())["Dhcp6"], "Dhcp6")  # type: ignore[index]
        if within in maps and key not in known[within] | known["everywhere"]
    }
    assert not unknown
