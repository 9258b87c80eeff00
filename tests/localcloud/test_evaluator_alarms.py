"""Recorded alarms over time: evaluation, notification, composites and their suppressors."""

from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.cloudwatch.alarms import COMPOSITE_ALARM, METRIC_ALARM, AlarmError, read_alarms
from localcloud.cloudwatch.composites import parse_rule
from localcloud.cloudwatch.evaluator import Evaluator, Reading
from localcloud.cloudwatch.metrics import MetricKey, MetricStore
from localcloud.cloudwatch.states import State

PROMPT = Reading(delay_minutes=0, extra_points=2)
KEY = MetricKey.of("N", "m", {"d": "1"})


def metric_alarm(name: str = "a", **inputs: Any) -> Any:
    return SimpleNamespace(
        type=METRIC_ALARM,
        inputs={
            "name": name,
            "namespace": "N",
            "metricName": "m",
            "dimensions": {"d": "1"},
            "period": 60,
            "statistic": "Sum",
            "comparisonOperator": "GreaterThanThreshold",
            "threshold": 0,
            "evaluationPeriods": 1,
            "treatMissingData": "notBreaching",
            "alarmActions": ["p1"],
            "okActions": ["p1"],
        }
        | inputs,
    )


def composite_alarm(name: str = "c", rule: str = "ALARM(a)", **inputs: Any) -> Any:
    return SimpleNamespace(
        type=COMPOSITE_ALARM,
        inputs={"alarmName": name, "alarmRule": rule, "alarmActions": ["p1"], "okActions": ["p1"]} | inputs,
    )


def filled(*values, key=KEY):
    store = MetricStore()
    for minute, value in enumerate(values):
        if value is not None:
            store.add(key, minute, value)
    return store


def told(resources, store, minutes, reading=PROMPT):
    history = Evaluator(read_alarms(resources), store, reading).run(0, minutes)
    return [(one.minute, one.alarm, str(one.state)) for one in history.notifications]


