"""A sound stack, what can be wrong with it, and what differs without being wrong."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.health.activity import Counts, Failures
from ops.health.commands import Commands
from ops.health.consumer import Consumer
from ops.health.functions import Function, Release
from ops.health.level import Level
from ops.health.queues import Queue
from ops.health.topics import Topic
from ops.status import Alarm, Part, Status

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
COMMANDS = Commands(options="--stack dev", region="eu-west-1", stack="dev")
FUNCTION = Function(
    role="query",
    name="event-processing-dev-query",
    version="1a2b",
    route="version 1",
    published="2026-01-31",
    state="Active",
    last_update="Successful",
)
CONSUMER = Consumer(
    id="the-uuid", state="Enabled", reason="USER_INITIATED", last_result="OK - 1 records", max_concurrency=2
)
QUEUES = tuple(
    Queue(role=role, waiting=0, in_flight=0, oldest_seconds=0, visibility_seconds=60)
    for role in ("events", "dead letters")
)
ALARM = Alarm(
    id="ingest-unhealthy",
    name="event-processing-dev-ingest-unhealthy",
    severity="p1",
    state="OK",
    since=NOW,
    reason="",
    meaning="New logins are not stored.",
    runbook="https://example.com/runbook.md#ingest-unhealthy",
    actions_enabled=True,
    threshold=None,
)
PAGER = Topic(severity="p1", confirmed=("https",), unconfirmed=())
NOBODY = Topic(severity="p3", confirmed=(), unconfirmed=())
SOUND = Status(
    alarms=(ALARM,),
    consumers=(CONSUMER,),
    queues=QUEUES,
    functions=(replace(FUNCTION, role="event-handler"), FUNCTION),
    release=Release(sentence="Release 0f1e is live.", is_sound=True),
    counts=(Counts(role="event-handler", invocations=10), Counts(role="query", invocations=10)),
    topics=(PAGER, NOBODY),
)


def changed(**changes: Any) -> Status:
    return replace(SOUND, **changes)


def counted(role: str, **counts: int) -> tuple[Counts, ...]:
    return (Counts(role=role, **counts),)


def failures(role: str, code: str, count: int = 12, unhandled: int = 0) -> Failures:
    return Failures(role=role, code=code, count=count, newest=NOW - timedelta(seconds=10), unhandled=unhandled)


def queue(place: int, **changes: Any) -> tuple[Queue, ...]:
    return tuple(replace(found, **changes) if place == at else found for at, found in enumerate(QUEUES))


def consumer(**changes: Any) -> Status:
    return changed(consumers=(replace(CONSUMER, **changes),))


def function(**changes: Any) -> Status:
    return changed(functions=(replace(FUNCTION, **changes),))


ENABLE = "aws lambda update-event-source-mapping --uuid the-uuid --enabled --region eu-west-1"
READ_ERRORS = "python -m ops logs --errors --since 5m --stack dev"
RESTORE = "pulumi up --refresh --yes --stack dev"
AGE_ALARM = replace(ALARM, id="queue-age", severity=None, threshold=900.0)
# What is wrong: the state, the level, what it is about, and the next command.
CASES: dict[str, tuple[Status, Level, str, str]] = {
    "no consumer": (changed(consumers=()), Level.BROKEN, "consumer", RESTORE),
    "consumer disabled": (consumer(state="Disabled"), Level.BROKEN, "consumer", ENABLE),
    "consumer being disabled": (consumer(state="Disabling"), Level.BROKEN, "consumer", ENABLE),
    "consumer being enabled": (
        consumer(state="Enabling"), Level.WARNING, "consumer", "python -m ops status --watch --stack dev",
    ),
    "consumer without permission": (
        consumer(reason="PROBLEM: The role lacks sqs:ReceiveMessage"), Level.BROKEN, "consumer", RESTORE,
    ),
    "function stopped": (
        function(reserved_concurrency=0), Level.BROKEN, "query stopped",
        "aws lambda delete-function-concurrency --function-name event-processing-dev-query --region eu-west-1",
    ),
    "function failed": (
        function(state="Failed: The key is disabled."), Level.BROKEN, "query state",
        "python -m ops rollback --stack dev",
    ),
    "probe failed": (
        function(role="probe", state="Failed: The key is disabled."), Level.BROKEN, "probe state", RESTORE,
    ),
    "probe does not find its login": (
        changed(failures=(failures("probe", "NotShownError", count=2),)), Level.WARNING, "probe NotShownError",
        READ_ERRORS,
    ),
    "all runs of the probe crash": (
        changed(counts=counted("probe", invocations=4, errors=4)), Level.BROKEN, "probe errors", READ_ERRORS,
    ),
    "function being updated": (
        function(last_update="InProgress"), Level.WARNING, "query last update",
        "python -m ops status --watch --stack dev",
    ),
    "functions that do not match": (
        changed(release=Release(sentence="The functions do not match.", is_sound=False)), Level.WARNING, "release",
        "python -m ops versions --stack dev",
    ),
    "all invocations fail": (
        changed(counts=counted("query", invocations=4, errors=4)), Level.BROKEN, "query errors", READ_ERRORS,
    ),
    "half of the invocations fail": (
        changed(counts=counted("query", invocations=4, errors=2)), Level.BROKEN, "query errors", READ_ERRORS,
    ),
    "some invocations fail": (
        changed(counts=counted("query", invocations=5, errors=2)), Level.WARNING, "query errors", READ_ERRORS,
    ),
    "all invocations fail since a minute ago": (
        changed(counts=counted("query", invocations=300, errors=9, newest_invocations=12, newest_errors=9)),
        Level.BROKEN, "query errors", READ_ERRORS,
    ),
    "a minute ago some invocations failed": (
        changed(counts=counted("query", invocations=300, errors=9, newest_invocations=120, newest_errors=9)),
        Level.WARNING, "query errors", READ_ERRORS,
    ),
    "all queries get a 500": (
        changed(
            counts=counted("query", invocations=4), failures=(failures("query", "AccessDeniedException", 4, 4),)
        ),
        Level.BROKEN, "query AccessDeniedException", READ_ERRORS,
    ),
    "some events are retried": (
        changed(failures=(failures("event-handler", "ThrottlingException"),)),
        Level.WARNING, "event-handler ThrottlingException", READ_ERRORS,
    ),
    "throttled": (
        changed(counts=counted("query", invocations=4, throttles=1)), Level.WARNING, "query throttled",
        "python -m ops status --watch --stack dev",
    ),
    "API alone fails": (
        changed(failures=(failures("api-access", "status 504"),)), Level.WARNING, "API status 504", READ_ERRORS,
    ),
    "damaged record": (
        changed(counts=counted("query", invocations=4, malformed=1)), Level.WARNING, "damaged record", READ_ERRORS,
    ),
    "damaged record, before its metric": (
        changed(counts=counted("query", invocations=4), failures=(failures("query", "record_malformed", 4),)),
        Level.WARNING, "damaged record", READ_ERRORS,
    ),
    "old event": (
        changed(queues=queue(0, oldest_seconds=241)), Level.BROKEN, "queue",
        "python -m ops logs --errors --since 15m --stack dev",
    ),
    "event older than the alarm allows": (
        changed(alarms=(AGE_ALARM,), queues=queue(0, oldest_seconds=901)), Level.BROKEN, "queue",
        "python -m ops logs --errors --since 15m --stack dev",
    ),
    "dead letters": (
        changed(queues=queue(1, waiting=1, in_flight=1)), Level.WARNING, "dead letters",
        "python -m ops dead-letters list --stack dev",
    ),
    "alarm": (
        changed(alarms=(replace(ALARM, state="ALARM"),)), Level.BROKEN, "alarm ingest-unhealthy",
        "python -m ops logs --errors --since 15m --stack dev",
    ),
    "alarm that cannot notify": (
        changed(alarms=(replace(ALARM, actions_enabled=False),)), Level.WARNING, "disabled alarms",
        "aws cloudwatch enable-alarm-actions --alarm-names event-processing-dev-ingest-unhealthy --region eu-west-1",
    ),
    "no pager": (
        changed(topics=(replace(PAGER, confirmed=()),)), Level.WARNING, "pager",
        "pulumi config set --secret pageEndpoint URL --stack dev",
    ),
    "mail not confirmed": (
        changed(topics=(PAGER, replace(NOBODY, unconfirmed=("email",)))), Level.WARNING, "p3 not confirmed",
        "python -m ops status --watch --stack dev",
    ),
    "part not readable": (
        changed(consumers=(), unreadable={Part.CONSUMER: "These credentials may not call ListEventSourceMappings."}),
        Level.UNREADABLE, "consumer", "aws sts get-caller-identity --region eu-west-1",
    ),
}  # fmt: skip
# What differs from SOUND and is not wrong.
HARMLESS: dict[str, Status] = {
    "nothing": SOUND,
    "old dead letter": changed(queues=queue(1, oldest_seconds=1e6)),
    "event that two retries explain": changed(queues=queue(0, oldest_seconds=240)),
    "age that the alarm allows": changed(alarms=(AGE_ALARM,), queues=queue(0, oldest_seconds=900)),
    "age unknown": changed(queues=queue(0, oldest_seconds=None)),
    "alarm that is part of another": changed(alarms=(replace(ALARM, severity=None, state="ALARM"),)),
    "such an alarm without actions": changed(alarms=(replace(ALARM, severity=None, actions_enabled=False),)),
    "reserved concurrency": function(reserved_concurrency=1),
    "function that was idle for long": function(state="Inactive: The function was idle."),
    "mapping changed by Lambda": consumer(reason="LAMBDA_INITIATED"),
    "mapping changed by an engineer, in the words of an older API": consumer(reason="User initiated"),
}
