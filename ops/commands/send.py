"""`python -m ops send`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.output import print_note, progress_bar
from ops.errors import OperatorError, count_of, pluralize
from ops.events import Event, EventFile, RejectedEvents, count_events, open_events, send_events
from ops.files import kept_file
from ops.stack import load_outputs


@handle_errors
def send(
    user_id: Annotated[str | None, typer.Option(help="The user who logged in.")] = None,
    service_id: Annotated[str | None, typer.Option(help="The ID of the service.")] = None,
    service_name: Annotated[str | None, typer.Option(help="The name of the service; by default its ID.")] = None,
    timestamp: Annotated[str | None, typer.Option(help="RFC 3339 with an offset; by default now.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="A file with one event per line as JSON, or - for standard input.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Send without checking the events first.")] = False,
    failed: Annotated[
        Path | None,
        typer.Option(help="Where to keep events that are not accepted; by default a new file in .localcloud/kept."),
    ] = None,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Send login events to the stack's queue, as the identity provider does.

    All events are checked before the first is sent. Events that the queue does not accept, or that an interruption
    leaves unsent, are kept in a file for --file.

    Example: python -m ops send --user-id alice --service-id mail --service-name "Web mail"

    Example: python -m ops send --file events.jsonl --stack dev
    """
    if file is not None and (user_id, service_id, service_name, timestamp) != (None, None, None, None):
        raise OperatorError("--file contains whole events. Use either --file or the options for one event.")
    if file is None and (user_id is None or service_id is None):
        raise OperatorError("Nothing to send. Use --user-id and --service-id for one event, or --file for many.")
    with _open(file, user_id, service_id, service_name, timestamp) as events:
        total = count_events(events, check=not raw)
        if not total:
            raise OperatorError(f"{file} contains no event. Write one JSON object per line.")
        deployed = load_outputs(stack, outputs)
        # An event that was typed can be typed again, so it is kept only if a file was named.
        path = failed or (kept_file("send-failed") if file else None)
        rejected = RejectedEvents(path)
        try:
            with progress_bar("Sending", total) as advance:
                accepted = send_events(deployed.client("sqs"), deployed.queue_url, events, rejected.add, advance)
        finally:
            rejected.close()
            _report(rejected, path, total)
    print(f"Sent {count_of(accepted, total, 'event')}.")
    if rejected.count:
        raise OperatorError(f"The queue did not accept {pluralize(rejected.count, 'event')}.")


def _report(rejected: RejectedEvents, path: Path | None, total: int) -> None:
    if not rejected.count:
        return
    print_note("\n".join(rejected.problems) + ("\n  ..." if rejected.count > len(rejected.problems) else ""))
    if rejected.first_lost:
        print_note(
            f"{path} ends before event {rejected.first_lost}, because the rest could not be written "
            f"({rejected.write_error}). Free some space, then send that event and the events after it again."
        )
    elif path:
        print_note(f"{count_of(rejected.count, total, 'event')} kept in {path}. To send again, use --file.")


@contextmanager
def _open(
    file: Path | None, user_id: str | None, service_id: str | None, service_name: str | None, timestamp: str | None
) -> Iterator[EventFile | list[Event]]:
    """Return the events of the file, or the event that the other options describe."""
    if file is not None:
        with open_events(file) as events:
            yield events
        return
    fields = {
        "user_id": user_id,
        "service_id": service_id,
        "service_name": service_name if service_name is not None else service_id,
        "timestamp": timestamp if timestamp is not None else datetime.now(UTC).isoformat(),
    }
    body = json.dumps(fields, ensure_ascii=False)
    body.encode()  # rejects arguments of another encoding before anything is sent
    yield [Event(1, body)]
