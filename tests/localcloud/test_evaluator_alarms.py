"""Recorded alarms over time: evaluation, notifications, composite alarms and their suppressors."""

from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.cloudwatch.alarms import COMPOSITE_ALARM, METRIC_ALARM, AlarmError, read_alarms
from localcloud.cloudwatch.composites import parse_rule
from localcloud.cloudwatch.evaluator import Assumptions, Evaluator
from localcloud.cloudwatch.metrics import MetricKey, MetricStore
from localcloud.cloudwatch.states import State

WITHOUT_DELAY = Assumptions(delay_minutes=0, extra_points=2)
KEY = MetricKey.of("N", "m", {"d": "1"})


def metric_alarm(name: str = "a", **inputs: Any) -> Any:
    metric = {"namespace": "N", "metricName": "m", "dimensions": {"d": "1"}, "period": 60, "statistic": "Sum"}
    rule = {"comparisonOperator": "GreaterThanThreshold", "threshold": 0, "evaluationPeriods": 1}
    rest = {"name": name, "treatMissingData": "notBreaching", "alarmActions": ["p1"], "okActions": ["p1"]}
    return SimpleNamespace(type=METRIC_ALARM, inputs=metric | rule | rest | inputs)


def composite_alarm(name: str = "c", rule: str = "ALARM(a)", **inputs: Any) -> Any:
    inputs = {"alarmName": name, "alarmRule": rule, "alarmActions": ["p1"], "okActions": ["p1"]} | inputs
    return SimpleNamespace(type=COMPOSITE_ALARM, inputs=inputs)


def filled(*values, key=KEY):
    store = MetricStore()
    for minute, value in enumerate(values):
        if value is not None:
            store.add(key, minute, value)
    return store


def notified(resources, store, minutes, assumptions=WITHOUT_DELAY):
    history = Evaluator(read_alarms(resources), store, assumptions).run(0, minutes)
    return [(sent.minute, sent.alarm, str(sent.state)) for sent in history.notifications]


def test_alarm_notifies_only_of_changes():
    store = filled(0, 1, 1, 0, 0, 1)
    assert notified([metric_alarm()], store, 6) == [
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
def test_actions_decide_which_changes_notify(inputs, states):
    notifications = notified([metric_alarm(**inputs)], filled(0, 1, 1, 0, 0, 1), 6)
    assert [state for _, _, state in notifications] == states


def test_comparison_period_and_m_of_n_are_those_of_the_inputs():
    alarm = metric_alarm(
        period=120, evaluationPeriods=3, datapointsToAlarm=2, threshold=4, comparisonOperator="LessThanThreshold"
    )
    store = filled(5, 5, 1, 1, 5, 5, 1, 1, 9, 9, 9, 9, 9, 9)
    # Periods slide by the minute: ending at minute 8, two of three sums are below 4; ending at minute 9, none is.
    assert notified([alarm], store, 14)[1:] == [(8, "a", "ALARM"), (9, "a", "OK")]


def test_newest_minute_is_not_published_yet():
    store = filled(0, 0, 1, 1, 0, 0, 0)
    delayed = Assumptions(delay_minutes=1)
    assert notified([metric_alarm()], store, 7)[1:] == [(3, "a", "ALARM"), (5, "a", "OK")]
    assert notified([metric_alarm()], store, 7, delayed)[1:] == [(4, "a", "ALARM"), (6, "a", "OK")]
    delayed_by_namespace = Assumptions(delay_minutes=0, delays_minutes={"N": 1})
    assert notified([metric_alarm()], store, 7, delayed_by_namespace)[1:] == [(4, "a", "ALARM"), (6, "a", "OK")]


def test_filling_with_a_breaching_value_clears_only_if_m_is_less_than_n():
    """The user guide warns of this behaviour of FILL."""

    def stalled(datapoints, periods):
        query = {"id": "r", "expression": "IF(FILL(m, 0) < 1, 1, 0)", "returnData": True}
        metric = {"namespace": "N", "metricName": "m", "dimensions": {"d": "1"}, "period": 60, "stat": "Sum"}
        nothing: dict[str, Any] = dict.fromkeys(("namespace", "metricName", "dimensions", "period", "statistic"))
        return metric_alarm(
            **nothing,
            metricQueries=[{"id": "m", "metric": metric}, query],
            evaluationPeriods=periods,
            datapointsToAlarm=datapoints,
        )

    healthy = filled(*[5] * 20)
    assert notified([stalled(1, 1)], healthy, 20, Assumptions(delay_minutes=1)) == [(1, "a", "ALARM")]
    assert notified([stalled(2, 3)], healthy, 20, Assumptions(delay_minutes=1))[-1] == (3, "a", "OK")


def test_dynamodb_alarm_ignores_missing_data_by_default_and_under_one_assumption_always():
    key = MetricKey.of("AWS/DynamoDB", "m", {"d": "1"})
    store = filled(1, 1, None, None, None, None, None, None, key=key)

    def states(assumptions, **inputs):
        notifications = notified([metric_alarm(namespace="AWS/DynamoDB", **inputs)], store, 8, assumptions)
        return [state for _, _, state in notifications]

    assert states(WITHOUT_DELAY) == ["ALARM", "OK"]
    assert states(WITHOUT_DELAY, treatMissingData=None) == ["ALARM"]
    assert states(Assumptions(delay_minutes=0, dynamodb_always_ignores=True)) == ["ALARM"]


def test_percentile_with_few_samples_keeps_the_state_if_configured():
    inputs = {"statistic": None, "extendedStatistic": "p90", "threshold": 10}
    store = MetricStore()
    store.add(KEY, 0, 50, 99)
    store.add(KEY, 1, 50, 100)
    assert notified([metric_alarm(**inputs)], store, 2) == [(1, "a", "ALARM")]
    ignoring = metric_alarm(**inputs, evaluateLowSampleCountPercentiles="ignore")
    assert notified([ignoring], store, 2) == [(2, "a", "ALARM")]


def test_warm_up_ends_with_data_or_after_its_duration():
    inputs = {"treatMissingData": "breaching", "threshold": 0, "comparisonOperator": "LessThanOrEqualToThreshold"}
    warm = metric_alarm(**inputs, warmUpConfiguration={"warmUpPeriodDurationInMinutes": 5})
    assert notified([warm], MetricStore(), 9) == [(6, "a", "ALARM")]
    assert notified([warm], filled(None, None, 1), 9) == [(3, "a", "OK"), (6, "a", "ALARM")]
    with pytest.raises(AlarmError, match="onlyStart"):
        read_alarms([metric_alarm(warmUpConfiguration={"onlyStartEvaluatingAfterWarmUpPeriodEnds": True})])


def test_periods_of_more_than_a_day_are_evaluated_hourly():
    alarm = metric_alarm(period=86_400, evaluationPeriods=2, datapointsToAlarm=1)
    store = MetricStore()
    store.add(KEY, 70, 1)
    assert notified([alarm], store, 200) == [(60, "a", "OK"), (120, "a", "ALARM")]


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
        # The deepest that are accepted.
        ("NOT " * 200 + "ALARM(a)", "ALARM"),
        ("(ALARM(b) OR NOT " * 100 + "ALARM(a)" + ")" * 100, "ALARM"),
    ],
    ids=lambda value: value[:60],
)
def test_rule_of_a_composite_alarm(rule, expected):
    states = {"a": State.ALARM, "b": State.OK, "i": State.INSUFFICIENT_DATA}
    assert parse_rule(rule).state(states) == expected


