"""Two revisions are compared turn by turn, so that a slow minute of the machine changes no ratio."""

from pathlib import Path

import pytest

from benchmarks.against import Comparison, Pairs, RevisionError, checkout
from benchmarks.functions import Run
from benchmarks.measure import Steady, Turn, loads
from tools.benchmark_ratios import ratios


def test_ratio_is_that_of_turns_and_not_of_medians():
    # The machine becomes slower from turn to turn, and this tree always takes half of the other's time.
    pairs = Pairs([1, 2, 4, 8, 90], [2, 4, 8, 16, 180])
    assert pairs.ratio == 0.5
    assert pairs.middle_half == (0.5, 0.5)
    # Control: measured in other turns, the same figures give other ratios.
    assert Pairs([1, 2, 4, 8, 90], [180, 16, 8, 4, 2]).middle_half != (0.5, 0.5)


def test_difference_is_that_of_turns_and_not_of_medians():
    def turns(*cpu: float) -> Steady:
        return Steady(
            batch=1, turns=[Turn(events=10, run=Run(cpu=each, walls=[]), requests={}, connections=0) for each in cpu]
        )

    # The machine becomes slower from turn to turn, and each query takes a millisecond more than the least.
    query, least = turns(0.03, 0.04, 0.07, 0.09), turns(0.02, 0.03, 0.06, 0.08)
    assert query.cpu_milliseconds_above(least) == pytest.approx(1)
    # Control: measured in other turns, the same figures have another difference.
    assert turns(0.09, 0.03, 0.04, 0.07).cpu_milliseconds_above(least) != pytest.approx(1)


def test_table_counts_events_per_second_and_shows_what_a_query_takes():
    pairs = Pairs([0.001, 0.001, 0.001], [0.002, 0.003, 0.002])
    lines = ratios(Comparison(dict.fromkeys(loads(in_runtime=False), pairs), {}, {}), "v1").splitlines()
    assert lines[0] == "|  | v1 | this tree | this / v1 | middle half |"
    assert "| events per CPU second, batch of 100, traced | 500 | 1,000 | 2.00 | 2.00 to 3.00 |" in lines
    assert "| CPU of a query, ms, not traced | 2.00 | 1.00 | 0.50 | 0.33 to 0.50 |" in lines


def test_unknown_revision_is_named(tmp_path: Path):
    with pytest.raises(RevisionError, match=r"^no-such-revision is neither a checkout nor a revision: "):
        checkout("no-such-revision", tmp_path)


def test_folder_of_a_checkout_is_taken_as_it_is(tmp_path: Path):
    (tmp_path / "handlers").mkdir()
    assert checkout(str(tmp_path), tmp_path / "unused") == tmp_path.resolve()