def test_an_alarm_tells_of_changes_and_not_of_states():
    store = filled(0, 1, 1, 0, 0, 1)
    assert told([metric_alarm()], store, 6) == [
        (1, "a", "OK"), (2, "a", "ALARM"), (4, "a", "OK"), (6, "a", "ALARM"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("inputs", "states"),
    [
        ({"actionsEnabled": False}, []),
        ({"okActions": []}, ["ALARM", "ALARM"]),
        ({"alarmActions": None}, ["OK", "OK"]),
        ({}, ["OK", "ALARM", "OK", "ALARM"]),
    ],
)
def test_who_is_told_is_what_the_actions_say(inputs, states):
    found = told([metric_alarm(**inputs)], filled(0, 1, 1, 0, 0, 1), 6)
    assert [state for _, _, state in found] == states


def test_comparisons_periods_and_m_of_n_follow_the_inputs():
    alarm = metric_alarm(
        period=120, evaluationPeriods=3, datapointsToAlarm=2, threshold=4, comparisonOperator="LessThanThreshold"
    )
    store = filled(5, 5, 1, 1, 5, 5, 1, 1, 9, 9, 9, 9, 9, 9)
    # Periods slide by the minute: ending at 8, two of three sum to less than 4; ending at 9, none does.
    assert told([alarm], store, 14)[1:] == [(8, "a", "ALARM"), (9, "a", "OK")]


def test_the_newest_minute_is_not_published_yet():
    store = filled(0, 0, 1, 1, 0, 0, 0)
    late = Reading(delay_minutes=1)
    assert told([metric_alarm()], store, 7)[1:] == [(3, "a", "ALARM"), (5, "a", "OK")]
    assert told([metric_alarm()], store, 7, late)[1:] == [(4, "a", "ALARM"), (6, "a", "OK")]
    assert told([metric_alarm()], store, 7, Reading(delay_minutes=0, delays_minutes={"N": 1})) == told(
        [metric_alarm()], store, 7, late
    )


def test_filling_with_what_breaches_never_clears_unless_m_is_less_than_n():
    """The user guide's warning about FILL, as a fact of this evaluator."""

    def stalled(datapoints, periods):
        query = {"id": "r", "expression": "IF(FILL(m, 0) < 1, 1, 0)", "returnData": True}
        metric = {"namespace": "N", "metricName": "m", "dimensions": {"d": "1"}, "period": 60, "stat": "Sum"}
        return metric_alarm(
            **dict[str, Any].fromkeys(("namespace", "metricName", "dimensions", "period", "statistic")),
            metricQueries=[{"id": "m", "metric": metric}, query],
            evaluationPeriods=periods,
            datapointsToAlarm=datapoints,
        )

    healthy = filled(*[5] * 20)
    assert told([stalled(1, 1)], healthy, 20, Reading(delay_minutes=1)) == [(1, "a", "ALARM")]
    assert told([stalled(2, 3)], healthy, 20, Reading(delay_minutes=1))[-1] == (3, "a", "OK")


def test_dynamodb_ignores_missing_data_unless_told_and_in_one_reading_even_then():
    key = MetricKey.of("AWS/DynamoDB", "m", {"d": "1"})
    store = filled(1, 1, None, None, None, None, None, None, key=key)

    def states(reading, **inputs):
        found = told([metric_alarm(namespace="AWS/DynamoDB", **inputs)], store, 8, reading)
        return [state for _, _, state in found]

    assert states(PROMPT) == ["ALARM", "OK"]
    assert states(PROMPT, treatMissingData=None) == ["ALARM"]
    assert states(Reading(delay_minutes=0, dynamodb_always_ignores=True)) == ["ALARM"]


def test_percentiles_with_few_samples_keep_the_state_when_told_to():
    inputs = {"statistic": None, "extendedStatistic": "p90", "threshold": 10}
    store = MetricStore()
    store.add(KEY, 0, 50, 99)
    store.add(KEY, 1, 50, 100)
    assert told([metric_alarm(**inputs)], store, 2) == [(1, "a", "ALARM")]
    ignoring = metric_alarm(**inputs, evaluateLowSampleCountPercentiles="ignore")
    assert told([ignoring], store, 2) == [(2, "a", "ALARM")]


def test_a_warm_up_waits_for_data_and_not_longer_than_it_says():
    inputs = {"treatMissingData": "breaching", "threshold": 0, "comparisonOperator": "LessThanOrEqualToThreshold"}
    warm = metric_alarm(**inputs, warmUpConfiguration={"warmUpPeriodDurationInMinutes": 5})
    assert told([warm], MetricStore(), 9) == [(6, "a", "ALARM")]
    assert told([warm], filled(None, None, 1), 9) == [(3, "a", "OK"), (6, "a", "ALARM")]
    with pytest.raises(AlarmError, match="onlyStart"):
        read_alarms([metric_alarm(warmUpConfiguration={"onlyStartEvaluatingAfterWarmUpPeriodEnds": True})])


def test_more_than_a_day_is_evaluated_on_the_hour():
    alarm = metric_alarm(period=86_400, evaluationPeriods=2, datapointsToAlarm=1)
    store = MetricStore()
    store.add(KEY, 70, 1)
    assert told([alarm], store, 200) == [(60, "a", "OK"), (120, "a", "ALARM")]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("ALARM(a) OR ALARM(b)", "ALARM"),
        ("ALARM(a) AND ALARM(b)", "OK"),
        ("ALARM(a) AND NOT ALARM(b)", "ALARM"),
        ('ALARM("a") AND OK("b")', "ALARM"),
        ("ALARM(arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a)", "ALARM"),
        ("INSUFFICIENT_DATA(i) AND (ALARM(b) OR ALARM(a))", "ALARM"),
        ("NOT (ALARM(a) OR ALARM(b))", "OK"),
        ("TRUE", "ALARM"),
        ("FALSE OR ALARM(b)", "OK"),
        ("NOT ALARM(a) OR ALARM(a) AND TRUE", "ALARM"),
    ],
)
def test_rules_of_composites(rule, expected):
    states = {"a": State.ALARM, "b": State.OK, "i": State.INSUFFICIENT_DATA}
    assert parse_rule(rule).state(states) == expected


