"""What is broken, from the state of a stack alone: pure, so that every rule has a test."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from components.monitoring.next_steps import next_step
from handlers.vocabulary import PROBE_SERVICE
from ops.errors import pluralize
from ops.health.commands import Commands
from ops.health.consumer import ENABLED
from ops.health.failures import failing
from ops.health.level import Level
from ops.health.queues import DEAD_LETTERS, EVENTS
from ops.status import Alarm, Part, Status

PAGING = "p1"
QUEUE_AGE = "queue-age"
# A state that a change of ours passes through, and what nobody has to be told.
CHANGING = ("Creating", "Enabling", "Updating", "Pending")
INITIATED = ("", "USER_INITIATED", "LAMBDA_INITIATED", "USER INITIATED", "LAMBDA INITIATED")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is wrong, what it means, and what to do next."""

    level: Level
    about: str
    """The part that it is about: the same as long as the same thing is wrong, whatever is counted."""
    what: str
    meaning: str
    command: str
    """The next command; empty where the meaning says what to do."""


def find(status: Status, commands: Commands) -> tuple[Finding, ...]:
    """Return everything that is wrong, worst first."""
    found = [finding for rule in RULES for finding in rule(status, commands)]
    return tuple(sorted(found, key=lambda finding: list(Level).index(finding.level)))


def exit_code(findings: tuple[Finding, ...]) -> int:
    """Return the exit code of the worst finding, 0 without one."""
    return findings[0].level.exit_code if findings else 0


def _unreadable(status: Status, commands: Commands) -> Iterator[Finding]:
    parts: dict[str, list[str]] = {}
    for part, reason in status.unreadable.items():
        parts.setdefault(reason, []).append(part)
    for reason, names in parts.items():
        yield Finding(
            level=Level.UNREADABLE,
            about=", ".join(names),
            what=f"Not readable: {', '.join(names)}.",
            meaning=reason,
            command=commands.aws("sts get-caller-identity"),
        )


def _consumer(status: Status, commands: Commands) -> Iterator[Finding]:
    if not status.consumers and Part.CONSUMER not in status.unreadable:
        yield Finding(
            level=Level.BROKEN,
            about="consumer",
            what="The consumer does not exist: no event source mapping leads from the queue to the event handler.",
            meaning="Events wait in the queue and are lost when their retention ends. The API returns earlier logins.",
            command=commands.restore(),
        )
    for consumer in status.consumers:
        changed = f" ({consumer.reason})" if consumer.reason else ""
        if consumer.state in CHANGING:
            yield Finding(
                level=Level.WARNING,
                about="consumer",
                what=f"The consumer is {consumer.state.lower()}.",
                meaning="A deployment or an engineer is changing the event source mapping. Wait a minute.",
                command=commands.ops("status --watch"),
            )
        elif consumer.state != ENABLED:
            yield Finding(
                level=Level.BROKEN,
                about="consumer",
                what=f"The consumer is {consumer.state.lower()}{changed}.",
                meaning="Events wait in the queue and are lost when their retention ends. The API returns earlier"
                " logins.",
                command=commands.aws(f"lambda update-event-source-mapping --uuid {consumer.id} --enabled"),
            )
        elif consumer.reason.upper() not in INITIATED:
            yield Finding(
                level=Level.BROKEN,
                about="consumer",
                what=f"The consumer is enabled, and Lambda reports: {consumer.reason}",
                meaning="Lambda cannot receive events: a permission, the queue or its key was changed.",
                command=commands.restore(),
            )


def _queues(status: Status, commands: Commands) -> Iterator[Finding]:
    for queue in status.queues:
        limit = _age_limit(status.alarms, queue.visibility_seconds)
        if queue.role == EVENTS and queue.oldest_seconds is not None and queue.oldest_seconds > limit:
            yield Finding(
                level=Level.BROKEN,
                about="queue",
                what=f"The oldest event has waited for {queue.oldest_seconds / 60:.0f} minutes;"
                f" the limit is {limit / 60:.0f}.",
                meaning="Retries alone do not explain it: the consumer is stopped, fails, or is too slow.",
                command=commands.ops("logs --errors --since 15m"),
            )
        if queue.role == DEAD_LETTERS and queue.held:
            yield Finding(
                level=Level.WARNING,
                about="dead letters",
                what=f"{pluralize(queue.held, 'event')} in the dead-letter queue.",
                meaning="These logins are missing in the answers of the API, and the messages are lost when their"
                " retention ends.",
                command=commands.ops("dead-letters list"),
            )


