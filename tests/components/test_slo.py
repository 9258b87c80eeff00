"""Objectives: thresholds follow from the target, one of two windows ends the alarm soon, the slower stay silent."""

import dataclasses

import pytest

from components.monitoring.signals import AlarmId, MissingData, Severity
from components.monitoring.slo import ServiceLevelObjective
from components.signals.objectives import JOURNEYS, objectives

AVAILABILITY, LATENCY, INGEST = objectives("dev", "event-processing-dev-api")


def windows(objective: ServiceLevelObjective) -> dict[str, tuple[int, float]]:
    """Window and threshold by the end of the alarm's id."""
    return {
        rule.id.removeprefix(f"slo-{objective.id}-"): (signal.period_seconds, rule.threshold)
        for signal in objective.signals
        for rule in signal.alarms
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


def test_one_fault_is_told_once() -> None:
    fast, medium, slow = AVAILABILITY.composites
    assert [one.severity for one in (fast, medium, slow)] == [None, None, Severity.P2]
    assert [one.suppressed_by for one in (fast, medium, slow)] == [None, None, AlarmId.API_UNHEALTHY]
    assert (slow.wait_seconds, slow.extension_seconds) == (120, 21_600)


def test_what_burns_fast_pages_through_its_journey() -> None:
    paging = {one.id: one.children for one in JOURNEYS}
    for objective in (AVAILABILITY, LATENCY, INGEST):
        assert {one.id for one in objective.composites if not one.severity} <= set(paging[objective.paged_by])


def test_a_page_says_how_soon_the_budget_is_gone() -> None:
    fast, medium, _ = AVAILABILITY.composites
    assert "after 50 hours" in fast.meaning
    assert "after 5 days" in medium.meaning


def test_only_the_long_window_has_a_floor_and_only_the_short_remembers_minutes() -> None:
    rules = {rule.id: (signal, rule) for signal in INGEST.signals for rule in signal.alarms}
    long, rule = rules[AlarmId.SLO_INGEST_TIMELY_FAST_LONG]
    assert long.expression == "IF((late + exhausted) >= 5, 100 * (late + exhausted) / (persisted + exhausted), 0)"
    assert (rule.datapoints, rule.periods) == (1, 1)
    short, _ = rules[AlarmId.SLO_INGEST_TIMELY_FAST_SHORT]
    assert short.expression == "100 * (late + exhausted) / (persisted + exhausted)"
    remembered = {
        pace: (rule.datapoints, rule.periods)
        for pace in ("fast", "medium", "slow")
        for rule in [rules[AlarmId(f"slo-ingest-timely-{pace}-short")][1]]
    }
    assert remembered == {"fast": (1, 30), "medium": (2, 90), "slow": (2, 360)}
    assert all(rule.missing is MissingData.NOT_BREACHING and rule.severity is None for _, rule in rules.values())


@pytest.mark.parametrize("target", [94.9, 99.96, 100])
def test_a_target_whose_budget_cannot_be_alarmed_on_is_refused(target: float) -> None:
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
