"""Signals that CloudWatch cannot alarm on are rejected, and the alarms of a stack follow its settings."""

from dataclasses import replace
from typing import Any

import pytest

from components.monitoring.alarm_ids import AlarmId, AnyAlarmId, ConsumerAlarmId, ObjectiveId, PaceId, slo_alarm
from components.monitoring.alarms import AlarmContext, describe
from components.monitoring.own_signals import own_signals
from components.monitoring.selection import select
from components.monitoring.signals import Alarm, AlarmOverride, CompositeAlarm, Level, Severity, Signal
from components.monitoring.topics import listeners
from tests.components.signal_data import alarm, composite, metric, signal


def test_alarm_that_can_never_fire_is_rejected() -> None:
    with pytest.raises(ValueError, match="4 of 3 periods can never breach"):
        alarm(datapoints=4)


@pytest.mark.parametrize(
    ("changes", "metric_id", "words"),
    [
        ({"metrics": ()}, "", "no metric"),
        ({"metrics": (metric("a"), metric("a"))}, "a", "each needs its own id"),
        ({"metrics": (metric("a"), metric("b"))}, "", "an alarm is on one value"),
        ({"metrics": (metric("a"), metric("b"))}, "c", "name one of a, b"),
        ({"metrics": tuple(metric(f"m{n}") for n in range(11)), "expression": "m0"}, "", "at most 10"),
        ({"period_seconds": 43_200}, "", "more than 604800 s, the longest CloudWatch evaluates"),
        ({"period_seconds": 3_540}, "", "more than 86400 s, the longest CloudWatch evaluates"),
        ({"period_seconds": 3_456}, "", ""),
        ({"period_seconds": 3_600}, "", ""),
    ],
)
def test_signal_that_cloudwatch_cannot_alarm_on_is_rejected(
    changes: dict[str, Any], metric_id: str, words: str
) -> None:
    if not words:
        assert signal(alarm(periods=25, metric_id=metric_id), **changes)
        return
    with pytest.raises(ValueError, match=words):
        signal(alarm(periods=25, metric_id=metric_id), **changes)


@pytest.mark.parametrize("identifier", ["", "Age", "1st", "a-b"])
def test_metric_id_that_no_expression_can_name_is_rejected(identifier: str) -> None:
    with pytest.raises(ValueError, match="must start with a lower-case letter"):
        metric(identifier)


@pytest.mark.parametrize("changes", [{}, {"any_of": (AlarmId.QUEUE_AGE,), "all_of": (AlarmId.QUEUE_AGE,)}])
def test_composite_needs_either_any_of_or_all_of(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="either any_of or all_of"):
        composite(**changes)


def test_alarm_on_several_metrics_uses_the_metric_it_names() -> None:
    on_b = alarm(metric_id="b")
    assert signal(on_b, metrics=(metric("a"), metric("b"))).metric_of(on_b).id == "b"


def chosen(*signals: Signal, composites: Any = (), overrides: Any = None) -> dict[str, Any]:
    selection = select(signals, composites, level=Level.FULL, overrides=overrides or {})
    return {
        str(alarm.id): alarm.threshold if isinstance(alarm, Alarm) else [str(child) for child in alarm.children]
        for alarm in selection.alarms
    }


def test_override_changes_threshold_or_omits_alarm() -> None:
    signals = signal(alarm()), signal(alarm(AlarmId.API_5XX)), signal(alarm(AlarmId.DLQ_NOT_EMPTY))
    overrides = {"queue-age": AlarmOverride(threshold=0), "api-5xx": AlarmOverride(enabled=False)}
    assert chosen(*signals, overrides=overrides) == {"queue-age": 0, "dlq-not-empty": 60}


