"""`python -m ops send`."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from handlers.vocabulary import PROBE_USER
from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.output import print_line, print_note, progress_bar
from ops.errors import OperatorError, count_of, pluralize
from ops.event_files import Event, EventFile, copy_input, is_pipe, open_input
from ops.events import RejectedEvents, Sender, count_events, message_bytes_max
from ops.files import NewFile, create_file
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

    A file has one event, a JSON object, per line. `jq -c '.[]'` converts a JSON array, and `jq -c .` objects that take
    several lines. All events are checked before the first is sent; docs/events.md has the rules.

    Events that the queue does not accept, or that an interruption leaves unsent, are kept in a file for --file. Events
    from a pipe are kept in it from the start, sent ones included, so that even a killed command (SIGKILL) loses none.
    An interruption while the pipe is read sends nothing, and can leave an incomplete last line.

    Example: python -m ops send --user-id alice --service-id mail --service-name "Web mail"

    Example: python -m ops send --file events.jsonl --stack dev
    """
    if file is not None and (user_id, service_id, service_name, timestamp) != (None, None, None, None):
        raise OperatorError("--file contains whole events. Use either --file or the options for one event.")
    if file is None and (user_id is None or service_id is None):
        raise OperatorError("Nothing to send. Use --user-id and --service-id for one event, or --file for many.")
    with (
        open_input(file) if file else nullcontext() as source,
        # An event that was typed can be typed again, so it is kept only if a file was named.
        create_file(failed, "send-failed", "--failed") if file or failed else nullcontext() as kept,
    ):
        name = "Standard input" if str(file) == "-" else str(file or "the event")
        copy = kept if file and source and is_pipe(file, source) else None
        with _report_copy(copy) if copy else nullcontext():
            if copy and source:
                with progress_bar("Reading", None) as advance:
                    events = copy_input(source, name, copy, advance)
            elif source:
                events = EventFile(source, name)
            else:
                events = [_make_event(user_id, service_id, service_name, timestamp)]
                if user_id == PROBE_USER:
                    print_note(f"{PROBE_USER} is the user of the probe: its logins are stored, and not counted.")
            if not any(True for _ in events):
                raise OperatorError(f"{name} contains no event. Write one JSON object per line.")
            deployed = load_outputs(stack, outputs)
            sqs = deployed.client("sqs")
            bytes_max = message_bytes_max(sqs, deployed.queue_url)
            size = events.size() if isinstance(events, EventFile) else 0
            with progress_bar("Reading" if raw else "Checking", size, in_bytes=True) as advance:
                total = count_events(events, check=not raw, bytes_max=bytes_max, on_progress=advance)
        rejected = RejectedEvents(kept, is_copy=copy is not None, bytes_max=bytes_max)
        sender = Sender(sqs, deployed.queue_url, rejected.add, bytes_max)
        try:
            with progress_bar("Sending", total) as advance:
                sender.send(events, advance)
        except BaseException:
            print_note(f"Sent {count_of(sender.accepted, total, 'event')}, then stopped.")
            raise
        finally:
            try:
                rejected.close(is_complete=sender.is_complete)
            finally:  # a signal that came meanwhile
                _report(rejected, kept, total, name, is_complete=sender.is_complete)
    print_line(f"Sent {count_of(sender.accepted, total, 'event')}.")
    if rejected.count:
        raise OperatorError(f"The queue did not accept {pluralize(rejected.count, 'event')}.")


def _report(rejected: RejectedEvents, kept: NewFile | None, total: int, name: str, *, is_complete: bool) -> None:
    if rejected.count == 0 and is_complete:
        return
    if rejected.count:
        print_note("\n".join(rejected.problems) + ("\n  ..." if rejected.count > len(rejected.problems) else ""))
    if kept and rejected.is_copy and (rejected.first_lost or not is_complete):
        print_note(
            f"All {pluralize(total, 'event')} are in {kept.path}, sent ones included, because the others alone could "
            f"not be written ({rejected.write_error or 'interrupted'}). To send them again, which changes nothing, use "
            "--file."
        )
    elif not is_complete:
        print_note(f"Not every unsent event was kept. Send {name} again; an event that was sent twice changes nothing.")
    elif rejected.first_lost and kept:
        print_note(
            f"{kept.path} ends before event {rejected.first_lost}, because the rest could not be written "
            f"({rejected.write_error}). Free some space, then send that event and the events after it again."
        )
    elif kept:
        again = " To send again, use --file." if rejected.count > rejected.too_large else ""
        print_note(f"{count_of(rejected.count, total, 'event')} kept in {kept.path}.{again}")
    if rejected.too_large:
        print_note(
            f"{pluralize(rejected.too_large, 'event')} larger than the queue accepts, which would be rejected again."
        )


@contextmanager
def _report_copy(copy: NewFile) -> Iterator[None]:
    """Keep the copy of a pipe when the block fails, and print where; without an event it is not needed."""
    try:
        yield
    except BaseException:
        copy.file.seek(0)
        count = sum(bool(line.strip()) for line in copy.file)
        copy.is_needed = count > 0
        if count:
            print_note(f"{pluralize(count, 'event')} kept in {copy.path}; nothing was sent. To send, use --file.")
        raise


def _make_event(user_id: str | None, service_id: str | None, service_name: str | None, timestamp: str | None) -> Event:
    """Return the event that the options describe."""
    fields = {
        "user_id": user_id,
        "service_id": service_id,
        "service_name": service_name if service_name is not None else service_id,
        "timestamp": timestamp if timestamp is not None else datetime.now(UTC).isoformat(),
    }
    body = json.dumps(fields, ensure_ascii=False)
    body.encode()  # rejects arguments of another encoding before anything is sent
    return Event(1, body)