def _age_limit(alarms: tuple[Alarm, ...], visibility_seconds: int) -> float:
    """Return the threshold of the alarm on the age, or what it would be: see `components.signals.queue`."""
    thresholds = (alarm.threshold for alarm in alarms if alarm.id == QUEUE_AGE)
    return next(thresholds, None) or 3 * visibility_seconds + 60


def _functions(status: Status, commands: Commands) -> Iterator[Finding]:
    for function in status.functions:
        if function.reserved_concurrency == 0:
            yield Finding(
                level=Level.BROKEN,
                about=f"{function.role} stopped",
                what=f"The function {function.role} is stopped: its reserved concurrency is 0.",
                meaning="Lambda throttles every invocation. An engineer set this by hand.",
                command=commands.aws(f"lambda delete-function-concurrency --function-name {function.name}"),
            )
        for name, value in (("state", function.state), ("last update", function.last_update)):
            word = value.partition(":")[0]
            if word in ("Failed", *CHANGING, "InProgress"):
                yield Finding(
                    level=Level.BROKEN if word == "Failed" else Level.WARNING,
                    about=f"{function.role} {name}",
                    what=f"The {name} of the function {function.role} is {value}.",
                    meaning="Lambda cannot run this version." if word == "Failed" else "Lambda is changing it. Wait.",
                    command=_command_for(function.role, commands)
                    if word == "Failed"
                    else commands.ops("status --watch"),
                )
    if status.release and not status.release.is_sound:
        yield Finding(
            level=Level.WARNING,
            about="release",
            what="The functions run no release that this program has set.",
            meaning=status.release.sentence,
            command=commands.ops("versions"),
        )


def _command_for(role: str, commands: Commands) -> str:
    """Return what makes a version live that Lambda can run; a rollback does not move the probe."""
    return commands.restore() if role == PROBE_SERVICE else commands.ops("rollback")


def _failures(status: Status, commands: Commands) -> Iterator[Finding]:
    release = f" If this began with a deployment, roll back: {commands.ops('rollback')}"
    for failure in failing(status.counts, status.failures):
        yield Finding(
            level=Level.BROKEN if failure.is_most else Level.WARNING,
            about=failure.about,
            what=failure.what,
            meaning=f"{failure.meaning}{release if failure.may_be_release else ''}",
            command=commands.ops(failure.words),
        )


def _alarms(status: Status, commands: Commands) -> Iterator[Finding]:
    for alarm in status.firing:
        yield Finding(
            level=Level.BROKEN,
            about=f"alarm {alarm.id}",
            what=f"Alarm {alarm.id} ({(alarm.severity or '').upper()}) is in ALARM since"
            f" {alarm.since:%Y-%m-%dT%H:%M:%SZ}.",
            meaning=f"{alarm.meaning} Runbook: {alarm.runbook}",
            command=commands.ops(next_step(alarm.id)),
        )
    silent = [alarm for alarm in status.alarms if alarm.severity and not alarm.actions_enabled]
    if silent:
        yield Finding(
            level=Level.WARNING,
            about="disabled alarms",
            what=f"{pluralize(len(silent), 'alarm')} cannot notify: {', '.join(alarm.id for alarm in silent)}.",
            meaning="An engineer disabled the actions by hand, and nobody is notified when they fire.",
            command=commands.aws(f"cloudwatch enable-alarm-actions --alarm-names {' '.join(a.name for a in silent)}"),
        )


def _listeners(status: Status, commands: Commands) -> Iterator[Finding]:
    for topic in status.topics:
        if topic.severity == PAGING and not topic.confirmed:
            yield Finding(
                level=Level.WARNING,
                about="pager",
                what="Nobody is notified of P1 alarms.",
                meaning="Set pageEndpoint (or alarmEmail), then deploy. If it is set, its subscription was removed by"
                " hand, and a deployment with --refresh creates it again.",
                command=commands.pulumi("config set --secret pageEndpoint URL"),
            )
        if topic.unconfirmed:
            yield Finding(
                level=Level.WARNING,
                about=f"{topic.severity} not confirmed",
                what=f"A subscription to {topic.severity.upper()} alarms is not confirmed: "
                f"{', '.join(topic.unconfirmed)}.",
                meaning="AWS sends nothing until its receiver opens the link that AWS sent, within 48 hours.",
                command=commands.ops("status --watch"),
            )


RULES: tuple[Callable[[Status, Commands], Iterator[Finding]], ...] = (
    _consumer,
    _functions,
    _failures,
    _queues,
    _alarms,
    _unreadable,
    _listeners,
)
