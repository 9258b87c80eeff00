"""Alarms that notify the topics of a stack and are about nothing, and what CloudWatch and SNS say became of them."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ops.errors import OperatorError, explain
from ops.stack import StackOutputs

# Without markup, which each receiver reads in another way.
PURPOSE = "Test of the pager by python -m ops smoke --page. Nobody needs to act."
OVER = "The test of the pager is over."
MESSAGES = 2  # that it fires, and that it clears
METRICS = ("NumberOfMessagesPublished", "NumberOfNotificationsDelivered", "NumberOfNotificationsFailed")
LONGEST_TEST = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Action:
    """What the history of an alarm says about one notification."""

    at: datetime
    error: str = ""
    """Why CloudWatch could not notify the topic; empty if it did."""


@dataclass(frozen=True, kw_only=True)
class Deliveries:
    """What SNS counted of a topic since an alarm fired, other alarms included."""

    published: int
    delivered: int
    failed: int

    def are_complete(self, subscribers: int) -> bool:
        """Whether every subscriber got every message, and so those of the test."""
        return not self.failed and self.published >= MESSAGES and self.delivered >= self.published * subscribers


class PagerAlarms:
    """An alarm of each severity. Its name begins as those of the real alarms do, so the same policies let it notify."""

    def __init__(self, outputs: StackOutputs, severities: Iterable[str]) -> None:
        self._cloudwatch = outputs.client("cloudwatch")
        self._topics = {severity: outputs.alarm_topics[severity] for severity in severities}
        self._prefix = outputs.physical_prefix
        self.names = {severity: f"{self._prefix}-pager-test-{severity}" for severity in self._topics}
        self._before: dict[str, list[Action]] = {}

    def make(self) -> None:
        """Make the alarms. No data reaches them, so they stay in the state that they are set to."""
        for severity, topic in self._topics.items():
            self._cloudwatch.put_metric_alarm(
                AlarmName=self.names[severity],
                AlarmDescription=PURPOSE,
                AlarmActions=[topic],
                # Without it, the incident of the test would stay open at the pager.
                OKActions=[topic],
                Namespace=self._prefix,
                MetricName="pager-test",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=0,
                ComparisonOperator="GreaterThanThreshold",
                TreatMissingData="ignore",
            )

    def fire(self) -> None:
        """Set every alarm to ALARM: CloudWatch then takes the action that it takes when a real alarm fires."""
        # The history keeps what earlier tests did, and its clock is not that of this machine.
        self._before = {severity: self._history(severity, ScanBy="TimestampDescending") for severity in self.names}
        for name in self.names.values():
            self._set(name, "ALARM", PURPOSE)

    def clear(self, names: Iterable[str]) -> None:
        """Set alarms to OK, so that the pager closes the incidents of the test."""
        for name in names:
            self._set(name, "OK", OVER)

    def actions(self, severity: str) -> list[Action]:
        """Return the notifications that CloudWatch has tried since the alarm fired, oldest first."""
        before = self._before[severity]
        newest = before[0].at if before else None
        actions = self._history(severity, **({"StartDate": newest} if newest else {}), ScanBy="TimestampAscending")
        return [action for action in actions if newest is None or action.at > newest]

    def _history(self, severity: str, **range_: Any) -> list[Action]:
        response = self._cloudwatch.describe_alarm_history(
            AlarmName=self.names[severity], HistoryItemType="Action", **range_
        )
        return [_action(item) for item in response["AlarmHistoryItems"]]

    def deliveries(self, fired: Mapping[str, datetime]) -> dict[str, Deliveries]:
        """Return what SNS has counted by now for the topics of alarms, since the minute in which each one fired."""
        counted = {severity: self._count(severity, at) for severity, at in fired.items()}
        return {severity: Deliveries(**counts) for severity, counts in counted.items()}

    def _count(self, severity: str, fired: datetime) -> dict[str, int]:
        minute = fired.replace(second=0, microsecond=0)
        topic = [{"Name": "TopicName", "Value": self._topics[severity].rpartition(":")[2]}]
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/SNS", "MetricName": name, "Dimensions": topic},
                    "Period": 60,
                    "Stat": "Sum",
                },
            }
            for number, name in enumerate(METRICS)
        ]
        response = self._cloudwatch.get_metric_data(
            MetricDataQueries=queries, StartTime=minute, EndTime=minute + LONGEST_TEST
        )
        sums = {result["Id"]: round(sum(result["Values"])) for result in response["MetricDataResults"]}
        return {name: sums.get(f"m{number}", 0) for number, name in enumerate(("published", "delivered", "failed"))}

    def existing(self) -> dict[str, str]:
        """Return the state of each alarm that exists now, by name."""
        found = self._cloudwatch.describe_alarms(AlarmNames=list(self.names.values()))["MetricAlarms"]
        return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}

    def delete(self, names: Iterable[str]) -> None:
        """Delete the alarms of these names."""
        self._cloudwatch.delete_alarms(AlarmNames=list(names))

    def _set(self, name: str, state: str, reason: str) -> None:
        self._cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason=reason)


def _action(item: Mapping[str, Any]) -> Action:
    summary: str = item["HistorySummary"]
    try:
        data = json.loads(item["HistoryData"])
    except ValueError:
        data = {}
    if data.get("actionState") == "Succeeded" or summary.startswith("Successfully"):
        return Action(at=item["Timestamp"])
    return Action(at=item["Timestamp"], error=data.get("error") or summary)


@contextmanager
def pager_alarms(
    outputs: StackOutputs, severities: Iterable[str], warn: Callable[[str], None]
) -> Iterator[PagerAlarms]:
    """Make the alarms of a test, and delete them however it ends. Those that a killed test left are deleted first."""
    alarms = PagerAlarms(outputs, severities)
    # An alarm that exists keeps its state when it is made again, and one in ALARM would not fire.
    if left := alarms.existing():
        alarms.delete(left)
        warn(f"An earlier test of the pager left {', '.join(left)}: deleted now.")
    try:
        alarms.make()
        yield alarms
        alarms.delete(alarms.names.values())
    except BaseException:
        # A signal may have arrived during the deletion above; none interrupts this.
        _remove(alarms, warn)
        raise


def _remove(alarms: PagerAlarms, warn: Callable[[str], None]) -> None:
    """Clear and delete what exists of the alarms; say what may be left when AWS rejects that."""
    try:
        if existing := alarms.existing():
            alarms.clear(name for name, state in existing.items() if state == "ALARM")
            alarms.delete(existing)
    except (BotoCoreError, ClientError, OperatorError) as error:
        warn(f"{explain(error)} Alarms may be left that notify nobody any more: {', '.join(alarms.names.values())}.")