def test_opt_in_alarm_exists_only_if_an_override_names_it() -> None:
    silent = signal(alarm(AlarmId.QUEUE_SILENT, opt_in=True))
    assert chosen(silent) == {}
    assert chosen(silent, overrides={"queue-silent": AlarmOverride()}) == {"queue-silent": 60}
    assert chosen(silent, overrides={"queue-silent": AlarmOverride(enabled=False)}) == {}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"queue-old": AlarmOverride(enabled=False)}, "no alarm queue-old"),
        ({"consumer-down": AlarmOverride(threshold=1)}, "has no threshold"),
    ],
)
def test_override_of_missing_alarm_or_threshold_is_rejected(overrides: dict[str, AlarmOverride], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        chosen(signal(alarm()), overrides=overrides)


def test_two_alarms_with_the_same_id_are_rejected() -> None:
    with pytest.raises(ValueError, match="queue-age is not"):
        chosen(signal(alarm()), signal(alarm()))


ANY = composite(any_of=(AlarmId.QUEUE_AGE, AlarmId.CONSUMER_STALLED))
ALL = composite(all_of=(AlarmId.QUEUE_AGE, AlarmId.CONSUMER_STALLED))


@pytest.mark.parametrize(
    ("combined", "without", "expected"),
    [
        (ANY, [], {"queue-age", "consumer-stalled", "consumer-down", "service-health"}),
        (ANY, ["queue-age"], {"consumer-stalled", "consumer-down", "service-health"}),
        (ANY, ["queue-age", "consumer-stalled"], set()),
        (ALL, ["queue-age"], set()),
        # A child tells nobody by itself.
        (ANY, ["consumer-down"], set()),
    ],
)
def test_composites_and_children_are_selected_together(
    combined: CompositeAlarm, without: list[str], expected: set[str]
) -> None:
    children = [signal(alarm(child, severity=None)) for child in (AlarmId.QUEUE_AGE, AlarmId.CONSUMER_STALLED)]
    overrides = {alarm_id: AlarmOverride(enabled=False) for alarm_id in without}
    assert set(chosen(*children, composites=[combined], overrides=overrides)) == expected


def test_omitted_suppressor_suppresses_nothing() -> None:
    fast, medium = (slo_alarm(ObjectiveId.API_LATENCY, pace) for pace in (PaceId.FAST, PaceId.MEDIUM))
    composites = (
        composite(fast, any_of=(AlarmId.QUEUE_AGE,)),
        composite(medium, any_of=(AlarmId.QUEUE_AGE,), suppressed_by=fast),
    )

    def suppressor(overrides: dict[str, AlarmOverride]) -> AnyAlarmId | None:
        selection = select((signal(alarm()),), composites, level=Level.FULL, overrides=overrides)
        return next(composite.suppressed_by for composite in selection.composites if composite.id is medium)

    assert suppressor({}) is fast
    assert suppressor({fast: AlarmOverride(enabled=False)}) is None


def test_composites_follow_their_children_and_are_omitted_with_their_notifier() -> None:
    inner = composite(any_of=(AlarmId.QUEUE_AGE,), severity=None)
    outer = composite(AlarmId.INGEST_UNHEALTHY, any_of=(AlarmId.CONSUMER_DOWN,))
    slow = composite(
        slo_alarm(ObjectiveId.INGEST_TIMELY, PaceId.SLOW),
        any_of=(AlarmId.QUEUE_AGE,),
        suppressed_by=AlarmId.INGEST_UNHEALTHY,
    )
    there = list(chosen(signal(alarm(severity=None)), composites=(slow, outer, inner)))
    assert there == ["queue-age", "consumer-down", "ingest-unhealthy", "slo-ingest-timely-slow", "service-health"]
    without = {AlarmId.INGEST_UNHEALTHY: AlarmOverride(enabled=False)}
    assert list(chosen(signal(alarm(severity=None)), composites=(outer, inner), overrides=without)) == []


def test_service_health_combines_every_alarm_that_pages() -> None:
    signals = signal(alarm(severity=Severity.P1)), signal(alarm(AlarmId.API_5XX)), signal(alarm(AlarmId.API_DOWN))
    composites = (composite(any_of=(AlarmId.API_DOWN,)),)
    assert chosen(*signals, composites=composites)["service-health"] == ["queue-age", "consumer-down"]
    assert "service-health" not in chosen(signal(alarm()))
    assert "service-health" not in chosen(*signals, overrides={"service-health": AlarmOverride(enabled=False)})


CONTEXT = AlarmContext(
    physical_prefix="p-dev",
    stack="dev",
    board_url="https://board",
    runbook_url="https://runbook",
    topic_arns={},
    newest_versions={},
)


def test_description_begins_with_a_line_that_says_what_is_wrong_and_what_to_do() -> None:
    assert describe(alarm(), CONTEXT) == (
        "Events wait. | First: python -m ops logs --errors --since 15m --stack dev | Runbook: https://runbook#queue-age"
        "\n\nThen: Look.\nBoard: https://board"
    )
    assert " | First: python -m ops status --stack dev | " in describe(composite(any_of=(AlarmId.QUEUE_AGE,)), CONTEXT)
    with pytest.raises(ValueError, match="CloudWatch accepts 1024"):
        describe(alarm(meaning="x" * 1000), CONTEXT)


def test_description_of_another_consumer_names_no_command_about_the_first() -> None:
    other = replace(alarm(), id=ConsumerAlarmId("audit", AlarmId.QUEUE_AGE))
    assert describe(other, CONTEXT).startswith("Events wait. | First: Look. | Runbook: https://runbook#queue-age\n")


@pytest.mark.parametrize(
    ("email", "page", "expected"),
    [
        ("", "", {"p1": [], "p2": [], "p3": []}),
        ("mail", "", {"p1": ["email"], "p2": ["email"], "p3": ["email"]}),
        ("", "page", {"p1": ["https"], "p2": ["https"], "p3": []}),
        ("mail", "page", {"p1": ["https"], "p2": ["https", "email"], "p3": ["email"]}),
    ],
)
def test_page_is_delivered_if_any_subscriber_is_configured(email: str, page: str, expected: dict) -> None:
    heard = {
        severity.value: [protocol for protocol, _ in listeners(severity, email=email, page_endpoint=page)]
        for severity in Severity
    }
    assert heard == expected


def test_another_topic_reports_the_failure_of_a_topic() -> None:
    watched = {
        signal.alarm.topic if signal.alarm else None: {metric.dimensions["TopicName"][-2:] for metric in signal.metrics}
        for signal in own_signals("e-dev", ("/log",))[1:]
    }
    assert set().union(*watched.values()) == {"p1", "p2", "p3"}
    assert all(topic is not None and topic.value not in broken for topic, broken in watched.items())
