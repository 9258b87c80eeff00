"""The deployer and the providers of the embedded cloud stay small, because they only serve the product."""

from tests.fakes.checkout import ROOT

LINES_MAX = 1_800


def test_deployer_and_providers_are_small() -> None:
    files = [file for folder in ("deployer", "providers") for file in (ROOT / "localcloud" / folder).glob("*.py")]
    assert sum(len(file.read_text().splitlines()) for file in files) < LINES_MAX
