"""The deployer, the providers and the plugin of the embedded cloud stay small, because they only serve the product."""

from collections.abc import Iterable
from pathlib import Path

from tests.fakes.checkout import ROOT

LOCALCLOUD = ROOT / "localcloud"
CREATING_MAX = 2_140  # 210 lines of it are for a sooner start: docs/decisions/0054-less-to-import.md
CHANGING_MAX = 1_560
# What a deployment without the Pulumi CLI does not need.
CHANGING_MODULES = (
    *("adoption", "api_updates", "calls", "drift", "lifecycle", "operations", "replacements", "updates"),
)
CHANGING = {LOCALCLOUD / "providers" / f"{name}.py" for name in CHANGING_MODULES}


def lines_of(files: Iterable[Path]) -> int:
    return sum(len(file.read_text().splitlines()) for file in files)


def test_deployer_and_providers_are_small() -> None:
    files = {file for folder in ("deployer", "providers") for file in (LOCALCLOUD / folder).glob("*.py")}
    assert files > CHANGING
    assert lines_of(files - CHANGING) < CREATING_MAX


def test_plugin_and_what_it_needs_are_small() -> None:
    assert lines_of({*CHANGING, *(LOCALCLOUD / "plugin").glob("*.py")}) < CHANGING_MAX
