"""Login events, sent to the source queue as a producer sends them: each event is accepted or handed back."""

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import ClientError

from handlers.batches import batches
from handlers.messages import InvalidError, decode_login
from ops.errors import OperatorError, count_of
from ops.files import create_private_file
from ops.stack import StackOutputs

SHOWN = 10
# SQS rejects a whole batch with these codes because of one body. Sending the batch again would not help; the next
# batches may still be accepted.
BODY_ERRORS = {"InvalidMessageContents", "BatchRequestTooLong", "InvalidParameterValue"}


@dataclass(frozen=True)
class Event:
    """A body and its line number."""

    number: int
    body: str


class EventFile:
    """Events of a file, which can be read repeatedly and are never in memory together."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name

    def __iter__(self) -> Iterator[Event]:
        """Return one event per line; blank lines are skipped."""
        self._file.seek(0)
        # Bytes, because lines of text also end at U+2028, which a JSON string may contain.
        for number, line in enumerate(self._file, start=1):
            try:
                body = line.decode().removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError:
                raise OperatorError(f"Line {number} of {self._name} is not UTF-8.") from None
            if body.strip():
                yield Event(number, body)


@contextmanager
def open_events(path: Path) -> Iterator[EventFile]:
    """Open the events in a file, or in standard input when the path is `-`."""
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
            if str(path) != "-" and file.seekable():
                yield EventFile(file, str(path))
                return
            # Every event is checked before the first is sent, so a pipe, which can be read only once, is copied.
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(file, copy)
                yield EventFile(copy, str(path))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise OperatorError(f"{path} cannot be read: {error.strerror or error}.") from None


def count_events(events: EventFile | list[Event], *, check: bool) -> int:
    """Return the number of events. With `check`, raise OperatorError listing the first that violate the contract."""
    now, count, invalid = datetime.now(UTC), 0, 0
    problems = []
    for event in events:
        count += 1
        if not check:
            continue
        try:
            decode_login(event.body, now)
        except InvalidError as error:
            invalid += 1
            if invalid <= SHOWN:
                problems.append(f"  event {event.number}: {error}")
    if invalid:
        shown = "\n".join(problems) + ("\n  ..." if invalid > SHOWN else "")
        verb = "violates" if invalid == 1 else "violate"
        raise OperatorError(
            f"{count_of(invalid, count, 'event')} {verb} the contract, so nothing was sent. "
            f"Use --raw to send without checking:\n{shown}"
        )
    return count


class RejectedEvents:
    """Events that the queue did not accept, counted and kept in a file of mode 600 that can be sent again.

    Without a path they are only counted. When the file cannot take them all, it contains whole events up to the first
    that is lost.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.count = 0
        self.problems: list[str] = []
        """Numbers and codes of the first rejected events."""
        self.first_lost = 0
        """Number of the first event that is not in the file; 0 when none is lost."""
        self.write_error = ""
        self._file: IO[str] | None = None
        self._whole_bytes = 0

    def add(self, event: Event, code: str) -> None:
        """Count the event and write it to the file, which the first event creates."""
        if self._file is None and self._path:
            self._file = create_private_file(self._path)
        self.count += 1
        if self.count <= SHOWN:
            self.problems.append(f"  event {event.number}: {code}")
        if self._file and not self.first_lost:
            self._write(self._file, event)

    def close(self) -> None:
        """Close the file and cut off a half-written event."""
        if self._file is not None:
            with suppress(OSError):  # `write_error` already says why
                self._file.close()
            if self.first_lost and self._path:
                os.truncate(self._path, self._whole_bytes)

    def _write(self, file: IO[str], event: Event) -> None:
        try:
            print(event.body, file=file, flush=True)
            self._whole_bytes = os.fstat(file.fileno()).st_size
        except OSError as error:
            self.first_lost, self.write_error = event.number, error.strerror or "full"


def send_bodies(outputs: StackOutputs, bodies: Sequence[str]) -> list[str]:
    """Send each body once; return SQS's error code for each body that the queue did not accept."""
    codes: list[str] = []
    events = [Event(number, body) for number, body in enumerate(bodies, start=1)]
    send_events(outputs.client("sqs"), outputs.queue_url, events, lambda event, code: codes.append(code))
    return codes


def send_events(
    sqs: Any,
    url: str,
    events: EventFile | list[Event],
    reject: Callable[[Event, str], None],
    on_progress: Callable[[int], None] = lambda accepted: None,
) -> int:
    """Send each event once and return how many the queue accepted; the others go to `reject`, also on an error."""
    accepted = 0
    pending = batches(events, lambda event: len(event.body.encode()))
    for batch in pending:
        entries = [{"Id": str(index), "MessageBody": event.body} for index, event in enumerate(batch)]
        try:
            response = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        except BaseException as error:
            code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
            # SQS prefixes some codes as its older protocol did.
            is_body_error = (code or "").removeprefix("AWS.SimpleQueueService.") in BODY_ERRORS
            for event in batch:
                # SQS may have accepted it and only the response was lost. The same login twice changes nothing.
                reject(event, code or "no response")
            if is_body_error:
                continue
            for rest in pending:
                for event in rest:
                    reject(event, "not sent")
            raise
        # Only an entry listed as successful was accepted; an entry in neither list was not.
        accepted_indexes = {int(entry["Id"]) for entry in response.get("Successful", [])}
        codes = {int(entry["Id"]): entry["Code"] for entry in response.get("Failed", [])}
        for index, event in enumerate(batch):
            if index not in accepted_indexes:
                reject(event, codes.get(index, "no response"))
        accepted += len(accepted_indexes)
        on_progress(accepted)
    return accepted
