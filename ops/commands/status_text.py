"""The state of a stack as people read it: what is broken first, then a table of each part."""

import math
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC

from handlers.vocabulary import PROBE_SERVICE
from ops.commands.log_text import to_text
from ops.commands.output import escape_unprintable, paint
from ops.health.activity import WINDOW
from ops.health.findings import Finding
from ops.health.functions import UNKNOWN
from ops.health.level import Level
from ops.health.queues import Queue
from ops.health.topics import Topic
from ops.status import FIRING, Part, Status

COLORS = {Level.BROKEN: "red", Level.UNREADABLE: "yellow", Level.WARNING: "yellow"}
NOTE_ROWS = 3
NOT_READABLE = "  not readable"


def to_lines(found: Status, findings: Sequence[Finding], since: str) -> Iterator[str]:
    """Yield the findings, then the state of each part."""
    yield from _findings(findings)
    yield from _alarms(found)

    yield "Consumer"
    yield from _unless_unreadable(found, Part.CONSUMER)
    for consumer in found.consumers:
        limit = f"at most {consumer.max_concurrency} at once" if consumer.max_concurrency else "no limit of concurrency"
        last = consumer.last_result or UNKNOWN
        yield f"  {consumer.state:<14}{limit}, last result: {escape_unprintable(last)}"

    yield "Queues"
    yield from _unless_unreadable(found, Part.QUEUES)
    for queue in found.queues:
        yield f"  {queue.role:<14}{queue.waiting} waiting, {queue.in_flight} in flight, oldest {_age(queue)}"

    yield "Functions"
    yield from _unless_unreadable(found, Part.FUNCTIONS)
    for function in found.functions:
        where = f"alias at {function.route}, published {function.published}"
        yield f"  {function.role:<14}{function.state}, VERSION {function.version}, {where}"
    if found.release:
        yield f"  {found.release.sentence}"

    yield f"Invocations, last {WINDOW.total_seconds() / 60:.0f} minutes"
    yield from _unless_unreadable(found, Part.COUNTS)
    for count in found.counts:
        yield f"  {count.role:<14}{count.invocations}, {count.errors} failed, {count.throttles} throttled"
    if any(count.role == PROBE_SERVICE for count in found.counts):
        yield "  Each run of the probe causes an invocation of the event handler, and some of the query function."

    yield f"Last errors, since {since}"
    yield from _unless_unreadable(found, Part.LOGS)
    yield from (f"  {to_text(line)}" for line in found.last_errors)
    if not found.last_errors and Part.LOGS not in found.unreadable:
        yield "  none"

    yield "Notified"
    yield from _unless_unreadable(found, Part.TOPICS)
    yield from (f"  {topic.severity.upper():<14}{_listeners(topic)}" for topic in found.topics)

    yield "Boards"
    yield from (f"  {name:<14}{url}" for name, url in sorted(found.dashboard_urls.items()))


def fit_screen(lines: Iterable[str]) -> Iterator[str]:
    """Yield as many lines as fit on the terminal with a note below them: the findings come first."""
    from rich.text import Text  # here, because only a terminal needs it

    size = shutil.get_terminal_size()
    left = size.lines - NOTE_ROWS
    for line in lines:
        left -= max(1, math.ceil(Text.from_ansi(line).cell_len / size.columns))
        if left < 0:
            return
        yield line


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    if not findings:
        yield paint("Nothing is broken.", "green")
    else:
        yield "Findings"
    for finding in findings:
        level = paint(f"{finding.level.upper():<11}", COLORS[finding.level])
        yield f"  {level} {escape_unprintable(finding.what)}"
        yield f"    {escape_unprintable(finding.meaning)}"
        if finding.command:
            yield f"    {paint(finding.command, 'cyan')}"
    yield ""


def _alarms(found: Status) -> Iterator[str]:
    yield f"{'Alarms':<16}{'firing':>8}{'ok':>8}{'no data':>9}"
    yield from _unless_unreadable(found, Part.ALARMS)
    if Part.ALARMS in found.unreadable:
        return
    for severity in (*(topic.severity for topic in found.topics), None):
        firing, ok, no_data = found.count(severity)
        yield f"  {severity.upper() if severity else 'not notifying':<14}{firing:>8}{ok:>8}{no_data:>9}"
    for alarm in found.firing:
        since_when = alarm.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield f"  {FIRING} {(alarm.severity or '').upper()} {alarm.id} since {since_when}: {alarm.reason}"
        yield f"        {alarm.runbook}"


def _unless_unreadable(found: Status, part: Part) -> Iterator[str]:
    if part in found.unreadable:
        yield NOT_READABLE


def _age(queue: Queue) -> str:
    if queue.oldest_seconds is None:
        return UNKNOWN
    minutes, seconds = divmod(round(queue.oldest_seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{value} {unit}" for value, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if value]
    return " ".join(parts[:2]) or f"{seconds} s"


def _listeners(topic: Topic) -> str:
    if not topic.confirmed + topic.unconfirmed:
        # A pager is for what cannot wait: it never gets the P3 alarms.
        return "nobody; set alarmEmail" + (" or pageEndpoint" if topic.severity != "p3" else "")
    unconfirmed = [f"{protocol} NOT CONFIRMED: open the link that AWS sent" for protocol in topic.unconfirmed]
    return ", ".join((*topic.confirmed, *unconfirmed))
