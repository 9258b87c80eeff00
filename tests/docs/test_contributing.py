"""CONTRIBUTING.md says how much of each random search runs."""

import math

from tests.chaos.test_simulation import SEEDS
from tests.docs.test_documentation import ROOT
from tests.fuzz.test_fuzz import EVENTS, SOAK
from tests.ops.test_descriptors import SAMPLE


def test_numbers_are_those_of_the_tests():
    lines = (ROOT / "CONTRIBUTING.md").read_text().splitlines()
    rows = dict(line.strip("| ").split(" | ", maxsplit=1) for line in lines if line.startswith("| ") and " | " in line)
    assert rows["generated events, of each kind"] == f"{EVENTS:,} | {math.prod(SOAK):,}"
    assert rows["simulated runs with faults"].split(" | ")[0] == f"{SEEDS}"
    assert rows["commands with closed streams"] == f"{len(SAMPLE)} | all"
