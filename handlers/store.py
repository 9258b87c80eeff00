"""The table: a batch of users read at once, each written by compare-and-set, never a login lost between two writers.

Whatever fails comes back as an outcome with an error code; no outcome says "stored" before DynamoDB did.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from handlers.logins import LoginEvent, UserRecord, merge
from handlers.stored import ITEM_BYTES_MAX, KEY, SERVICES, StoredRecord, service_bytes
from handlers.vocabulary import ErrorCode

# Low-level clients have no types of their own: their operations are made at run time.
Client = Any
RemainingSeconds = Callable[[], float]

WRITERS: Final = 8
ATTEMPTS: Final = 8
BATCH_GET_KEYS: Final = 100
# What is kept of an invocation for reporting what could not be written.
RESERVE_SECONDS: Final = 0.5
# Reading nobody before the first event pays for TLS, certificates and credentials; blanks alone are no valid id.
NOBODY: Final = " "
_BACKOFF_BASE_SECONDS: Final = 0.02
_BACKOFF_MAX_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Events to merge into what was read of one user."""

    stored: StoredRecord
    events: Sequence[LoginEvent]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOutcome:
    """What became of one user's events.

    `error_code` None: all of them but `outgrown` are in the table, and `changed` services are newer than before.
    Otherwise none of them may be acknowledged. `outgrown` would not fit into the item, ever.
    """

    error_code: str | None = None
    changed: int = 0
    item_bytes: int = 0
    conflicts: int = 0
    outgrown: tuple[LoginEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOutcome:
    """What the table held of each user, and for the users it did not say, why."""

    records: Mapping[str, StoredRecord]
    error_codes: Mapping[str, str]


def error_code_of(error: Exception) -> str:
    """A name for a failure that holds no value: AWS's error code, or the class of the exception."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code") or type(error).__name__
    return type(error).__name__


class UserRecordStore:
    """Records of users in one DynamoDB table.

    `sleep` and `jitter` (uniform in [0, 1)) make the backoff; `executor` runs the writes of a batch, in threads of its
    own by default; `carry` wraps what they run, so that a trace can follow it there.
    """

    def __init__(
        self,
        client: Client,
        table_name: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        carry: Callable[[Callable[..., Any]], Callable[..., Any]] = lambda function: function,
        executor: Executor | None = None,
    ) -> None:
        self._client = client
        self._table_name = table_name
        self._sleep = sleep
        self._jitter = jitter
        self._carry = carry
        self._writers = executor or ThreadPoolExecutor(max_workers=WRITERS, thread_name_prefix="writer")

    def get(self, user_id: str) -> StoredRecord:
        """What the table holds of one user; whatever the client raises passes through."""
        response = self._client.get_item(TableName=self._table_name, Key={KEY: {"S": user_id}})
        return StoredRecord.of(user_id, response.get("Item"))

    def read(self, user_ids: Iterable[str], remaining_seconds: RemainingSeconds) -> ReadOutcome:
        """What the table held of these users a moment ago: a stale answer is caught by the write."""
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

        A write still running when the time is up is reported as failed: it may land, and then merging its events
        again changes nothing.
        """
        write_one = self._carry(self._write_one)
        futures = {
            change.stored.record.user_id: self._writers.submit(write_one, change, remaining_seconds)
            for change in changes
        }
        wait(futures.values(), timeout=max(0.0, remaining_seconds() - RESERVE_SECONDS))
        outcomes: dict[str, WriteOutcome] = {}
        for user_id, future in futures.items():
            if not future.done():
                future.cancel()
                outcomes[user_id] = WriteOutcome(error_code=ErrorCode.OUT_OF_TIME)
            elif isinstance(error := future.exception(), Exception):
                # One user's surprise must not take the others' outcomes along.
                outcomes[user_id] = WriteOutcome(error_code=error_code_of(error))
            else:
                outcomes[user_id] = future.result()
        return outcomes

    def _read_chunk(
        self, ids: Sequence[str], remaining_seconds: RemainingSeconds
    ) -> tuple[dict[str, StoredRecord], str | None]:
        """What was found of `ids`, and why the rest is unknown; all of them are found when nothing failed."""
        found: dict[str, StoredRecord] = {}
        pending = {self._table_name: {"Keys": [{KEY: {"S": user_id}} for user_id in ids]}}
        attempt = 0
        while True:
            try:
                response = self._client.batch_get_item(RequestItems=pending)
            except Exception as error:  # noqa: BLE001 - a surprise here must not take along what others have achieved
                return found, error_code_of(error)
            items = response["Responses"].get(self._table_name, [])
            found.update({item[KEY]["S"]: StoredRecord.of(item[KEY]["S"], item) for item in items})
            pending = response.get("UnprocessedKeys") or {}
            if not pending:
                # What is in neither list does not exist.
                return {user_id: found.get(user_id) or StoredRecord.of(user_id, None) for user_id in ids}, None
            # An answer is cut at 16 MB: as long as items come, there is nothing to wait for.
            attempt = 0 if items else attempt + 1
            if attempt >= ATTEMPTS:
                return found, ErrorCode.READ_UNPROCESSED
            if not self._back_off(attempt, remaining_seconds):
                return found, ErrorCode.OUT_OF_TIME

    def _write_one(self, change: Change, remaining_seconds: RemainingSeconds) -> WriteOutcome:
        stored = change.stored
        conflicts = 0
        while True:
            if remaining_seconds() <= RESERVE_SECONDS:
                return WriteOutcome(error_code=ErrorCode.OUT_OF_TIME, conflicts=conflicts)
            record, outgrown = _merge_within(stored, change.events)
            if record is None:
                return WriteOutcome(conflicts=conflicts, outgrown=outgrown)
            try:
                self._compare_and_set(stored, record)
            except (BotoCoreError, ClientError) as error:
                if not isinstance(error, ClientError) or error_code_of(error) != "ConditionalCheckFailedException":
                    return _refused(error, change.events, conflicts)
                conflicts += 1
                stored = StoredRecord.of(record.user_id, error.response.get("Item"))
            else:
                return WriteOutcome(
                    changed=len(set(record.services).difference(stored.record.services)),
                    item_bytes=stored.bytes_with(record),
                    conflicts=conflicts,
                    outgrown=outgrown,
                )
            if conflicts >= ATTEMPTS:
                return WriteOutcome(error_code=ErrorCode.WRITE_CONFLICTS, conflicts=conflicts)
            # While a writer waits, others make what came back old: a wait is for the attempt after next, which has what
            # the next one brings back and uses it at once.
            if conflicts % 2 == 0 and not self._back_off(conflicts, remaining_seconds):
                return WriteOutcome(error_code=ErrorCode.OUT_OF_TIME, conflicts=conflicts)

    def _compare_and_set(self, stored: StoredRecord, record: UserRecord) -> None:
        """Replace exactly what was read, or fail with what is there now.

        DynamoDB compares lists by value, so the item needs no version of its own.
        """
        values = {":new": stored.services_with(record)}
        condition = "attribute_not_exists(#services)"
        if stored.services is not None:
            condition = "#services = :old"
            values[":old"] = stored.services
        self._client.update_item(
            TableName=self._table_name,
            Key={KEY: {"S": record.user_id}},
            UpdateExpression="SET #services = :new",
            ConditionExpression=condition,
            ExpressionAttributeNames={"#services": SERVICES},
            ExpressionAttributeValues=values,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _back_off(self, attempt: int, remaining_seconds: RemainingSeconds) -> bool:
        """Wait a random while that grows with `attempt`; False, at once, if the invocation has not that long."""
        delay = self._jitter() * min(_BACKOFF_MAX_SECONDS, _BACKOFF_BASE_SECONDS * 2**attempt)
        if remaining_seconds() - delay <= RESERVE_SECONDS:
            return False
        self._sleep(delay)
        return True


def _refused(error: BotoCoreError | ClientError, events: Sequence[LoginEvent], conflicts: int) -> WriteOutcome:
    # Our own sum should have prevented it; a sum that is off by a byte must not cost five deliveries.
    if error_code_of(error) == "ValidationException" and "exceeded the maximum allowed size" in str(error):
        return WriteOutcome(conflicts=conflicts, outgrown=tuple(events))
    return WriteOutcome(error_code=error_code_of(error), conflicts=conflicts)


def _merge_within(
    stored: StoredRecord, events: Sequence[LoginEvent]
) -> tuple[UserRecord | None, tuple[LoginEvent, ...]]:
    """The merged record, None if nothing changes, and the events left out because the item could not hold them.

    When not everything fits, known services come first, for they hardly grow the item, then the newest logins.
    """
    merged = merge(stored.record, events)
    if merged is None or stored.bytes_with(merged) <= ITEM_BYTES_MAX:
        return merged, ()
    kept = {service.service_id: service for service in stored.record.services}
    room = ITEM_BYTES_MAX - stored.bytes_with(stored.record)
    left_out: set[str] = set()
    changed = [service for service in merged.services if kept.get(service.service_id) != service]
    for service in sorted(changed, key=lambda service: service.service_id not in kept):
        known = kept.get(service.service_id)
        growth = service_bytes(service) - (service_bytes(known) if known else 0)
        if growth <= room:
            kept[service.service_id] = service
            room -= growth
        else:
            left_out.add(service.service_id)
    outgrown = tuple(event for event in events if event.service_id in left_out)
    if len(left_out) == len(changed):
        return None, outgrown
    return UserRecord.of(stored.record.user_id, kept.values()), outgrown
