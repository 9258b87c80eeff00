"""Signals become alarms and boards: which, at what threshold, and what is refused."""

import dataclasses
from typing import Any

import pytest

from components.monitoring.alarms import Links, describe, select
from components.monitoring.alerting import listeners
from components.monitoring.dashboards import BoardContext, board_body, board_url
from components.monitoring.signals import AlarmId, AlarmRule, Board, Comparison, Metric, Severity, Signal
from components.rules import AlarmOverride

CONTEXT = BoardContext(
    physical_prefix="event-processing-dev", region="eu-west-1", runbook_url="https://example.com/runbook.md"
)


def metric(identifier: str = "age", **changes: Any) -> Metric:
    values = {
        "id": identifier,
        "namespace": "AWS/SQS",
        "name": "ApproximateAgeOfOldestMessage",
        "dimensions": {"QueueName": "events"},
        "statistic": "Maximum",
        "label": "age",
    }
    return Metric(**values | changes)


def rule(identifier: AlarmId = AlarmId.QUEUE_AGE, **changes: Any) -> AlarmRule:
    values = {
        "id": identifier,
        "threshold": 60,
        "datapoints": 2,
        "periods": 3,
        "severity": Severity.P2,
        "meaning": "Events wait.",
        "first_step": "Look.",
    }
    return AlarmRule(**values | changes)


def signal(*rules: AlarmRule, **changes: Any) -> Signal:
    return Signal(**{"title": "Age", "metrics": (metric(),), "unit": "seconds", "alarms": rules} | changes)


def test_a_rule_that_can_never_be_met_is_refused() -> None:
    with pytest.raises(ValueError, match="4 of 3 periods can never be met"):
        rule(datapoints=4)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"metrics": ()}, "no metric"),
        ({"metrics": (metric("a"), metric("b"))}, "an alarm watches one value"),
        ({"metrics": tuple(metric(f"m{n}") for n in range(11)), "expression": "m0"}, "at most 10"),
        ({"period_seconds": 43_200}, "longest CloudWatch evaluates"),
    ],
)
def test_a_signal_cloudwatch_could_not_alarm_on_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        signal(rule(periods=20, datapoints=20), **changes)


@pytest.mark.parametrize("identifier", ["", "Age", "1st", "a-b"])
def test_a_metric_id_no_expression_could_name_is_refused(identifier: str) -> None:
    with pytest.raises(ValueError, match="must start with a lower-case letter"):
        metric(identifier)


def chosen(*signals: Signal, level: Any = "full", overrides: Any = None) -> dict[str, float]:
    sections = select({"Ingest": signals}, level=level, overrides=overrides or {})
    return {one.id.value: one.threshold for each in sections["Ingest"] for one in each.alarms}


def test_essential_leaves_out_p3_and_full_has_everything() -> None:
    signals = signal(rule(severity=Severity.P3)), signal(rule(AlarmId.API_5XX))
    assert chosen(*signals) == {"queue-age": 60, "api-5xx": 60}
    assert chosen(*signals, level="essential") == {"api-5xx": 60}


def test_an_override_changes_threshold_or_leaves_the_alarm_out() -> None:
    signals = signal(rule()), signal(rule(AlarmId.API_5XX)), signal(rule(AlarmId.DLQ_NOT_EMPTY))
    overrides = {"queue-age": AlarmOverride(threshold=0), "api-5xx": AlarmOverride(enabled=False)}
    assert chosen(*signals, overrides=overrides) == {"queue-age": 0, "dlq-not-empty": 60}


def test_an_override_of_an_alarm_nobody_defines_is_refused() -> None:
    with pytest.raises(ValueError, match="no alarm api-5xx to override; there are queue-age"):
        chosen(signal(rule()), overrides={"api-5xx": AlarmOverride(enabled=False)})


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(ValueError, match="must be unique"):
        chosen(signal(rule()), signal(rule()))


def test_a_description_says_meaning_first_step_board_and_runbook() -> None:
    links = Links(board_url="https://board", runbook_url="https://runbook")
    assert describe(rule(), links) == (
        "Events wait.\n\nFirst: Look.\n\nBoard: https://board\nRunbook: https://runbook#queue-age"
    )
    with pytest.raises(ValueError, match="CloudWatch takes 1024"):
        describe(rule(meaning="x" * 1000), links)


@pytest.mark.parametrize(
    ("email", "page", "expected"),
    [
        ("", "", {"p1": [], "p2": [], "p3": []}),
        ("mail", "", {"p1": ["email"], "p2": ["email"], "p3": ["email"]}),
        ("", "page", {"p1": ["https"], "p2": ["https"], "p3": []}),
        ("mail", "page", {"p1": ["https"], "p2": ["https", "email"], "p3": ["email"]}),
    ],
)
def test_somebody_hears_of_a_page_whenever_anybody_can_be_told(email: str, page: str, expected: dict) -> None:
    heard = {one.value: [to for to, _ in listeners(one, email=email, page_endpoint=page)] for one in Severity}
    assert heard == expected


def graph_of(one: Signal) -> dict[str, Any]:
    body = board_body(Board.OVERVIEW, {"Ingest": [one]}, [], CONTEXT)
    (widget,) = (widget for widget in body["widgets"] if widget["type"] == "metric")
    return widget["properties"]


def test_a_graph_draws_the_metric_with_the_threshold_of_its_alarm() -> None:
    drawn = graph_of(signal(rule(comparison=Comparison.AT_LEAST)))
    options = {"id": "age", "stat": "Maximum", "label": "age"}
    assert drawn["metrics"] == [["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "events", options]]
    assert [line["value"] for line in drawn["annotations"]["horizontal"]] == [60]
    assert drawn["annotations"]["horizontal"][0]["label"] == "queue-age (P2): >= 60"
    assert drawn["yAxis"]["left"]["min"] == 0


def test_a_graph_of_an_expression_hides_its_inputs() -> None:
    lines = graph_of(signal(rule(), expression="age * 2"))["metrics"]
    assert lines[0] == [{"expression": "age * 2", "id": "result", "label": "Age"}]
    assert lines[1][-1]["visible"] is False


def test_a_board_explains_itself_and_skips_what_is_drawn_elsewhere() -> None:
    body = board_body(Board.OVERVIEW, {"Ingest": [dataclasses.replace(signal(), boards=())]}, ["arn"], CONTEXT)
    text, matrix = body["widgets"]
    assert "https://example.com/runbook.md" in text["properties"]["markdown"]
    assert matrix["properties"]["alarms"] == ["arn"]
    assert board_url(CONTEXT, Board.OVERVIEW).endswith("#dashboards/dashboard/event-processing-dev-overview")
