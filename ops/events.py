"""Login events, sent to the source queue as a producer sends them: each event is accepted or handed back."""

import uuid
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from handlers.batches import BATCH_BYTES_MAX, batches
from handlers.messages import InvalidError, decode_login
from handlers.vocabulary import ErrorCode
from ops.errors import OperatorError, count_of, is_denied
from ops.event_files import UTF_16, Event, EventFile
from ops.files import NewFile
from ops.requests_ahead import RequestsAhead
from ops.signals import hold_signals

SHOWN = 10
PROGRESS_EVERY = 1_000  # events, which are checked in some hundredths of a second
# SQS rejects a whole batch with these codes because of one body. Sending the batch again would not help; the next
# batches may still be accepted.
BODY_ERRORS = {"InvalidMessageContents", "BatchRequestTooLong", "InvalidParameterValue"}

Requests = RequestsAhead[list[Event], dict[int, str]]
"""Batches on their way, and SQS's error code for each index that the queue did not accept."""


def message_bytes_max(sqs: Any, url: str) -> int:
    """Return the size in bytes of the largest message that the queue accepts; without permission, SQS's own limit."""
    try:
        response = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MaximumMessageSize"])
    except ClientError as error:
        if is_denied(error):  # a producer may have permission to send alone
            return BATCH_BYTES_MAX
        raise
    return int(response.get("Attributes", {}).get("MaximumMessageSize", BATCH_BYTES_MAX))


def count_events(
    events: EventFile | list[Event],
    *,
    check: bool,
    bytes_max: int = BATCH_BYTES_MAX,
    on_progress: Callable[[int], None] = lambda position: None,
) -> int:
    """Return the number of events. With `check`, raise OperatorError listing the first that the stack cannot store."""
    now, count, invalid = datetime.now(UTC), 0, 0
    problems: list[str] = []
    for event in events:
        count += 1
        if count == 1 and check and isinstance(events, EventFile):
            _check_format(event, now, events.name)
        if check and (problem := _violation(event, now, bytes_max)):
            invalid += 1
            if invalid <= SHOWN:
                problems.append(f"  event {event.number}: {problem}")
        if isinstance(events, EventFile) and count % PROGRESS_EVERY == 0:
            on_progress(events.position())
    if invalid:
        shown = "\n".join(problems) + ("\n  ..." if invalid > SHOWN else "")
        verb = "violates" if invalid == 1 else "violate"
        raise OperatorError(
            f"{count_of(invalid, count, 'event')} {verb} the contract, so nothing was sent. "
            f"Use --raw to send without checking:\n{shown}"
        )
    return count


def _check_format(first: Event, now: datetime, name: str) -> None:
    """Raise OperatorError when the first line is no JSON object, as in an array or in objects over several lines."""
    try:
        decode_login(first.body, now)
    except InvalidError as error:
        if error.code not in (ErrorCode.BODY_NOT_JSON, ErrorCode.BODY_NOT_OBJECT):
            return
        if "\0" in first.body:
            advice = UTF_16
        elif "\r" in first.body.strip("\r"):
            advice = "Its lines end in CR alone. Convert them: `tr '\\r' '\\n'`."
        else:
            advice = (
                "Write one event per line: `jq -c '.[]'` converts an array, and `jq -c .` objects that take several "
                "lines."
            )
        raise OperatorError(
            f"Line {first.number} of {name} is not a JSON object, so nothing was sent. {advice}"
        ) from None


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

    def close(self, *, is_complete: bool) -> None:
        """Leave whole events in the file, and let it go when it is not needed.

        Unless `is_complete`, events were neither accepted nor rejected, so the copy of a pipe stays as it is.
        """
        if not self._kept:
            return
        with hold_signals():
            self._kept.is_needed = self.count > 0 or (self.is_copy and not is_complete)
            if self.is_copy and self._file:
                with self._file:
                    if is_complete and not self.first_lost:
                        self._kept.become(self._file)
            elif self.first_lost and not self.is_copy:
                self._kept.truncate(self._whole_bytes)

    def _write(self, kept: NewFile, event: Event) -> None:
        kept.is_needed = True
        try:
            if self._file is None:
                self._file = NewFile(kept.path.with_name(f".{uuid.uuid4()}.jsonl"))
            self._file.write((event.line or event.body).encode() + b"\n")
            self._whole_bytes = self._file.size()
        except OSError as error:
            self.first_lost, self.write_error = event.number, error.strerror or "full"


