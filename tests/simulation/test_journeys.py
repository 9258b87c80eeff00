"""Whoever mends one journey is still woken by the other: the reason why neither page silences the other one."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm, Suppressor
from localcloud.cloudwatch.states import State
from simulation.harness import evaluate
from simulation.judgement import PAGE, severity
from simulation.proof import Episode, episode_of
from simulation.report import PROMPT_MINUTES
from simulation.scenarios import A_MINUTE, START

INGEST, API = "ingest-unhealthy", "api-unhealthy"
SECOND = 30
FAULTS = {
    "query function crashes, and half an hour later the consumer stops": (API, INGEST),
    "consumer stops, and half an hour later the query function crashes": (INGEST, API),
}


@pytest.fixture(scope="module", params=FAULTS)
def episode(request: pytest.FixtureRequest) -> Episode:
    return episode_of(request.param, A_MINUTE)


def pages(episode: Episode, alarms: Iterable[Alarm]) -> list[tuple[str, int]]:
    """What paged, and how many minutes after the first fault began."""
    told = evaluate(alarms, episode.store, episode.scenario.since, episode.scenario.until).notifications
    paged = [one for one in told if one.state is State.ALARM and severity(one) == PAGE]
    return [(episode.stack.alarm_id(one.alarm), one.minute - START) for one in paged]


def test_a_second_fault_of_the_other_journey_pages_as_promptly(episode: Episode) -> None:
    first, second = FAULTS[episode.scenario.name]
    (woken, soon), (again, later) = pages(episode, episode.stack.alarms)
    assert (woken, again) == (first, second)
    assert soon <= PROMPT_MINUTES
    assert SECOND < later <= SECOND + PROMPT_MINUTES


def test_with_one_page_silencing_the_other_nobody_would_hear_of_it(episode: Episode) -> None:
    first, second = FAULTS[episode.scenario.name]
    stack = episode.stack
    silenced = stack.alarm(second)
    assert isinstance(silenced, CompositeAlarm)
    suppressor = Suppressor(alarm=stack.prefix + first, wait_seconds=0, extension_seconds=3_600)
    others = [alarm for alarm in stack.alarms if alarm is not silenced]
    assert [page for page, _ in pages(episode, [*others, replace(silenced, suppressor=suppressor)])] == [first]
