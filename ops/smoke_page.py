"""Whether alarms reach their subscribers: an alarm of each severity fires, and its delivery is required."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

from ops.errors import OperatorError, pluralize
from ops.health.commands import Commands
from ops.health.topics import Topic, read_topics
from ops.pager_alarms import MESSAGES, Deliveries, PagerAlarms, pager_alarms
from ops.stack import StackOutputs

DELIVERY_SECONDS = 360
"""SNS publishes its metrics each minute, and CloudWatch needs minutes to show them."""
PAUSES_SECONDS = (0.2, 0.5, 1, 2, 5)
Report = Callable[[str], None]


def prove_pager(
    outputs: StackOutputs,
    deadline_seconds: float,
    *,
    report: Report,
    wait: Report,
    warn: Report,
    commands: Commands,
) -> None:
    """Fire a harmless alarm of each severity; raises OperatorError naming every severity that is not delivered.

    Calls `report` with each step that has passed, and `wait` with what it waits for.
    """
    topics = read_topics(outputs)
    test = _Test(deadline_seconds, report=report, wait=wait, commands=commands)
    for topic in topics:
        if not topic.confirmed:
            test.fail(topic.severity, _why_nobody_hears(topic, commands))
        elif topic.unconfirmed:
            warn(f"A further subscription to {_name([topic.severity])} alarms is not confirmed, so it gets nothing.")
    if heard := {topic.severity: topic for topic in topics if topic.confirmed}:
        with pager_alarms(outputs, heard, warn) as alarms:
            test.run(alarms, heard)
    test.raise_failures()


class _Test:
    """The steps of one test, which goes on with the other severities when one of them fails."""

    def __init__(self, deadline_seconds: float, *, report: Report, wait: Report, commands: Commands) -> None:
        self._deadline_seconds = deadline_seconds
        self._report, self._wait, self._commands = report, wait, commands
        self._failures: dict[str, str] = {}

    def fail(self, severity: str, why: str) -> None:
        """Remember why alarms of a severity do not arrive."""
        self._failures[severity] = why

    def raise_failures(self) -> None:
        """Raise OperatorError if a severity has failed; those that failed for the same reason are named together."""
        severities_by_reason: dict[str, list[str]] = {}
        for severity, why in sorted(self._failures.items()):
            severities_by_reason.setdefault(why, []).append(severity)
        if severities_by_reason:
            raise OperatorError(
                "\n".join(f"{_name(severities)}: {why}" for why, severities in severities_by_reason.items())
            )

    def run(self, alarms: PagerAlarms, topics: Mapping[str, Topic]) -> None:
        """Let the alarms fire and clear, and require that every subscriber got both messages."""
        alarms.fire()
        self._wait(f"CloudWatch to notify the topics, at most {self._deadline_seconds:g} s")
        fired = self._notify(alarms, topics, messages=1)
        alarms.clear(alarms.names[severity] for severity in fired)
        fired = self._notify(alarms, fired, messages=MESSAGES)
        if fired:
            self._report(f"CloudWatch may notify, by the policies of topic and key: {_name(fired)}")
            self._deliver(alarms, topics, fired)

    def _notify(self, alarms: PagerAlarms, severities: Mapping[str, object], messages: int) -> dict[str, datetime]:
        """Return when CloudWatch first notified the topic of each severity, for those it notified so many times."""
        fired: dict[str, datetime] = {}
        waiting = dict.fromkeys(severities)
        for is_last in _polls(self._deadline_seconds):
            for severity in list(waiting):
                actions = alarms.actions(severity)
                if error := next((action.error for action in actions if action.error), ""):
                    self.fail(severity, self._why_rejected(error))
                elif len(actions) >= messages:
                    fired[severity] = actions[0].at
                elif not is_last:
                    continue
                else:
                    self.fail(severity, self._why_missing(alarms.names[severity]))
                del waiting[severity]
            if not waiting:
                break
        return fired

    def _deliver(self, alarms: PagerAlarms, topics: Mapping[str, Topic], fired: Mapping[str, datetime]) -> None:
        self._wait(f"SNS to count the deliveries, which takes minutes on AWS, at most {self._deadline_seconds:g} s")
        waiting = dict(fired)
        for is_last in _polls(self._deadline_seconds):
            for severity, counted in alarms.deliveries(waiting).items():
                protocols = topics[severity].confirmed
                if counted.failed or (is_last and not counted.are_complete(len(protocols))):
                    self.fail(severity, self._why_undelivered(counted, fired[severity], protocols))
                elif counted.are_complete(len(protocols)):
                    self._report(f"SNS delivered to every subscriber of {_name([severity])}: {', '.join(protocols)}")
                else:
                    continue
                del waiting[severity]
            if not waiting:
                return

    def _why_rejected(self, error: str) -> str:
        return (
            f"CloudWatch could not notify the topic: {error.rstrip('.')}. No such alarm notifies anybody, and no "
            "metric counts it. If the policy of the topic or of its key was changed by hand, this restores both: "
            f"{self._commands.restore()}"
        )

    def _why_missing(self, alarm: str) -> str:
        return (
            f"After {self._deadline_seconds:g} s the history of {alarm} has no notification. Run the command again. If "
            "CloudWatch is late for this alarm, it is late for the real ones too."
        )

    def _why_undelivered(self, counted: Deliveries, since: datetime, protocols: tuple[str, ...]) -> str:
        late = "" if counted.failed else f"{self._deadline_seconds:g} s are over. "
        return (
            f"{late}SNS has counted {pluralize(counted.published, 'message')} since {since:%H:%M} UTC, "
            f"{counted.delivered} delivered to {', '.join(protocols)}, {pluralize(counted.failed, 'failed attempt')}. "
            "Test the endpoint: see alerts-undelivered in the runbook."
        )


def _why_nobody_hears(topic: Topic, commands: Commands) -> str:
    if topic.unconfirmed:
        return (
            f"No subscription is confirmed ({', '.join(topic.unconfirmed)}), so nobody is notified. The receiver must "
            f"open the link that AWS sent, within 48 hours; after that, this subscribes again: {commands.restore()}"
        )
    settings = "alarmEmail" if topic.severity == "p3" else "pageEndpoint or alarmEmail"
    return (
        f"Nobody is subscribed. Set {settings}, then deploy. If it is set, the subscription was removed by hand, and "
        f"this creates it again: {commands.restore()}"
    )


def _name(severities: Iterable[str]) -> str:
    return ", ".join(severity.upper() for severity in severities)


def _polls(seconds: float) -> Iterator[bool]:
    """Yield after longer and longer pauses, at once first; True for the last time, when the time is over."""
    started = time.monotonic()
    pauses = iter(PAUSES_SECONDS)
    while (left := started + seconds - time.monotonic()) > 0:
        yield False
        time.sleep(min(next(pauses, PAUSES_SECONDS[-1]), left))
    yield True
