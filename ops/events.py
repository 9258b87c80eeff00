"""Login events on their way to the source queue, as a producer sends them: each is accepted, or handed back."""

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

from handlers.messages import InvalidError, decode_login
from ops.batches import batches
from ops.errors import OperatorError
from ops.output import new_private_file
from ops.stack import StackOutputs

SHOWN = 10
# A whole batch is refused for what one of its bodies is; sending it again would not help, going on does.
FAULTS_OF_BODIES = {"InvalidMessageContents", "BatchRequestTooLong", "InvalidParameterValue"}


@dataclass(frozen=True)
class Event:
    """A body, and the number of its line."""

    number: int
    body: str

    def size(self) -> int:
        """Its bytes."""
        return len(self.body.encode())


class EventFile:
    """Events that can be read more than once without ever being in memory together."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._file, self._name = file, name

    def __iter__(self) -> Iterator[Event]:
        """One event a line; blank lines are none."""
        self._file.seek(0)
        # Lines of bytes end at newlines alone: a JSON string may hold U+2028, which ends a line of text.
        for number, line in enumerate(self._file, start=1):
            try:
                body = line.decode().removesuffix("\n").removesuffix("\r")
            except UnicodeDecodeError:
                raise OperatorError(f"Line {number} of {self._name} is not UTF-8, which events are.") from None
            if body.strip():
                yield Event(number, body)


@contextmanager
def open_events(path: Path) -> Iterator[EventFile]:
    """The events in a file, or in standard input when it is called `-`."""
    try:
        with sys.stdin.buffer if str(path) == "-" else path.open("rb") as file:
            if str(path) != "-" and file.seekable():
                yield EventFile(file, str(path))
                return
            # A pipe can be read once, and is read twice: to check all of it before any of it is sent.
            with tempfile.TemporaryFile() as copy:
                shutil.copyfileobj(file, copy)
                yield EventFile(copy, str(path))
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            raise
        raise OperatorError(f"{path} cannot be read: {error.strerror or error}.") from None


def count_events(events: EventFile | list[Event], *, check: bool) -> int:
    """How many there are; raises OperatorError naming the first that break the contract, when they are checked."""
    now, count, broken = datetime.now(UTC), 0, 0
    problems = []
    for event in events:
        count += 1
        if not check:
            continue
        try:
            decode_login(event.body, now)
        except InvalidError as error:
            broken += 1
            if broken <= SHOWN:
                problems.append(f"  event {event.number}: {error}")
    if broken:
        shown = "\n".join(problems) + ("\n  ..." if broken > SHOWN else "")
        raise OperatorError(
            f"{broken} of {count} events break the contract, so nothing was sent "
            f"(--raw sends them all the same):\n{shown}"
        )
    return count


class Rejected:
    """Events the queue did not accept, kept in a file of mode 600 that can be sent again; without a path, counted.

    Where the file cannot take them all it holds whole events, up to the first that is lost.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.count = 0
        self.shown: list[str] = []
        self.first_lost = 0
        """Number of the first event that is not in the file, 0 when all are."""
        self.why_lost = ""
        self._file: IO[str] | None = None
        self._whole = 0

    def keep(self, event: Event, code: str) -> None:
        """Write it to the file, which is made for the first."""
        if self._file is None and self._path:
            self._file = new_private_file(self._path)
        self.count += 1
        if self.count <= SHOWN:
            self.shown.append(f"  event {event.number}: {code}")
        if self._file and not self.first_lost:
            self._write(self._file, event)

    def close(self) -> None:
        """All of it that can be is in the file now."""
        if self._file is not None:
            with suppress(OSError):  # of what could not be written, said already
                self._file.close()
            if self.first_lost and self._path:
                os.truncate(self._path, self._whole)

    def _write(self, file: IO[str], event: Event) -> None:
        try:
            print(event.body, file=file, flush=True)
            self._whole = os.fstat(file.fileno()).st_size
        except OSError as error:
            self.first_lost, self.why_lost = event.number, error.strerror or "full"


@dataclass(frozen=True)
class Failure:
    """A body the queue did not accept, with SQS's error code."""

    body: str
    code: str


@dataclass(frozen=True)
class Sent:
    """What became of a few bodies: how many the queue accepted, and those it did not."""

    accepted: int
    failures: list[Failure]


def send_bodies(outputs: StackOutputs, bodies: Sequence[str]) -> Sent:
    """Send a few bodies once; each is accepted or among the failures."""
    failures: list[Failure] = []
    accepted = send_events(
        outputs.client("sqs"),
        outputs.queue_url,
        [Event(number, body) for number, body in enumerate(bodies, start=1)],
        lambda event, code: failures.append(Failure(event.body, code)),
    )
    return Sent(accepted, failures)


def send_events(
    sqs: Any,
    url: str,
    events: EventFile | list[Event],
    reject: Callable[[Event, str], None],
    on_progress: Callable[[int], None] = lambda accepted: None,
) -> int:
    """Send each event once, and answer how many the queue accepted; the others are rejected, whatever happens."""
    accepted = 0
    pending = batches(events, Event.size)
    for batch in pending:
        entries = [{"Id": str(index), "MessageBody": event.body} for index, event in enumerate(batch)]
        try:
            answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        except BaseException as error:
            code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
            # SQS names some of them as its older protocol did.
            is_of_bodies = (code or "").removeprefix("AWS.SimpleQueueService.") in FAULTS_OF_BODIES
            for event in batch:
                # Perhaps it was accepted and only the answer was lost: the same login twice changes nothing.
                reject(event, code or "no answer")
            if is_of_bodies:
                continue
            for rest in pending:
                for event in rest:
                    reject(event, "not sent")
            raise
        # Accepted is what is listed as such: an entry in neither list is not.
        taken = {int(entry["Id"]) for entry in answer.get("Successful", [])}
        codes = {int(entry["Id"]): entry["Code"] for entry in answer.get("Failed", [])}
        for index, event in enumerate(batch):
            if index not in taken:
                reject(event, codes.get(index, "no answer"))
        accepted += len(taken)
        on_progress(accepted)
    return accepted
