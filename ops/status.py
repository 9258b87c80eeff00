"""The state of a stack as one value: alarms, queues, functions, last errors, and who is notified."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.aliases import read_fleet
from ops.errors import OperatorError
from ops.logs import Line, read_errors
from ops.releases import Function as PublishedFunction
from ops.stack import StackOutputs

FIRING = "ALARM"
STATES = (FIRING, "OK", "INSUFFICIENT_DATA")
UNKNOWN = "unknown"
# After an idle period, SQS reports metrics up to 15 minutes late.
AGE_WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """An alarm of the stack. An alarm without a severity notifies nobody: it is part of another, or only informs."""

    id: str
    severity: str | None
    state: str
    since: datetime
    reason: str
    runbook: str

    @property
    def fires(self) -> bool:
        """Whether the alarm is notifying somebody now."""
        return self.state == FIRING and self.severity is not None


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How many messages a queue holds. The age comes from CloudWatch, and is None where CloudWatch has none."""

    role: str
    waiting: int
    in_flight: int
    oldest_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Function:
    """Which version of the artifact a function runs for all requests or most of them, and when it was published."""

    role: str
    name: str
    version: str
    route: str
    """Where its alias points."""
    published: str


@dataclass(frozen=True, kw_only=True)
class Topic:
    """Who is notified of a severity, by protocol only: addresses are personal data, and a pager's URL is a secret."""

    severity: str
    confirmed: tuple[str, ...]
    unconfirmed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Status:
    """The state of a stack."""

    alarms: tuple[Alarm, ...]
    queues: tuple[Queue, ...]
    functions: tuple[Function, ...]
    release: str
    """What both functions together run, and what to do if they do not match."""
    topics: tuple[Topic, ...]
    last_errors: tuple[Line, ...]
    dashboard_urls: dict[str, str]

    @property
    def firing(self) -> tuple[Alarm, ...]:
        """The alarms that notify somebody now, most urgent first."""
        firing = (alarm for alarm in self.alarms if alarm.fires)
        return tuple(sorted(firing, key=lambda alarm: (alarm.severity or "", alarm.id)))

    def count(self, severity: str | None) -> list[int]:
        """Return how many alarms of a severity are in each of `STATES`."""
        counts = Counter(alarm.state for alarm in self.alarms if alarm.severity == severity)
        return [counts[state] for state in STATES]


def read_status(outputs: StackOutputs, now: datetime, since: datetime, most_errors: int) -> Status:
    """Return the state of the stack, with at most `most_errors` errors since `since`."""
    functions, release = _functions(outputs)
    return Status(
        alarms=tuple(read_alarms(outputs)),
        queues=(
            _queue(outputs, "events", outputs.queue_url, now),
            _queue(outputs, "dead letters", outputs.dead_letter_queue_url, now),
        ),
        functions=functions,
        release=release,
        topics=tuple(_topics(outputs)),
        last_errors=tuple(read_errors(outputs, since)[-most_errors:]),
        dashboard_urls=dict(outputs.dashboard_urls),
    )


def read_alarms(outputs: StackOutputs) -> list[Alarm]:
    """Return the alarms of this stack, and of no other."""
    pages = outputs.client("cloudwatch").get_paginator("describe_alarms")
    severities = {arn: severity for severity, arn in outputs.alarm_topics.items()}
    prefix = f"{outputs.physical_prefix}-"
    found = []
    for page in pages.paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
        for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"]):
            runbook = alarm.get("AlarmDescription", "").rpartition("Runbook: ")[2]
            # The heading in the runbook is the ID. The prefix alone would also match the alarms of a stack dev-2.
            alarm_id = runbook.rpartition("#")[2]
            if alarm["AlarmName"] == f"{prefix}{alarm_id}":
                found.append(_alarm(alarm, alarm_id, runbook, severities))
    return found


def _alarm(alarm: dict[str, Any], alarm_id: str, runbook: str, severities: dict[str, str]) -> Alarm:
    notified = [severities[arn] for arn in alarm.get("AlarmActions", []) if arn in severities]
    return Alarm(
        id=alarm_id,
        severity=notified[0] if notified else None,
        state=alarm["StateValue"],
        since=alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"],
        reason=alarm.get("StateReason", ""),
        runbook=runbook,
    )


def _queue(outputs: StackOutputs, role: str, url: str, now: datetime) -> Queue:
    waiting, in_flight = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
    response = outputs.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[waiting, in_flight])
    return Queue(
        role=role,
        waiting=int(response["Attributes"][waiting]),
        in_flight=int(response["Attributes"][in_flight]),
        oldest_seconds=_oldest_seconds(outputs, url.rpartition("/")[2], now),
    )


def _oldest_seconds(outputs: StackOutputs, queue_name: str, now: datetime) -> float | None:
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": queue_name}],
    }
    query = {"Id": "age", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
    response = outputs.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - AGE_WINDOW, EndTime=now, ScanBy="TimestampDescending"
    )
    values: Sequence[float] = response["MetricDataResults"][0]["Values"]
    return values[0] if values else None


def _functions(outputs: StackOutputs) -> tuple[tuple[Function, ...], str]:
    try:
        fleet = read_fleet(outputs, outputs.client("lambda"))
    except OperatorError as error:
        # A stack from before there were aliases has a state too.
        unknown = {"version": UNKNOWN, "route": UNKNOWN, "published": UNKNOWN}
        return tuple(Function(role=role, name=name, **unknown) for role, name in outputs.functions.items()), str(error)
    return tuple(map(_function, fleet.functions)), fleet.describe()


def _function(function: PublishedFunction) -> Function:
    live = next((version for version in function.versions if version.number == function.route.version), None)
    return Function(
        role=function.role,
        name=function.name,
        version=(live.artifact if live else "") or UNKNOWN,
        route=str(function.route),
        published=live.published if live else UNKNOWN,
    )


def _topics(outputs: StackOutputs) -> list[Topic]:
    pages = outputs.client("sns").get_paginator("list_subscriptions_by_topic")
    found = []
    for severity, arn in sorted(outputs.alarm_topics.items()):
        confirmed, unconfirmed = [], []
        for page in pages.paginate(TopicArn=arn):
            for subscription in page["Subscriptions"]:
                # Until it is confirmed, a subscription has a word in place of its ARN.
                is_confirmed = subscription["SubscriptionArn"].startswith("arn:")
                (confirmed if is_confirmed else unconfirmed).append(subscription["Protocol"])
        found.append(Topic(severity=severity, confirmed=tuple(confirmed), unconfirmed=tuple(unconfirmed)))
    return found
