"""`python -m ops status`."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.logs import parse_since, to_json, to_text
from ops.stack import load_outputs
from ops.status import FIRING, UNKNOWN, Queue, Status, Topic, read_status

EXIT_FIRING = 3
MOST_ERRORS = 10


@handle_errors
def status(
    since: Annotated[str, typer.Option(help="The oldest error: an age (15m, 1h, 2d) or an RFC 3339 time.")] = "1h",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Show alarms, queues, functions and their release, the last errors, and who is notified.

    Exit code 0: no alarm fires. 3: an alarm that notifies is in alarm. 1: the state could not be read.

    The age of the oldest message comes from CloudWatch, up to 15 minutes late, and is `unknown` where CloudWatch has
    none.

    Examples:

    - python -m ops status --stack prod
    - python -m ops status --json | jq .firing
    """
    now = datetime.now(UTC)
    start = parse_since(since, now)
    found = read_status(load_outputs(stack, outputs), now, start, MOST_ERRORS)
    if as_json:
        print(json.dumps(_document(found), indent=2, ensure_ascii=False))
    else:
        print("\n".join(_lines(found, since)))
    sys.stdout.flush()  # before the exit code, so that a reader that left early still gets 0
    if found.firing:
        sys.exit(EXIT_FIRING)


def _document(found: Status) -> dict[str, Any]:
    document = {name: value for name, value in asdict(found).items() if name != "last_errors"}
    document["alarms"] = [alarm | {"since": alarm["since"].isoformat()} for alarm in document["alarms"]]
    firing = [alarm.id for alarm in found.firing]
    return {"firing": firing, **document, "last_errors": [to_json(line) for line in found.last_errors]}


def _lines(found: Status, since: str) -> Iterator[str]:
    yield f"{'Alarms':<16}{'firing':>8}{'ok':>8}{'no data':>9}"
    for severity in (*(topic.severity for topic in found.topics), None):
        firing, ok, no_data = found.count(severity)
        yield f"  {severity.upper() if severity else 'not notifying':<14}{firing:>8}{ok:>8}{no_data:>9}"
    for alarm in found.firing:
        since_when = alarm.since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield f"  {FIRING} {(alarm.severity or '').upper()} {alarm.id} since {since_when}: {alarm.reason}"
        yield f"        {alarm.runbook}"

    yield "Queues"
    for queue in found.queues:
        yield f"  {queue.role:<14}{queue.waiting} waiting, {queue.in_flight} in flight, oldest {_age(queue)}"

    yield "Functions"
    for function in found.functions:
        where = f"alias at {function.route}, published {function.published}"
        yield f"  {function.role:<14}VERSION {function.version}, {where}"
    yield f"  {found.release}"

    yield f"Last errors, since {since}"
    yield from (f"  {to_text(line)}" for line in found.last_errors)
    if not found.last_errors:
        yield "  none"

    yield "Notified"
    yield from (f"  {topic.severity.upper():<14}{_listeners(topic)}" for topic in found.topics)

    yield "Boards"
    yield from (f"  {name:<14}{url}" for name, url in sorted(found.dashboard_urls.items()))


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
        return "nobody; set alarmEmail or pageEndpoint"
    unconfirmed = [f"{protocol} NOT CONFIRMED: open the link that AWS sent" for protocol in topic.unconfirmed]
    return ", ".join((*topic.confirmed, *unconfirmed))
