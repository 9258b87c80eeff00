"""Objectives: thresholds follow from the target, the short window clears the alarm, slower paces are suppressed."""

import dataclasses

import pytest

from components.monitoring.alarm_ids import COMPOSITES, AlarmId, ObjectiveId, PaceId, Window, slo_alarm
from components.monitoring.objectives import JOURNEYS, objectives
from components.monitoring.signals import MissingData, Severity
from components.monitoring.slo import PACES, ServiceLevelObjective

AVAILABILITY, LATENCY, INGEST = objectives(stack="dev", api_name="event-processing-dev-api", api_stage="v1")


def windows(objective: ServiceLevelObjective) -> dict[str, tuple[int, float]]:
    """Window and threshold by the end of the alarm's id."""
    return {
        alarm.id.removeprefix(f"slo-{objective.id}-"): (signal.period_seconds, alarm.threshold)
        for signal in objective.signals
        if (alarm := signal.alarm)
    }


def test_windows_and_thresholds_are_those_of_the_workbook() -> None:
    assert windows(AVAILABILITY) == {
        "fast-long": (3_600, 1.44),
        "fast-short": (60, 1.44),
        "medium-long": (21_600, 0.6),
        "medium-short": (60, 0.6),
        "slow-long": (86_400, 0.3),
        "slow-short": (60, 0.3),
    }
    assert {threshold for _, threshold in windows(LATENCY).values()} == {14.4, 6, 3}
    assert {threshold for _, threshold in windows(INGEST).values()} == {7.2, 3, 1.5}


def test_alarm_ids_of_objectives_are_settled() -> None:
    ids = [alarm_id for alarm_id in AlarmId if alarm_id.startswith("slo-")]
    assert len(ids) == 27
    assert ids[:4] == [
        "slo-api-availability-fast",
        "slo-api-availability-fast-long",
        "slo-api-availability-fast-short",
        "slo-api-availability-medium",
    ]
    assert ids[-1] == slo_alarm(ObjectiveId.INGEST_TIMELY, PaceId.SLOW, Window.SHORT) == "slo-ingest-timely-slow-short"
    assert len([alarm_id for alarm_id in COMPOSITES if alarm_id.startswith("slo-")]) == 9
    assert [pace.id for pace in PACES] == list(PaceId)


def test_only_the_slow_pace_notifies_and_is_suppressed_by_the_page() -> None:
    fast, medium, slow = AVAILABILITY.composites
    assert [alarm.severity for alarm in (fast, medium, slow)] == [None, None, Severity.P2]
    assert [alarm.suppressed_by for alarm in (fast, medium, slow)] == [None, None, AlarmId.API_UNHEALTHY]
    assert (slow.wait_seconds, slow.extension_seconds) == (120, 21_600)


def test_fast_and_medium_burn_page_through_their_journey() -> None:
    paging = {journey.id: journey.children for journey in JOURNEYS}
    for objective in (AVAILABILITY, LATENCY, INGEST):
        assert {alarm.id for alarm in objective.composites if not alarm.severity} <= set(paging[objective.paged_by])


def test_description_says_when_the_budget_is_used_up() -> None:
    fast, medium, _ = AVAILABILITY.composites
    assert "after 50 hours" in fast.meaning
    assert "after 5 days" in medium.meaning


def test_long_window_has_a_floor_and_short_window_counts_minutes() -> None:
    alarms = {alarm.id: (signal, alarm) for signal in INGEST.signals if (alarm := signal.alarm)}
    long, alarm = alarms[slo_alarm(ObjectiveId.INGEST_TIMELY, PaceId.FAST, Window.LONG)]
    assert long.expression == "IF((late + exhausted) >= 5, 100 * (late + exhausted) / (persisted + exhausted), 0)"
    assert (alarm.datapoints, alarm.periods) == (1, 1)
    short, _ = alarms[slo_alarm(ObjectiveId.INGEST_TIMELY, PaceId.FAST, Window.SHORT)]
    assert short.expression == "100 * (late + exhausted) / (persisted + exhausted)"
    remembered = {
        pace.value: (alarm.datapoints, alarm.periods)
        for pace in PaceId
        for alarm in [alarms[slo_alarm(ObjectiveId.INGEST_TIMELY, pace, Window.SHORT)][1]]
    }
    assert remembered == {"fast": (1, 30), "medium": (2, 90), "slow": (2, 360)}
    assert all(alarm.missing is MissingData.NOT_BREACHING and alarm.severity is None for _, alarm in alarms.values())


@pytest.mark.parametrize("target", [94.9, 99.96, 100])
def test_target_outside_the_range_of_burn_rates_is_rejected(target: float) -> None:
    assert dataclasses.replace(AVAILABILITY, target_percent=95).budget_percent == 5
    assert dataclasses.replace(AVAILABILITY, target_percent=99.95).budget_percent == 0.05
    with pytest.raises(ValueError, match=r"between 95 and 99\.95 %"):
        dataclasses.replace(AVAILABILITY, target_percent=target)


def test_indicator_budget_and_burn_rate_are_drawn() -> None:
    good, left, burn = (signal for signal in AVAILABILITY.signals if signal.boards)
    assert good.expression == "100 - 100 * (errors) / (requests)"
    assert left.expression == "100 - 100 * (100 * (errors) / (requests)) / 0.1"
    assert left.days == 30
    assert [line.value for line in burn.references] == [14.4, 6, 3]
