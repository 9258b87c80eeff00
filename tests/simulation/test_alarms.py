"""Every alarm of the recorded catalogue fires, clears and stays quiet before; two wrong versions of each are caught."""

import functools

import pytest

from localcloud.cloudwatch.evaluator import Reading
from simulation.harness import stack_for
from simulation.proof import PLAN, Episode, episode_of, failings, prove
from simulation.scenarios import A_MINUTE, A_SECOND, SCENARIOS

# What takes days or hundreds of messages a second to show is shown by `make soak`.
SHORT_MINUTES = 2_000


def _is_short(alarm_id: str) -> bool:
    name, level = PLAN[alarm_id]
    scenario = next(one for one in SCENARIOS if one.name == name)
    return level != A_SECOND and scenario.until - scenario.since < SHORT_MINUTES


ALARMS = [alarm_id if _is_short(alarm_id) else pytest.param(alarm_id, marks=pytest.mark.soak) for alarm_id in PLAN]
READINGS = {
    "as documented": Reading(),
    "DynamoDB alarms always ignore missing data": Reading(dynamodb_always_ignores=True),
    "nothing beyond the periods is retrieved": Reading(extra_points=0),
    "far more than the periods is retrieved": Reading(extra_points=5),
    "metrics of the handlers come late": Reading(delays_minutes={"EventProcessing": 3}),
    "metrics of AWS come late": Reading(delay_minutes=3, delays_minutes={"EventProcessing": 1}),
}


# Several alarms are proven by the same one.
simulated = functools.cache(episode_of)


def episode_for(alarm_id: str) -> Episode:
    return simulated(*PLAN[alarm_id])


def test_every_recorded_alarm_is_proven():
    stack = stack_for(A_MINUTE)
    assert {stack.alarm_id(alarm.name) for alarm in stack.alarms} == set(PLAN)


@pytest.mark.parametrize("alarm_id", ALARMS)
def test_it_fires_and_clears_and_two_wrong_versions_of_it_do_not(alarm_id):
    proof = prove(alarm_id, episode_for(alarm_id))
    assert proof.failings == ()
    assert len(proof.mutants) == 2
    assert all(proof.mutants.values()), proof.mutants


@pytest.mark.soak
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("alarm_id", PLAN)
def test_it_does_so_under_other_readings_of_the_documentation(alarm_id, reading):
    episode = episode_for(alarm_id)
    assert failings(episode.stack.alarm(alarm_id), episode, READINGS[reading]) == ()