@pytest.mark.parametrize("rule", ["a", "ALARM(a", "ALARM(a) + ALARM(b)", "1", "ALARM()", "BROKEN(a)", "", "x OR TRUE"])
def test_what_is_no_rule_is_refused(rule):
    with pytest.raises(ValueError, match="rule"):
        parse_rule(rule)


def test_a_composite_of_composites_changes_in_the_same_minute():
    resources = [
        composite_alarm("outer", "ALARM(inner)"),
        composite_alarm("inner", "ALARM(a)", alarmActions=[], okActions=[]),
        metric_alarm(alarmActions=[], okActions=[]),
    ]
    assert told(resources, filled(0, 1, 0), 3) == [(1, "outer", "OK"), (2, "outer", "ALARM"), (3, "outer", "OK")]


def suppressed(main, suppressor, wait, extension):
    """When a composite acts, minute by minute, given who is in ALARM (X) when; minutes are the guide's time units."""
    store = MetricStore()
    for name, states in {"a": main, "s": suppressor}.items():
        for minute, state in enumerate(states):
            store.add(MetricKey.of("N", name), minute, float(state == "X"))
    resources = [
        *(metric_alarm(name, metricName=name, dimensions={}, alarmActions=[], okActions=[]) for name in ("a", "s")),
        composite_alarm(
            actionsSuppressor={"alarm": "s", "waitPeriod": wait * 60, "extensionPeriod": extension * 60},
        ),
    ]
    found = told(resources, store, len(main))
    return [(minute - 1, state) for minute, _, state in found if minute > wait + 1]


@pytest.mark.parametrize(
    ("main", "suppressor", "expected"),
    [
        # The user guide's six examples (a wait of 2, an extension of 3), six quiet units in front of each.
        pytest.param("......" "..XXXX", "......" "......", [(10, "ALARM")], id="1 not suppressed after the wait"),
        pytest.param("......" "..XXXX", "......" "...XXX", [], id="2 suppressed before the wait expires"),
        pytest.param("......" "..X.....", "......" "........", [(11, "OK")], id="3 back during the wait"),
        pytest.param("......" "..XXXX", "......" ".XXXXX", [], id="4 already suppressed"),
        pytest.param("......" "..XXXXXXXXX", "......" "...XXX.....", [(15, "ALARM")], id="5 after the extension"),
        pytest.param("......" "..XXXXX....", "......" "...XXX.....", [(15, "OK")], id="6 back during the extension"),
        # Not in the guide: nothing was held back, so nothing is repeated.
        pytest.param("......" "..XXXXXXXXXX", "......" ".....XX.....", [(10, "ALARM")], id="acted before"),
    ],
)  # fmt: skip
def test_suppression_as_documented(main, suppressor, expected):
    assert suppressed(main, suppressor, wait=2, extension=3) == expected


@pytest.mark.parametrize(
    ("resources", "named"),
    [
        ([metric_alarm(thresholdMetricId="band")], "thresholdMetricId"),
        ([metric_alarm(unit="Seconds")], "unit"),
        ([metric_alarm(comparisonOperator="LessThanLowerOrGreaterThanUpperThreshold")], "LessThanLower"),
        ([metric_alarm(statistic="IQM")], "IQM"),
        ([metric_alarm(period=10)], "10 s"),
        ([metric_alarm(period=300, evaluationPeriods=289)], "86400"),
        ([metric_alarm(), metric_alarm()], "overwrite"),
        ([composite_alarm(rule="ALARM(gone)")], "gone"),
        ([composite_alarm(rule="maybe")], "c: "),
        ([composite_alarm(rule="TRUE", whatever=1)], "whatever"),
    ],
)
def test_what_would_be_another_alarm_is_refused(resources, named):
    with pytest.raises(AlarmError, match=named):
        read_alarms(resources)
