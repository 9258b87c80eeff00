"""Alarms over their lives: put, settled, evaluated, set, disabled and deleted, with their history and actions."""

import json
from typing import Any

import pytest

from localcloud.cloudwatch.metrics import MetricKey
from localcloud.cloudwatch.states import State
from localcloud.observatory.alarm_api import AlarmApi
from localcloud.observatory.alarms import HISTORY_MAX, Alarms
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.requests import ApiError
from localcloud.observatory.retention import RetainedMetrics

START = 1_767_600_000
TOPIC = "arn:aws:sns:eu-west-1:123456789012:t"
ARN = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:"


def metric_alarm(name: str = "a", **more: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "Namespace": "N",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmActions": [TOPIC],
        "OKActions": [TOPIC],
    } | more


class World:
    """Alarms in a cloud of the test's own, whose minutes the test ends."""

    def __init__(self) -> None:
        self.clock, self.store = SteppedClock(START), RetainedMetrics()
        self.alarms = Alarms(self.store, self.clock)
        self.api = AlarmApi(self.alarms)
        self.resources: dict[tuple[str, str], object] = {}
        self.published: list[tuple[str, str]] = []
        self.refusal: str | None = None
        self.message: dict[str, Any] = {}
        self.alarms.resources = lambda: self.resources

        def publish(topic: str, alarm: str, subject: str, message: str) -> str | None:
            self.published.append((subject.partition(":")[0], json.loads(message)["AlarmName"]))
            self.message = json.loads(message)
            return self.refusal

        self.alarms.publish = publish

    def put(self, operation: str = "PutMetricAlarm", **parameters: Any) -> None:
        alarm = self.api.read(operation, parameters)
        assert alarm is not None
        self.api.put(alarm, parameters, ARN + alarm.name)

    def put_composite(self, name: str, rule: str, **more: Any) -> None:
        self.put("PutCompositeAlarm", AlarmName=name, AlarmRule=rule, AlarmActions=[TOPIC], **more)

    def minutes(self, number: int = 1, value: float | None = None) -> None:
        for _ in range(number):
            minute = int(self.clock.now() // 60)
            if value is not None:
                self.store.add(MetricKey.of("N", "m"), minute, value)
            self.clock.advance(60)
            self.alarms.step(minute + 1)

    def settled(self) -> None:
        self.minutes(3)
        self.published.clear()

    def state(self, name: str = "a") -> str:
        return self.alarms.state(name)

    def history(self, **more: Any) -> list[str]:
        items = self.api.describe_alarm_history({"ScanBy": "TimestampAscending", "MaxRecords": 100} | more)
        return [item["HistorySummary"] for item in items["AlarmHistoryItems"]]


@pytest.fixture
def world() -> World:
    return World()


def test_alarm_fires_and_clears_with_its_actions_and_history(world: World):
    world.put(**metric_alarm())
    world.settled()
    assert world.state() == "OK"
    world.minutes(2, value=1)
    assert (world.state(), world.published) == ("ALARM", [("ALARM", "a")])
    world.minutes(8)
    assert (world.state(), world.published) == ("OK", [("ALARM", "a"), ("OK", "a")])
    sent = f"Successfully executed action {TOPIC}"
    assert world.history(AlarmName="a") == [
        'Alarm "a" created',
        *["Alarm updated from INSUFFICIENT_DATA to OK", sent],
        *["Alarm updated from OK to ALARM", sent],
        *["Alarm updated from ALARM to OK", sent],
    ]
    assert world.history(HistoryItemType="StateUpdate", StartDate=world.clock.now()) == []


def test_notification_says_what_cloudwatch_says(world: World):
    world.put(**metric_alarm(AlarmDescription="why"))
    world.settled()
    world.minutes(2, value=1)
    message = world.message
    assert message["NewStateReason"].startswith("Threshold Crossed: at least 1 out of the last 1 datapoints")
    expected = {"AWSAccountId": "123456789012", "Region": "eu-west-1", "OldStateValue": "OK", "NewStateValue": "ALARM"}
    assert {name: message[name] for name in expected} == expected
    assert (message["AlarmDescription"], message["Trigger"]["MetricName"]) == ("why", "m")


def test_refused_notification_is_in_the_history(world: World):
    world.put(**metric_alarm())
    world.settled()
    world.refusal = "No."
    world.minutes(2, value=1)
    assert world.history()[-1] == f'Failed to execute action {TOPIC}. Received error: "No."'


def test_alarm_waits_until_what_it_refers_to_has_settled(world: World):
    queue = {"Namespace": "AWS/SQS", "MetricName": "m", "Dimensions": [{"Name": "QueueName", "Value": "q"}]}
    world.put(**metric_alarm(TreatMissingData="breaching", **queue))
    world.minutes(5)
    assert world.state() == "INSUFFICIENT_DATA"  # its queue does not exist
    world.resources["QueueName", "q"] = 1
    for change in range(3):
        world.resources["FunctionName", "f"] = change
        world.minutes()
        assert world.state() == "INSUFFICIENT_DATA"  # something is still deployed
    world.minutes()
    assert world.state() == "ALARM"  # the control: it breached all the time
    world.resources["FunctionName", "f"] = "changed"
    world.put(**metric_alarm(**queue))
    world.minutes()
    assert world.state() == "OK"  # an alarm that counts goes on counting


def test_new_alarm_waits_for_a_whole_minute(world: World):
    world.minutes(3)
    world.clock.advance(30)
    world.put(**metric_alarm(TreatMissingData="breaching"))
    world.clock.advance(-30)
    world.minutes()
    assert world.state() == "INSUFFICIENT_DATA"
    world.minutes()
    assert world.state() == "ALARM"


def test_composite_alarm_waits_for_its_children_and_reads_their_states(world: World):
    world.put(**metric_alarm("a"))
    world.put(**metric_alarm("b", Namespace="AWS/SQS", Dimensions=[{"Name": "QueueName", "Value": "q"}]))
    world.put_composite("c", 'ALARM("a") OR ALARM(b)')
    world.minutes(5, value=1)
    assert (world.state("a"), world.state("c")) == ("ALARM", "INSUFFICIENT_DATA")
    world.resources["QueueName", "q"] = 1
    world.minutes(2, value=1)
    assert world.state("c") == "ALARM"
    assert world.message["AlarmRule"] == 'ALARM("a") OR ALARM(b)'
    assert "because of a" in world.message["NewStateReason"]


def test_suppressor_holds_the_actions_back(world: World):
    world.put(**metric_alarm("a", AlarmActions=[], OKActions=[]))
    world.put(**metric_alarm("s", AlarmActions=[], OKActions=[], Threshold=1))
    more = {"ActionsSuppressor": ARN + "s", "ActionsSuppressorWaitPeriod": 60, "ActionsSuppressorExtensionPeriod": 60}
    world.put_composite("c", "ALARM(a)", **more)
    world.settled()
    world.minutes(6, value=2)
    assert ([world.state(name) for name in "asc"], world.published) == (["ALARM"] * 3, [])
    world.minutes(8, value=1)  # the suppressor is over, the fault is not
    assert ([world.state(name) for name in "asc"], world.published) == (["ALARM", "OK", "ALARM"], [("ALARM", "c")])
    [described] = world.api.describe_alarms({"AlarmTypes": ["CompositeAlarm"]})["CompositeAlarms"]
    assert {name: described[name] for name in more} == more


def test_described_alarm_has_everything_that_was_put(world: World):
    metric = {"Namespace": "N", "MetricName": "m", "Dimensions": [{"Name": "d", "Value": "x"}]}
    queries = [
        {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "p90"}, "ReturnData": False},
        {"Id": "e", "Expression": "m * 2", "Label": "double", "ReturnData": True},
    ]
    shared = {"EvaluationPeriods": 2, "Threshold": 1, "ComparisonOperator": "LessThanThreshold"}
    world.put(AlarmName="math", Metrics=queries, Tags=[{"Key": "k", "Value": "v"}], **shared)
    [found] = world.api.describe_alarms({"AlarmNames": ["math"]})["MetricAlarms"]
    assert found["Metrics"] == queries
    assert {name: found[name] for name in shared} == shared
    assert (found["ActionsEnabled"], found["AlarmArn"], "Tags" in found) == (True, ARN + "math", False)
    assert found["StateValue"] == "INSUFFICIENT_DATA"