class Sender:
    """Sends events to a queue; each event is accepted or goes to `reject`, whatever ends the sending."""

    def __init__(
        self, sqs: Any, url: str, reject: Callable[[Event, str], None], bytes_max: int = BATCH_BYTES_MAX
    ) -> None:
        self._sqs, self._url, self._reject, self._bytes_max = sqs, url, reject, bytes_max
        self._settled = 0  # number of the last event before which each was accepted or rejected
        self.accepted = 0
        """How many events the queue has accepted so far."""
        self.is_complete = False
        """Whether each event was accepted or went to `reject`; False when even that was interrupted."""

    def send(self, events: EventFile | list[Event], on_progress: Callable[[int], None] = lambda accepted: None) -> None:
        """Send each event once."""
        requests = RequestsAhead(self._send_batch)
        self._settled = 0
        try:
            for batch in batches(events, self._batch_size):
                with hold_signals():
                    requests.start(batch)
                while requests.is_full:
                    self._settle_oldest(requests, on_progress)
            while requests.under_way:
                self._settle_oldest(requests, on_progress)
            self.is_complete = True
        except BaseException:
            # For seconds and as long as the events take to read, because a second signal is ignored here too.
            with hold_signals():
                requests.await_last()
                self._settle_rest(requests, events)
                self.is_complete = True
            raise

    def _settle_oldest(self, requests: Requests, on_progress: Callable[[int], None]) -> None:
        batch, answer = requests.under_way[0]
        codes = answer.result()
        with hold_signals():
            for index, event in enumerate(batch):
                if index in codes:
                    self._reject(event, codes[index])
            self.accepted += len(batch) - len(codes)
            self._settled = batch[-1].number
            requests.settle()
        on_progress(self.accepted)

    def _settle_rest(self, requests: Requests, events: EventFile | list[Event]) -> None:
        """Reject every event that is not settled, except those that the queue has accepted meanwhile."""
        code_of: dict[int, str] = {}
        for batch, answer in requests.under_way:
            codes = _last_codes(batch, answer)
            code_of |= {event.number: codes.get(index, "") for index, event in enumerate(batch)}
        for event in events:
            if event.number > self._settled:
                if code := code_of.get(event.number, "not sent"):
                    self._reject(event, code)
                else:
                    self.accepted += 1

    def _batch_size(self, event: Event) -> int:
        # Alone, so that SQS rejects no other event because of it.
        return event.size if event.size <= self._bytes_max else BATCH_BYTES_MAX + 1

    def _send_batch(self, batch: list[Event]) -> dict[int, str]:
        """Return SQS's error code for each index that the queue did not accept."""
        entries = [event.entry | {"Id": str(index)} for index, event in enumerate(batch)]
        try:
            response = self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries)
        except ClientError as error:
            code: str = error.response.get("Error", {}).get("Code", "")
            # SQS prefixes some codes as its older protocol did.
            if code.removeprefix("AWS.SimpleQueueService.") not in BODY_ERRORS:
                raise
            return dict.fromkeys(range(len(batch)), code)
        # Only an entry listed as successful was accepted; an entry in neither list was not.
        accepted = {int(entry["Id"]) for entry in response.get("Successful", [])}
        codes = {int(entry["Id"]): entry["Code"] for entry in response.get("Failed", [])}
        return {index: codes.get(index, "no response") for index in range(len(batch)) if index not in accepted}


def _last_codes(batch: list[Event], answer: Future[dict[int, str]]) -> dict[int, str]:
    """Return a code for each index that the queue did not accept, as far as that is known when sending stops."""
    if not answer.done():
        # SQS may have accepted it and only the response was lost. The same login twice changes nothing.
        return dict.fromkeys(range(len(batch)), "no response")
    error = answer.exception()
    if error is None:
        return answer.result()
    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return dict.fromkeys(range(len(batch)), code or "no response")
