"""Login events, sent to the source queue as a producer sends them: each event is accepted or handed back."""

import codecs
import io
import json
import select
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import ClientError

from handlers.batches import BATCH_BYTES_MAX, batches
from handlers.messages import InvalidError, decode_login
from ops.errors import OperatorError, count_of, is_denied
from ops.files import NewFile
from ops.signals import hold_signals
from ops.stack import StackOutputs

SHOWN = 10
CHUNK_BYTES = 64 * 1024
# SQS rejects a whole batch with these codes because of one body. Sending the batch again would not help; the next
# batches may still be accepted.
BODY_ERRORS = {"InvalidMessageContents", "BatchRequestTooLong", "InvalidParameterValue"}


@dataclass(frozen=True)
class Event:
    """A body and its line number."""

    number: int
    body: str

    @property
    def size(self) -> int:
        """Its size in bytes as SQS counts it."""
        return len(self.body.encode())


class EventFile:
    """Events of a file, which can be read repeatedly and are never in memory together."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self.name = file, name

    def __iter__(self) -> Iterator[Event]:
        """Return one event per line; blank lines are skipped, and so is the mark that editors of Windows put first."""
        number = 1
        try:
            self._file.seek(0)
            # Bytes, because lines of text also end at U+2028, which a JSON string may contain.
            for number, line in enumerate(self._file, start=1):
                content = line.removeprefix(codecs.BOM_UTF8) if number == 1 else line
                body = content.decode().removesuffix("\n").removesuffix("\r")
                if body.strip():
                    yield Event(number, body)
        except UnicodeDecodeError:
            raise OperatorError(f"Line {number} of {self.name} is not UTF-8.") from None
        except OSError as error:
            raise OperatorError(f"{self.name} cannot be read: {error.strerror}.") from None


@contextmanager
def open_input(path: Path) -> Iterator[io.BufferedReader]:
    """Open a file, or standard input when the path is `-`; raises OperatorError when it cannot be opened."""
    try:
        file: Any = sys.stdin.buffer if str(path) == "-" else path.open("rb")
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}.") from None
    with file:
        yield file


def is_pipe(path: Path, source: io.BufferedReader) -> bool:
    """Whether the input can be read only once, as standard input can in general."""
    return str(path) == "-" or not source.seekable()


def copy_input(source: io.BufferedReader, name: str, copy: NewFile) -> EventFile:
    """Copy a pipe, which can be read only once, to a file that keeps whatever is read, however the command ends."""
    copy.is_needed = True
    has_more = True
    while has_more:
        with suppress(io.UnsupportedOperation):  # standard input that a test replaced
            select.select([source], [], [])  # a signal ends this wait, but comes between no read and its write
        with hold_signals():
            try:
                chunk = source.read1(CHUNK_BYTES)
            except OSError as error:
                raise OperatorError(f"{name} cannot be read: {error.strerror}.") from None
            try:
                copy.write(chunk)
            except OSError as error:
                raise OperatorError(f"{copy.path} cannot be written: {error.strerror}.") from None
        has_more = bool(chunk)
    return EventFile(copy.file, name)


def message_bytes_max(sqs: Any, url: str) -> int:
    """Return the size in bytes of the largest message that the queue accepts; without permission, SQS's own limit."""
    try:
        response = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MaximumMessageSize"])
    except ClientError as error:
        if is_denied(error):  # a producer may have permission to send alone
            return BATCH_BYTES_MAX
        raise
    return int(response.get("Attributes", {}).get("MaximumMessageSize", BATCH_BYTES_MAX))


def count_events(events: EventFile | list[Event], *, check: bool, bytes_max: int = BATCH_BYTES_MAX) -> int:
    """Return the number of events. With `check`, raise OperatorError listing the first that the stack cannot store."""
    now, count, invalid = datetime.now(UTC), 0, 0
    problems: list[str] = []
    for event in events:
        count += 1
        if count == 1 and check and isinstance(events, EventFile):
            _check_format(event, events.name)
        if check and (problem := _violation(event, now, bytes_max)):
            invalid += 1
            if invalid <= SHOWN:
                problems.append(f"  event {event.number}: {problem}")
    if invalid:
        shown = "\n".join(problems) + ("\n  ..." if invalid > SHOWN else "")
        verb = "violates" if invalid == 1 else "violate"
        raise OperatorError(
            f"{count_of(invalid, count, 'event')} {verb} the contract, so nothing was sent. "
            f"Use --raw to send without checking:\n{shown}"
        )
    return count