def test_alarms_are_described_by_name_prefix_state_and_page(world: World):
    for name in ("a1", "a2", "b1"):
        world.put(**metric_alarm(name))
    world.put_composite("a3", "ALARM(a1)")

    def names(**parameters: Any) -> list[str]:
        found = world.api.describe_alarms(parameters)
        return [alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found[kind]]

    assert names() == ["a1", "a2", "b1"]
    assert names(AlarmNamePrefix="a", AlarmTypes=["MetricAlarm", "CompositeAlarm"]) == ["a1", "a2", "a3"]
    assert names(AlarmNames=["b1", "absent"]) == ["b1"]
    assert names(StateValue="OK") == []
    assert names(ActionPrefix="arn:aws:lambda") == []
    first = world.api.describe_alarms({"MaxRecords": 2})
    assert names(MaxRecords=2, NextToken=first["NextToken"]) == ["b1"]
    request = {"Namespace": "N", "MetricName": "m"}
    assert len(world.api.describe_alarms_for_metric(request)["MetricAlarms"]) == 3
    assert world.api.describe_alarms_for_metric(request | {"MetricName": "x"})["MetricAlarms"] == []


def test_relatives_of_an_alarm_are_described(world: World):
    world.put(**metric_alarm("a1"))
    world.put(**metric_alarm("a2"))
    world.put_composite("b", "ALARM(a1)")
    world.put_composite("c", "ALARM(b) OR ALARM(a2)")
    found = world.api.describe_alarms({"ChildrenOfAlarmName": "c"})
    assert [[alarm["AlarmName"] for alarm in found[kind]] for kind in ("MetricAlarms", "CompositeAlarms")] == [
        ["a2"],
        ["b"],
    ]
    assert found["MetricAlarms"][0].keys() == {"AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp"}
    found = world.api.describe_alarms({"ParentsOfAlarmName": "a1", "MaxRecords": 1})
    assert found == {"MetricAlarms": [], "CompositeAlarms": [{"AlarmName": "b", "AlarmArn": ARN + "b"}]}


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"ChildrenOfAlarmName": "a", "StateValue": "ALARM"}, "ChildrenOfAlarmName cannot be used with StateValue."),
        ({"ParentsOfAlarmName": "a", "ChildrenOfAlarmName": "a"}, "cannot be used with ParentsOfAlarmName."),
        ({"AlarmNames": ["a"], "AlarmNamePrefix": "a"}, "AlarmNames and AlarmNamePrefix cannot be used together."),
        ({"AlarmNames": ["a"] * 101}, "AlarmNames has 101 names; at most 100 are allowed."),
        ({"StateValue": "RED"}, "StateValue is 'RED'; it must be OK, ALARM, INSUFFICIENT_DATA."),
    ],
)
def test_filter_that_aws_rejects_is_rejected(world: World, more: dict[str, Any], message: str):
    with pytest.raises(ApiError) as raised:
        world.api.describe_alarms(more)
    assert message in raised.value.message


