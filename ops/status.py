"""The state of a stack as one value: what fires, what waits, what failed last, what runs, and who is told."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from handlers.vocabulary import Environment
from ops.logs import Line, read_errors
from ops.stack import StackOutputs

FIRING = "ALARM"
STATES = (FIRING, "OK", "INSUFFICIENT_DATA")
UNKNOWN = "unknown"
# An SQS queue that was idle reports up to 15 minutes late.
AGE_WINDOW = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm of the stack; without a severity it is part of another, or a state that is only looked at."""

    id: str
    severity: str | None
    state: str
    since: datetime
    reason: str
    runbook: str

    @property
    def fires(self) -> bool:
        """Whether somebody is being told."""
        return self.state == FIRING and self.severity is not None


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How much waits; the age is CloudWatch's, and None where CloudWatch has none."""

    role: str
    waiting: int
    in_flight: int
    oldest_seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Function:
    """Which version of the artifact a function runs, and since when."""

    role: str
    name: str
    version: str
    last_modified: str


@dataclass(frozen=True, kw_only=True)
class Topic:
    """Who hears of a severity, by protocol alone: an address is personal, and a pager's URL is a secret."""

    severity: str
    confirmed: tuple[str, ...]
    unconfirmed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Status:
    """Everything there is to say about a stack now."""

    alarms: tuple[Alarm, ...]
    alarms_are_evaluated: bool
    queues: tuple[Queue, ...]
    functions: tuple[Function, ...]
    topics: tuple[Topic, ...]
    last_errors: tuple[Line, ...]
    dashboard_urls: dict[str, str]

    @property
    def firing(self) -> tuple[Alarm, ...]:
        """What somebody is being told of, most urgent first."""
        return tuple(sorted((one for one in self.alarms if one.fires), key=lambda one: (one.severity or "", one.id)))

    def count(self, severity: str | None) -> list[int]:
        """How many alarms of a severity are in each of `STATES`."""
        counts = Counter(one.state for one in self.alarms if one.severity == severity)
        return [counts[state] for state in STATES]


def read_status(outputs: StackOutputs, now: datetime, since: datetime, most_errors: int) -> Status:
    """The state of the stack, with the last errors since then."""
    return Status(
        alarms=tuple(read_alarms(outputs)),
        alarms_are_evaluated=not outputs.embedded,
        queues=(
            _queue(outputs, "events", outputs.queue_url, now),
            _queue(outputs, "dead letters", outputs.dead_letter_queue_url, now),
        ),
        functions=tuple(_functions(outputs)),
        topics=tuple(_topics(outputs)),
        last_errors=tuple(read_errors(outputs, since)[-most_errors:]),
        dashboard_urls=dict(outputs.dashboard_urls),
    )


def read_alarms(outputs: StackOutputs) -> list[Alarm]:
    """Every alarm of this stack and of no other."""
    pages = outputs.client("cloudwatch").get_paginator("describe_alarms")
    severities = {arn: severity for severity, arn in outputs.alarm_topics.items()}
    prefix = f"{outputs.physical_prefix}-"
    found = []
    for page in pages.paginate(AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
        for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"]):
            runbook = alarm.get("AlarmDescription", "").rpartition("Runbook: ")[2]
            # The heading in the runbook is the id. A stack called dev-2 has names that begin with those of stack dev.
            alarm_id = runbook.rpartition("#")[2]
            if alarm["AlarmName"] == f"{prefix}{alarm_id}":
                found.append(_alarm(alarm, alarm_id, runbook, severities))
    return found


def _alarm(alarm: dict[str, Any], alarm_id: str, runbook: str, severities: dict[str, str]) -> Alarm:
    told = [severities[arn] for arn in alarm.get("AlarmActions", []) if arn in severities]
    return Alarm(
        id=alarm_id,
        severity=told[0] if told else None,
        state=alarm["StateValue"],
        since=alarm.get("StateTransitionedTimestamp") or alarm["StateUpdatedTimestamp"],
        reason=alarm.get("StateReason", ""),
        runbook=runbook,
    )


def _queue(outputs: StackOutputs, role: str, url: str, now: datetime) -> Queue:
    waiting, in_flight = "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"
    answer = outputs.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[waiting, in_flight])
    return Queue(
        role=role,
        waiting=int(answer["Attributes"][waiting]),
        in_flight=int(answer["Attributes"][in_flight]),
        oldest_seconds=_oldest_seconds(outputs, url.rpartition("/")[2], now),
    )


def _oldest_seconds(outputs: StackOutputs, queue_name: str, now: datetime) -> float | None:
    metric = {
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": queue_name}],
    }
    query = {"Id": "age", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}
    answer = outputs.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - AGE_WINDOW, EndTime=now, ScanBy="TimestampDescending"
    )
    values: Sequence[float] = answer["MetricDataResults"][0]["Values"]
    return values[0] if values else None


def _functions(outputs: StackOutputs) -> list[Function]:
    client = outputs.client("lambda")
    found = []
    for role, name in outputs.functions.items():
        configuration = client.get_function_configuration(FunctionName=name)
        # Without the right to the stack's key, Lambda answers with an error instead of the variables.
        variables = configuration.get("Environment", {}).get("Variables", {})
        version = variables.get(Environment.VERSION, UNKNOWN)
        found.append(Function(role=role, name=name, version=version, last_modified=configuration["LastModified"]))
    return found


def _topics(outputs: StackOutputs) -> list[Topic]:
    pages = outputs.client("sns").get_paginator("list_subscriptions_by_topic")
    found = []
    for severity, arn in sorted(outputs.alarm_topics.items()):
        listeners = [one for page in pages.paginate(TopicArn=arn) for one in page["Subscriptions"]]
        # Until it is confirmed, a subscription has a word in the place of its ARN.
        unconfirmed = [one["Protocol"] for one in listeners if not one["SubscriptionArn"].startswith("arn:")]
        confirmed = [one["Protocol"] for one in listeners if one["SubscriptionArn"].startswith("arn:")]
        found.append(Topic(severity=severity, confirmed=tuple(confirmed), unconfirmed=tuple(unconfirmed)))
    return found
