"""`send`: login events, one or many."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from ops.commands.options import OutputsOption, StackOption
from ops.errors import OperatorError, ends_in_one_sentence
from ops.events import Event, EventFile, Rejected, count_events, open_events, send_events
from ops.output import counted, kept_file, progress_bar, tell
from ops.stack import load_outputs


@ends_in_one_sentence
def send(
    user_id: Annotated[str | None, typer.Option(help="Who logged in.")] = None,
    service_id: Annotated[str | None, typer.Option(help="The service's id.")] = None,
    service_name: Annotated[str | None, typer.Option(help="The service's name; by default its id.")] = None,
    timestamp: Annotated[str | None, typer.Option(help="RFC 3339 with an offset; by default now.")] = None,
    file: Annotated[
        Path | None, typer.Option(help="Many events: a file with one JSON object a line, or - for standard input.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Send without checking first.")] = False,
    failed: Annotated[
        Path | None,
        typer.Option(help="Where to keep what is not accepted; by default a new file in .localcloud/kept."),
    ] = None,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Send login events to the stack's queue, as the identity provider does.

    All are checked before the first is sent. What the queue did not accept, or was not sent because this was
    interrupted, is kept in a file that --file takes.

    Example: python -m ops send --user-id alice --service-id mail --service-name "Web mail"

    Example: python -m ops send --file events.jsonl --stack dev
    """
    if file is not None and (user_id, service_id, service_name, timestamp) != (None, None, None, None):
        raise OperatorError("--file brings whole events: give either a file or the fields of one event.")
    if file is None and (user_id is None or service_id is None):
        raise OperatorError("Nothing to send: give --user-id and --service-id for one event, or --file for many.")
    with events_of(file, user_id, service_id, service_name, timestamp) as events:
        total = count_events(events, check=not raw)
        if not total:
            raise OperatorError(f"{file} holds no event: one JSON object a line is expected.")
        deployed = load_outputs(stack, outputs)
        # One event that was typed is typed again; only what came in a file is kept, unless a file was named.
        path = failed or (kept_file("send-failed") if file else None)
        rejected = Rejected(path)
        try:
            with progress_bar("Sending", total) as advance:
                accepted = send_events(deployed.client("sqs"), deployed.queue_url, events, rejected.keep, advance)
        finally:
            rejected.close()
            if rejected.count:
                tell("\n".join(rejected.shown) + ("\n  ..." if rejected.count > len(rejected.shown) else ""))
                if rejected.first_lost:
                    tell(
                        f"{path} ends before event {rejected.first_lost}, for it could not take more "
                        f"({rejected.why_lost}): make room, and send that event and those after it again."
                    )
                elif path:
                    tell(f"{rejected.count} of {total} events are kept in {path}: send them again with --file.")
    print(f"Sent {accepted} of {total} events.")
    if rejected.count:
        raise OperatorError(f"The queue did not accept {counted(rejected.count, 'event')}.")


@contextmanager
def events_of(
    file: Path | None, user_id: str | None, service_id: str | None, service_name: str | None, timestamp: str | None
) -> Iterator[EventFile | list[Event]]:
    """The events of the file, or the one that the fields make."""
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
    body.encode()  # what a terminal in another encoding made of the arguments is refused before anything is sent
    yield [Event(1, body)]