def test_set_state_acts_and_lasts_until_the_next_evaluation(world: World):
    world.put(**metric_alarm())
    world.settled()
    world.api.set_alarm_state({"AlarmName": "a", "StateValue": "ALARM", "StateReason": "by hand"})
    [found] = world.api.describe_alarms({})["MetricAlarms"]
    assert (found["StateValue"], found["StateReason"], world.published) == ("ALARM", "by hand", [("ALARM", "a")])
    world.minutes()
    assert (world.state(), world.published[1:]) == ("OK", [("OK", "a")])
    with pytest.raises(ApiError, match="no alarm"):
        world.api.set_alarm_state({"AlarmName": "absent", "StateValue": "OK", "StateReason": ""})
    with pytest.raises(ApiError):
        world.api.set_alarm_state({"AlarmName": "a", "StateValue": "FINE", "StateReason": ""})


def test_disabled_actions_are_not_taken(world: World):
    world.put(**metric_alarm())
    world.settled()
    world.api.operations["DisableAlarmActions"]({"AlarmNames": ["a", "absent"]})
    world.minutes(2, value=1)
    assert (world.state(), world.published) == ("ALARM", [])
    assert world.api.describe_alarms({})["MetricAlarms"][0]["ActionsEnabled"] is False
    world.api.operations["EnableAlarmActions"]({"AlarmNames": ["a"]})
    world.minutes(8)
    assert world.published == [("OK", "a")]


