"""A normal day leaves everybody alone."""

from collections.abc import Iterable

import pytest

from simulation.conditions import LEVELS
from simulation.harness import evaluate, simulate, stack_for
from simulation.judgement import MAIL, WORK_LEFT, severity
from simulation.report import normal_days
from simulation.scenarios import A_MINUTE

LEVEL_NAMES = [level.name for level in LEVELS]
# From before the dead letters are looked through until after the deployment.
MORNING = (500, 680)


def told_beyond_office_hours(told: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    """All there is but the mail that dead letters wait: one invalid event in ten thousand is normal."""
    return set(told) - {(MAIL, WORK_LEFT)}


@pytest.mark.parametrize("level", LEVEL_NAMES)
def test_nobody_is_told_of_a_normal_morning(level):
    stack = stack_for(level)
    history = evaluate(stack.alarms, simulate(stack, *MORNING), *MORNING)
    told = [(severity(one), stack.alarm_id(one.alarm)) for one in history.notifications if one.state == "ALARM"]
    assert told_beyond_office_hours(told) == set()


@pytest.mark.soak
@pytest.mark.parametrize("level", LEVEL_NAMES)
def test_nobody_is_told_in_thirty_normal_days(level):
    assert told_beyond_office_hours(normal_days(stack_for(level), 30)) == set()


def test_the_model_runs_on_names_alone_and_draws_the_same_again():
    stack = stack_for(A_MINUTE)
    once, again = (simulate(stack, *MORNING, seed="same") for _ in range(2))
    other = simulate(stack, *MORNING, seed="other")
    sums = [
        [store.sample_count(key, *MORNING) for key in sorted(once.keys(), key=str)] for store in (once, again, other)
    ]
    assert sums[0] == sums[1] != sums[2]
