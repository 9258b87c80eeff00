"""A normal day notifies no one, except by mail about dead letters."""

import pytest

from simulation.conditions import A_MINUTE, DAY_MINUTES, LEVELS
from simulation.harness import simulate, stack_for
from simulation.report import alerts_of
from simulation.verdicts import DEAD_LETTERS_ALARM, MAIL

# From before the dead letters are handled until after the deployment.
MORNING = (500, 680)
# One invalid event in ten thousand is normal.
NORMAL_ALERTS = {(MAIL, DEAD_LETTERS_ALARM)}


@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_normal_morning_notifies_no_one(level):
    assert alerts_of(stack_for(level), *MORNING).keys() <= NORMAL_ALERTS


@pytest.mark.soak
@pytest.mark.parametrize("level", LEVELS, ids=str)
def test_thirty_normal_days_notify_no_one(level):
    assert alerts_of(stack_for(level), 0, 30 * DAY_MINUTES).keys() <= NORMAL_ALERTS


def test_equal_seeds_give_equal_metrics():
    stack = stack_for(A_MINUTE)
    first, second = (simulate(stack, *MORNING, seed="same") for _ in range(2))
    other = simulate(stack, *MORNING, seed="other")
    counts = [
        [store.sample_count(key, *MORNING) for key in sorted(first.keys(), key=str)] for store in (first, second, other)
    ]
    assert counts[0] == counts[1] != counts[2]
