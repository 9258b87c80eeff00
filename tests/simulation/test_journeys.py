"""A fault in one journey pages while the on-call engineer fixes the other, which is why no page suppresses another."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm, Suppressor
from localcloud.cloudwatch.states import State
from simulation.conditions import A_MINUTE
from simulation.harness import Simulation
from simulation.report import PROMPT_MINUTES
from simulation.scenarios import START
from simulation.verdicts import PAGE, severity

INGEST, API = "ingest-unhealthy", "api-unhealthy"
SECOND_FAULT_MINUTES = 30
FAULTS = {
    "query function crashes, and half an hour later the consumer stops": (API, INGEST),
    "consumer stops, and half an hour later the query function crashes": (INGEST, API),
}


@pytest.fixture(scope="module", params=FAULTS)
def simulation(request: pytest.FixtureRequest) -> Simulation:
    return Simulation.of(request.param, A_MINUTE)


def pages(simulation: Simulation, alarms: Iterable[Alarm]) -> list[tuple[str, int]]:
    """The journeys that paged, with the minutes since the first fault began; the probe pages for both."""
    paged = [
        (simulation.stack.alarm_id(notification.alarm), notification.minute - START)
        for notification in simulation.evaluate(alarms).notifications
        if notification.state is State.ALARM and severity(notification) is PAGE
    ]
    return [(alarm_id, minute) for alarm_id, minute in paged if alarm_id in (INGEST, API)]


def test_second_fault_in_the_other_journey_pages_as_promptly(simulation: Simulation) -> None:
    (first, first_minutes), (second, second_minutes) = pages(simulation, simulation.stack.alarms)
    assert (first, second) == FAULTS[simulation.scenario.name]
    assert first_minutes <= PROMPT_MINUTES
    assert SECOND_FAULT_MINUTES < second_minutes <= SECOND_FAULT_MINUTES + PROMPT_MINUTES


def test_control_with_one_page_suppressing_the_other_the_second_fault_does_not_page(simulation: Simulation) -> None:
    first, second = FAULTS[simulation.scenario.name]
    stack = simulation.stack
    suppressed = stack.alarm(second)
    assert isinstance(suppressed, CompositeAlarm)
    suppressor = Suppressor(alarm=stack.prefix + first, wait_seconds=0, extension_seconds=3_600)
    others = [alarm for alarm in stack.alarms if alarm is not suppressed]
    assert [page for page, _ in pages(simulation, [*others, replace(suppressed, suppressor=suppressor)])] == [first]
