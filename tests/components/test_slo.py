"""Objectives: thresholds and descriptions follow from the target; `tests.graph.test_release` compares the alarms."""

import dataclasses

import pytest

from components.monitoring.objectives import objectives
from components.monitoring.slo import ServiceLevelObjective

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


def test_description_says_when_the_budget_is_used_up() -> None:
    fast, medium, _ = AVAILABILITY.composites
    assert "after 50 hours" in fast.meaning
    assert "after 5 days" in medium.meaning


@pytest.mark.parametrize("target", [94.9, 99.96, 100])
def test_target_outside_the_range_of_burn_rates_is_rejected(target: float) -> None:
    assert dataclasses.replace(AVAILABILITY, target_percent=95).budget_percent == 5
    assert dataclasses.replace(AVAILABILITY, target_percent=99.95).budget_percent == 0.05
    with pytest.raises(ValueError, match=r"between 95 and 99\.95 %"):
        dataclasses.replace(AVAILABILITY, target_percent=target)