@pytest.mark.parametrize("rule", ["a", "ALARM(a", "ALARM(a) + ALARM(b)", "1", "ALARM()", "BROKEN(a)", "", "x OR TRUE"])
def test_invalid_rule_is_an_error(rule):
    with pytest.raises(ValueError, match="rule"):
        parse_rule(rule)


def test_composite_of_composites_changes_in_the_same_minute():
    resources = [
        composite_alarm("outer", "ALARM(inner)"),
        composite_alarm("inner", "ALARM(a)", alarmActions=[], okActions=[]),
        metric_alarm(alarmActions=[], okActions=[]),
    ]
    assert notified(resources, filled(0, 1, 0), 3) == [(1, "outer", "OK"), (2, "outer", "ALARM"), (3, "outer", "OK")]


def suppressed(main, suppressor, wait, extension):
    """When a composite alarm acts, given the minutes in which its child and its suppressor are in ALARM (X)."""
    store = MetricStore()
    for name, states in {"a": main, "s": suppressor}.items():
        for minute, state in enumerate(states):
            store.add(MetricKey.of("N", name), minute, float(state == "X"))
    resources = [
        *(metric_alarm(name, metricName=name, dimensions={}, alarmActions=[], okActions=[]) for name in ("a", "s")),
        composite_alarm(actionsSuppressor={"alarm": "s", "waitPeriod": wait * 60, "extensionPeriod": extension * 60}),
    ]
    notifications = notified(resources, store, len(main))
    return [(minute - 1, state) for minute, _, state in notifications if minute > wait + 1]


@pytest.mark.parametrize(
    ("main", "suppressor", "expected"),
    [
        # The six examples of the user guide (wait 2, extension 3), each after six quiet time units.
        pytest.param("......" "..XXXX", "......" "......", [(10, "ALARM")], id="1 not suppressed after the wait"),
        pytest.param("......" "..XXXX", "......" "...XXX", [], id="2 suppressed before the wait expires"),
        pytest.param("......" "..X.....", "......" "........", [(11, "OK")], id="3 back during the wait"),
        pytest.param("......" "..XXXX", "......" ".XXXXX", [], id="4 already suppressed"),
        pytest.param("......" "..XXXXXXXXX", "......" "...XXX.....", [(15, "ALARM")], id="5 after the extension"),
        pytest.param("......" "..XXXXX....", "......" "...XXX.....", [(15, "OK")], id="6 back during the extension"),
        # Not in the user guide: no change was held back, so no action is repeated.
        pytest.param("......" "..XXXXXXXXXX", "......" ".....XX.....", [(10, "ALARM")], id="acted before"),
    ],
)  # fmt: skip
def test_suppression_matches_the_documentation(main, suppressor, expected):
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
def test_unsupported_alarm_is_an_error_that_names_why(resources, named):
    with pytest.raises(AlarmError, match=named):
        read_alarms(resources)
