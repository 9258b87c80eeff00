"""Every recorded alarm fires, clears and is quiet before its fault, and two wrong versions of it are rejected."""

import functools
from collections.abc import Iterator

import pytest

from localcloud.cloudwatch.evaluator import Assumptions
from simulation.conditions import A_MINUTE, A_SECOND
from simulation.harness import Simulation, stack_for
from simulation.proof import PLAN, failings, prove
from simulation.scenarios import scenario_named

# Longer simulations, and those at 500 events a second, are left to `make soak`, and to `make alert-quality`, whose
# document has the proof of every alarm and belongs to these alarms (test_document.py).
SHORT_MINUTES = 1_000


def is_short(alarm_id: str) -> bool:
    name, level = PLAN[alarm_id]
    scenario = scenario_named(name)
    return level != A_SECOND and scenario.until - scenario.since < SHORT_MINUTES


ALARMS = [alarm_id if is_short(alarm_id) else pytest.param(alarm_id, marks=pytest.mark.soak) for alarm_id in PLAN]
ASSUMPTIONS = {
    "as documented": Assumptions(),
    "DynamoDB alarms always ignore missing data": Assumptions(dynamodb_always_ignores=True),
    "no points beyond the periods are retrieved": Assumptions(extra_points=0),
    "many points beyond the periods are retrieved": Assumptions(extra_points=5),
    "metrics of the handlers are late": Assumptions(delays_minutes={"EventProcessing": 3}),
    "metrics of AWS are late": Assumptions(delay_minutes=3, delays_minutes={"EventProcessing": 1}),
}


# Several alarms are proven by the same simulation.
simulated = functools.cache(Simulation.of)


@pytest.fixture(autouse=True, scope="module")
def _simulations_end_with_this_file() -> Iterator[None]:
    """Millions of objects that every search for garbage would look at."""
    yield
    simulated.cache_clear()


def test_every_recorded_alarm_is_in_the_plan():
    stack = stack_for(A_MINUTE)
    assert {stack.alarm_id(alarm.name) for alarm in stack.alarms} == set(PLAN)


@pytest.mark.parametrize("alarm_id", ALARMS)
def test_alarm_fires_and_clears_and_its_mutants_do_not(alarm_id):
    proof = prove(alarm_id, simulated(*PLAN[alarm_id]))
    assert proof.failings == ()
    assert len(proof.mutants) == 2
    assert all(proof.mutants.values()), proof.mutants


@pytest.mark.soak
@pytest.mark.parametrize("assumptions", ASSUMPTIONS)
@pytest.mark.parametrize("alarm_id", PLAN)
def test_alarm_fires_and_clears_under_other_assumptions(alarm_id, assumptions):
    simulation = simulated(*PLAN[alarm_id])
    assert failings(simulation.stack.alarm(alarm_id), simulation, ASSUMPTIONS[assumptions]) == ()