def _check_format(first: Event, name: str) -> None:
    """Raise OperatorError when the first line is no JSON object, as in an array or in objects over several lines."""
    if first.body.lstrip().startswith("{"):
        with suppress(json.JSONDecodeError, RecursionError):
            json.loads(first.body)
            return
    raise OperatorError(
        f"Line {first.number} of {name} is not a JSON object, so nothing was sent. Write one event per line: "
        "`jq -c '.[]'` converts an array, and `jq -c .` objects that take several lines."
    )


def _violation(event: Event, now: datetime, bytes_max: int) -> str:
    if event.size > bytes_max:
        return f"It has {event.size} bytes; the queue accepts {bytes_max}."
    try:
        decode_login(event.body, now)
    except InvalidError as error:
        return str(error)
    return ""


class RejectedEvents:
    """Events that the queue did not accept, counted and kept in a file from which they can be sent again.

    Without a file they are only counted. When the file cannot take them all, it contains whole events up to the first
    that is lost. A file that is the copy of a pipe contains every event already: it becomes one with only the rejected
    events at the end, or stays as it is when they cannot be written.
    """

    def __init__(self, kept: NewFile | None, *, is_copy: bool = False, bytes_max: int = BATCH_BYTES_MAX) -> None:
        self._kept, self.is_copy, self._bytes_max = kept, is_copy, bytes_max
        self.count = 0
        self.too_large = 0
        """How many of them the queue can never accept."""
        self.problems: list[str] = []
        """Numbers and codes of the first rejected events."""
        self.first_lost = 0
        """Number of the first event that could not be written; 0 when all were."""
        self.write_error = ""
        self._file = None if is_copy else kept
        self._whole_bytes = 0

    def add(self, event: Event, code: str) -> None:
        """Count the event and write it to the file."""
        self.count += 1
        if event.size > self._bytes_max:
            self.too_large += 1
            code += f" ({event.size} bytes; the queue accepts {self._bytes_max})"
        if self.count <= SHOWN:
            self.problems.append(f"  event {event.number}: {code}")
        if self._kept and not self.first_lost:
            self._write(self._kept, event)

    def close(self) -> None:
        """Leave whole events in the file, and let it go when it is not needed."""
        if not self._kept:
            return
        self._kept.is_needed = self.count > 0
        if self.is_copy and self._file:
            with self._file:
                if not self.first_lost:
                    self._kept.become(self._file)
        elif self.first_lost:
            self._kept.truncate(self._whole_bytes)

    def _write(self, kept: NewFile, event: Event) -> None:
        try:
            if self._file is None:
                self._file = NewFile(kept.path.with_name(f".{uuid.uuid4()}.jsonl"))
            self._file.write(event.body.encode() + b"\n")
            self._whole_bytes = self._file.size()
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
    bytes_max: int = BATCH_BYTES_MAX,
    on_progress: Callable[[int], None] = lambda accepted: None,
) -> int:
    """Send each event once and return how many the queue accepted; the others go to `reject`, whatever ends this."""
    accepted = settled = tried = 0

    def batch_size(event: Event) -> int:
        # Alone, so that SQS rejects no other event because of it.
        return event.size if event.size <= bytes_max else BATCH_BYTES_MAX + 1

    try:
        for batch in batches(events, batch_size):
            tried = batch[-1].number
            entries = [{"Id": str(index), "MessageBody": event.body} for index, event in enumerate(batch)]
            try:
                response = sqs.send_message_batch(QueueUrl=url, Entries=entries)
            except ClientError as error:
                code = error.response.get("Error", {}).get("Code", "")
                # SQS prefixes some codes as its older protocol did.
                if code.removeprefix("AWS.SimpleQueueService.") not in BODY_ERRORS:
                    raise
                response = {"Failed": [{"Id": entry["Id"], "Code": code} for entry in entries]}
            # Only an entry listed as successful was accepted; an entry in neither list was not.
            accepted_indexes = {int(entry["Id"]) for entry in response.get("Successful", [])}
            codes = {int(entry["Id"]): entry["Code"] for entry in response.get("Failed", [])}
            with hold_signals():
                for index, event in enumerate(batch):
                    if index not in accepted_indexes:
                        reject(event, codes.get(index, "no response"))
                accepted += len(accepted_indexes)
                settled = tried
            on_progress(accepted)
    except BaseException as error:
        code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
        for event in events:
            if event.number > settled:
                # SQS may have accepted it and only the response was lost. The same login twice changes nothing.
                reject(event, code or "no response" if event.number <= tried else "not sent")
        raise
    return accepted
