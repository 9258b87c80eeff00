"""The table: one read for a batch of users, one compare-and-set for each, and no login lost between two writers.

A failure comes back as an outcome with an error code; no outcome says "stored" before DynamoDB did.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from handlers.clients import (
    AWS_ERRORS,
    RESERVE_SECONDS,
    WRITERS,
    DynamoDbClient,
    RemainingSeconds,
    error_code_of,
    response_of,
)
from handlers.dynamodb_requests import DynamoDbRequests
from handlers.logins import LoginEvent
from handlers.stored import KEY, AttributeValue, Merged, StoredRecord
from handlers.vocabulary import ErrorCode

ATTEMPTS: Final = 8
BATCH_GET_KEYS: Final = 100
_BACKOFF_BASE_SECONDS: Final = 0.02
_BACKOFF_MAX_SECONDS: Final = 0.5

# Returns or raises what a call returns or raises whose first attempt is made already.
Finish = Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Events to merge into what was read about one user."""

    stored: StoredRecord
    events: Sequence[LoginEvent]

    @property
    def user_id(self) -> str:
        """The user."""
        return self.stored.record.user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOutcome:
    """What became of one user's events.

    Without `error_code`, all events except `outgrown` are in the table, and `changed` services are newer than before.
    With it, none of the events may be acknowledged. `outgrown` events will never fit into the item.
    """

    error_code: str | None = None
    changed: int = 0
    item_bytes: int = 0
    conflicts: int = 0
    outgrown: tuple[LoginEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOutcome:
    """The records of the users that could be read, and an error code for each of the others."""

    records: Mapping[str, StoredRecord]
    error_codes: Mapping[str, str]


class UserRecordStore:
    """The records of users in one DynamoDB table.

    `sleep` and `jitter` (uniform in [0, 1)) make the backoff. `executor` runs the writes of a batch, by default in
    threads of its own; `carry` wraps the functions they run, so that a trace can follow it into them. `report` is told
    of an error in what makes the writes of a batch together: no outcome says so, because each is made alone then.
    """

    def __init__(
        self,
        client: DynamoDbClient,
        table_name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        carry: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function,
        executor: Executor | None = None,
        report: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._sleep = sleep
        self._jitter = jitter
        self._carry = carry
        self._writers = executor or ThreadPoolExecutor(max_workers=WRITERS, thread_name_prefix="writer")
        self._report = report

    def warm_up(self, *, batch: bool) -> None:
        """Pay for TLS, certificates and credentials before the first event or request does.

        A function's role allows one way of reading: `batch` warms up `read`, otherwise `get`. A failure is ignored,
        because the first event or request will report it.
        """
        # A blank is not a valid user ID, so this key never has an item.
        key = {KEY: {"S": " "}}
        with suppress(Exception):
            if batch:
                self._client.batch_get_item(RequestItems={self._table_name: {"Keys": [key]}})
            else:
                self._client.get_item(TableName=self._table_name, Key=key)

    def get(self, user_id: str) -> StoredRecord:
        """The record of one user; exceptions of the client pass through."""
        response = self._client.get_item(TableName=self._table_name, Key={KEY: {"S": user_id}})
        return StoredRecord.of(user_id, response.get("Item"))

    def read(self, user_ids: Iterable[str], remaining_seconds: RemainingSeconds) -> ReadOutcome:
        """The records of these users as they were a moment ago: the write detects a stale one."""
        ids = list(dict.fromkeys(user_ids))
        records: dict[str, StoredRecord] = {}
        error_codes: dict[str, str] = {}
        for start in range(0, len(ids), BATCH_GET_KEYS):
            chunk = ids[start : start + BATCH_GET_KEYS]
            found, error_code = self._read_chunk(chunk, remaining_seconds)
            records.update(found)
            error_codes.update({user_id: error_code for user_id in chunk if error_code and user_id not in found})
        return ReadOutcome(records=records, error_codes=error_codes)

    def write(self, changes: Sequence[Change], remaining_seconds: RemainingSeconds) -> dict[str, WriteOutcome]:
        """One compare-and-set for every user whose record changes, several at a time; an outcome for every user.

        A write that still runs when the time is up is reported as failed. If it succeeds after all, merging its events
        again changes nothing.
        """
        write_one = self._carry(self._write_one)
        outcomes: dict[str, WriteOutcome] = {}
        futures: dict[str, Future[WriteOutcome]] = {}

        def write_in_a_thread(change: Change, finish: Finish | None = None) -> None:
            futures[change.user_id] = self._writers.submit(write_one, change, remaining_seconds, finish)

        def patience() -> float:
            return max(0.0, remaining_seconds() - RESERVE_SECONDS)

        if isinstance(self._client, DynamoDbRequests):
            write_together = self._carry(self._write_together)
            # In a thread as well, because it can be given up there.
            arguments = self._client, changes, remaining_seconds, outcomes, write_in_a_thread
            together = self._writers.submit(write_together, *arguments)
            wait([together], timeout=patience())
            error = together.exception() if together.done() else None
            if isinstance(error, Exception):
                self._report(error)
        # All of them with another client; otherwise those that it had no time for, or left out.
        for change in changes:
            if change.user_id not in outcomes and change.user_id not in futures:
                write_in_a_thread(change)
        wait(list(futures.values()), timeout=patience())
        return {change.user_id: outcomes.get(change.user_id) or _outcome(futures[change.user_id]) for change in changes}

    def _write_together(
        self,
        client: DynamoDbRequests,
        changes: Sequence[Change],
        remaining_seconds: RemainingSeconds,
        outcomes: dict[str, WriteOutcome],
        write_in_a_thread: Callable[..., None],
    ) -> None:
        """Make the first attempts in this thread; what does not succeed at once goes on in a thread of its own.

        The first failure sends everything that was not sent to threads, of which there are fewer, and which back off.
        """
        unsent = iter(changes)

        def requests() -> Iterator[tuple[tuple[Change, Merged], dict[str, Any]]]:
            for change in unsent:
                merged = change.stored.merged_with(change.events)
                if merged.record is None:
                    outcomes[change.user_id] = _written(change.stored, merged)
                elif remaining_seconds() > RESERVE_SECONDS:
                    update = change.stored.update_to(merged.services)
                    yield (change, merged), {"TableName": self._table_name, **update}

        for (change, merged), attempt in client.update_items(requests()):
            if attempt.is_success:
                outcomes[change.user_id] = _written(change.stored, merged)
                continue
            write_in_a_thread(change, attempt.finish)
            if not attempt.is_lost_race:
                for other in unsent:
                    write_in_a_thread(other)

    def _read_chunk(
        self, ids: Sequence[str], remaining_seconds: RemainingSeconds
    ) -> tuple[dict[str, StoredRecord], str | None]:
        """The records found, and why the rest is unknown; if nothing failed, every user has a record."""
        found: dict[str, StoredRecord] = {}
        pending: Mapping[str, Any] = {self._table_name: {"Keys": [{KEY: {"S": user_id}} for user_id in ids]}}
        attempt = 0
        while True:
            try:
                response = self._client.batch_get_item(RequestItems=pending)
            except Exception as error:  # noqa: BLE001 - an unexpected failure must not lose what was read before
                return found, error_code_of(error)
            items = response["Responses"].get(self._table_name, [])
            found.update({item[KEY]["S"]: StoredRecord.of(item[KEY]["S"], item) for item in items})
            pending = response.get("UnprocessedKeys") or {}
            if not pending:
                # A user in neither list has no item.
                return {user_id: found.get(user_id) or StoredRecord.of(user_id, None) for user_id in ids}, None
            # DynamoDB cuts a response at 16 MB: as long as items come, there is nothing to wait for.
            attempt = 0 if items else attempt + 1
            if attempt >= ATTEMPTS:
                return found, ErrorCode.READ_UNPROCESSED
            if not self._back_off(attempt, remaining_seconds):
                return found, ErrorCode.OUT_OF_TIME

    def _write_one(
        self, change: Change, remaining_seconds: RemainingSeconds, finish: Finish | None = None
    ) -> WriteOutcome:
        """Write one user's record; `finish` if the first attempt of the first call is made already."""
        stored = change.stored
        conflicts = 0
        while True:
            if remaining_seconds() <= RESERVE_SECONDS:
                return WriteOutcome(error_code=ErrorCode.OUT_OF_TIME, conflicts=conflicts)
            merged = stored.merged_with(change.events)
            if merged.record is None:
                return _written(stored, merged, conflicts)
            try:
                conflicting = self._compare_and_set(stored, merged.services, finish)
            except AWS_ERRORS as error:
                return _failed_write(error, change.events, conflicts)
            if conflicting is None:
                return _written(stored, merged, conflicts)
            finish = None
            conflicts += 1
            stored = conflicting
            if conflicts >= ATTEMPTS:
                return WriteOutcome(error_code=ErrorCode.WRITE_CONFLICTS, conflicts=conflicts)
            # While a writer waits, other writers make the returned record stale. So wait before every other attempt
            # only: the one in between uses the record that came back at once.
            if conflicts % 2 == 0 and not self._back_off(conflicts, remaining_seconds):
                return WriteOutcome(error_code=ErrorCode.OUT_OF_TIME, conflicts=conflicts)

    def _compare_and_set(
        self, stored: StoredRecord, services: AttributeValue, finish: Finish | None = None
    ) -> StoredRecord | None:
        """Replace what was read and return None, or return the record that another writer stored meanwhile."""
        try:
            if finish is None:
                self._client.update_item(TableName=self._table_name, **stored.update_to(services))
            else:
                finish()
        except AWS_ERRORS as error:
            if error_code_of(error) != "ConditionalCheckFailedException":
                raise
            return StoredRecord.of(stored.record.user_id, response_of(error).get("Item"))
        return None

    def _back_off(self, attempt: int, remaining_seconds: RemainingSeconds) -> bool:
        """Wait for a random time that grows with `attempt`; return False at once if the invocation has less left."""
        delay = self._jitter() * min(_BACKOFF_MAX_SECONDS, _BACKOFF_BASE_SECONDS * 2**attempt)
        if remaining_seconds() - delay <= RESERVE_SECONDS:
            return False
        self._sleep(delay)
        return True


def _written(stored: StoredRecord, merged: Merged, conflicts: int = 0) -> WriteOutcome:
    if merged.record is None:
        return WriteOutcome(conflicts=conflicts, outgrown=merged.outgrown)
    return WriteOutcome(
        changed=len(set(merged.record.services).difference(stored.record.services)),
        item_bytes=merged.item_bytes,
        conflicts=conflicts,
        outgrown=merged.outgrown,
    )


def _outcome(future: Future[WriteOutcome]) -> WriteOutcome:
    if not future.done():
        future.cancel()
        return WriteOutcome(error_code=ErrorCode.OUT_OF_TIME)
    error = future.exception()
    # An unexpected failure of one user must not lose the outcomes of the others.
    return WriteOutcome(error_code=error_code_of(error)) if isinstance(error, Exception) else future.result()


def _failed_write(error: Exception, events: Sequence[LoginEvent], conflicts: int) -> WriteOutcome:
    # Our own sum should have prevented this; a sum that is off by a byte must not cost five deliveries.
    if error_code_of(error) == "ValidationException" and "exceeded the maximum allowed size" in str(error):
        return WriteOutcome(conflicts=conflicts, outgrown=tuple(events))
    return WriteOutcome(error_code=error_code_of(error), conflicts=conflicts)