def test_alarm_that_a_composite_needs_cannot_be_deleted(world: World):
    world.put(**metric_alarm())
    world.put_composite("c", "ALARM(a)")
    with pytest.raises(ApiError, match="c depends on it"):
        world.api.check_delete({"AlarmNames": ["a"]})
    world.api.delete(world.api.check_delete({"AlarmNames": ["c"]}))
    world.api.delete(world.api.check_delete({"AlarmNames": ["a", "absent"]}))
    world.minutes(3)
    assert world.api.describe_alarms({"AlarmTypes": ["MetricAlarm", "CompositeAlarm"]})["MetricAlarms"] == []
    assert world.history(AlarmName="a")[-1] == 'Alarm "a" deleted'


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"AlarmName": "c", "AlarmRule": "ALARM(absent)"}, "absent does not exist"),
        ({"AlarmName": "c", "AlarmRule": "ALARM(c)"}, "depends on itself"),
        ({"AlarmName": "c", "AlarmRule": "ALARM(a) AND"}, "not a rule"),
        ({"AlarmName": "c", "AlarmRule": "AT_LEAST(2, ALARM, (a, b))"}, "rule"),
        ({"AlarmName": "c", "AlarmRule": "NOT " * 2559 + "ALARM(a)"}, "10240 characters"),
        ({"AlarmName": "c", "AlarmRule": "NOT " * 2558 + "ALARM(a)"}, "200 operators inside each other"),
        ({"AlarmName": "c", "AlarmRule": "(" * 250 + "ALARM(a)" + ")" * 250}, "not a rule"),
        ({"AlarmName": "c", "AlarmRule": "ALARM(a)", "ActionsSuppressor": "a"}, "ActionsSuppressorWaitPeriod"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_malformed_composite_alarm_is_rejected(world: World, parameters: dict[str, Any], message: str):
    world.put(**metric_alarm())
    with pytest.raises(ApiError, match=message):
        world.put("PutCompositeAlarm", **parameters)
    world.minutes(3, value=1)
    assert (world.state(), len(world.alarms.all())) == ("ALARM", 1)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"Metrics": [{"Id": "e", "Expression": "ANOMALY_DETECTION_BAND(m)", "ReturnData": True}]},
            "ANOMALY_DETECTION_BAND|list|unpack",
        ),
        ({"ThresholdMetricId": "e"}, "ThresholdMetricId"),
        ({"Period": 10}, "whole minutes"),
        ({"Period": "x"}, "not allowed"),
        ({"EvaluationPeriods": 10_000}, "at most"),
        ({"ComparisonOperator": "LessThanLowerThreshold"}, "not supported"),
        ({"TreatMissingData": "maybe"}, "maybe"),
        ({"Statistic": "IQM"}, "IQM"),
        ({"Unit": "Bytes"}, "Unit"),
        ({"AlarmName": ""}, "AlarmName"),
        ({"Metrics": ["m"]}, "not allowed"),
        ({"Dimensions": [{"Name": "d"}]}, "not allowed"),
    ],
    ids=str,
)
def test_alarm_that_cannot_be_evaluated_is_rejected(world: World, more: dict[str, Any], message: str):
    with pytest.raises(ApiError, match=message):
        world.put(**metric_alarm(**more))
    assert world.alarms.all() == []


def test_history_is_bounded(world: World):
    world.put(**metric_alarm(AlarmActions=[], OKActions=[]))
    for number in range(HISTORY_MAX):
        world.alarms.set_state("a", State.ALARM if number % 2 else State.OK, "by hand", "")
    assert len(world.alarms.history) == HISTORY_MAX
