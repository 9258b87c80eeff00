"""Entry point of the queue: every message is stored, quarantined or reported as failed, and only then answered for."""

import functools
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.session import Session

from handlers import started
from handlers.clients import make_client
from handlers.logins import LoginEvent
from handlers.messages import InvalidError, Message, decode_login
from handlers.quarantine import Quarantine, Rejection
from handlers.settings import EventHandlerSettings
from handlers.store import NOBODY, WRITERS, Change, RemainingSeconds, UserRecordStore, WriteOutcome, error_code_of
from handlers.telemetry import Telemetry, quiet_libraries
from handlers.vocabulary import EVENT_HANDLER_SERVICE, FRESHNESS_OBJECTIVE_SECONDS, ErrorCode, MetricName, Outcome

_TOO_LARGE_DETAIL = "The record of this user has no room for another service: DynamoDB holds 400 KB an item."


class BatchFailedError(Exception):
    """Not one message of the batch could be stored, for reasons that pass: Lambda is to see an error and back off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of one message, without anything of what it said."""

    message: Message
    outcome: str
    error_code: str | None = None
    error_detail: str | None = None


@dataclass(slots=True, kw_only=True)
class BatchReport:
    """What became of a batch: a verdict for every message, in order, and what the writes cost."""

    verdicts: list[Verdict] = field(default_factory=list)
    stale: int = 0
    conflicts: int = 0
    largest_item_bytes: int = 0

    @property
    def failures(self) -> list[str]:
        """The ids of the messages that must be delivered again."""
        return [
            verdict.message.message_id
            for verdict in self.verdicts
            if verdict.outcome in (Outcome.FAILED, Outcome.EXHAUSTED)
        ]

    @property
    def all_failed(self) -> bool:
        """Whether not one message of the batch may be acknowledged."""
        return bool(self.verdicts) and len(self.failures) == len(self.verdicts)


def fold_events(
    records: Sequence[Mapping[str, Any]],
    store: UserRecordStore,
    quarantine: Quarantine,
    *,
    max_receive_count: int,
    now: Callable[[], datetime],
    remaining_seconds: RemainingSeconds,
    span: Callable[[str], AbstractContextManager[Any]] = nullcontext,
) -> BatchReport:
    """Store what can be stored, quarantine what never can, and say of every message which of it happened."""
    report = BatchReport()
    messages = [Message.of(record) for record in records]
    rejected: dict[int, InvalidError] = {}
    failed: dict[int, str] = {}

    with span("decode"):
        logins = _decode(messages, now(), rejected, failed)
    by_user: dict[str, dict[int, LoginEvent]] = {}
    for index, login in logins.items():
        by_user.setdefault(login.user_id, {})[index] = login

    outcomes = _store(by_user, store, remaining_seconds, span)
    for user_id, events in by_user.items():
        outcome = outcomes[user_id]
        report.conflicts += outcome.conflicts
        report.largest_item_bytes = max(report.largest_item_bytes, outcome.item_bytes)
        if outcome.error_code:
            failed.update(dict.fromkeys(events, outcome.error_code))
            continue
        outgrown = {index for index, event in events.items() if event in outcome.outgrown}
        rejected.update({index: InvalidError(ErrorCode.RECORD_TOO_LARGE, _TOO_LARGE_DETAIL) for index in outgrown})
        report.stale += len(events) - len(outgrown) - outcome.changed

    if rejected:
        with span("quarantine"):
            rejections = [
                Rejection(message=messages[index], error_code=error.code, error_detail=error.detail)
                for index, error in sorted(rejected.items())
            ]
            refused = quarantine.send(rejections, remaining_seconds)
        failed.update({i: refused[messages[i].message_id] for i in rejected if messages[i].message_id in refused})

    for index, message in enumerate(messages):
        if index in failed:
            last = message.receive_count >= max_receive_count
            outcome = Outcome.EXHAUSTED if last else Outcome.FAILED
            report.verdicts.append(Verdict(message=message, outcome=outcome, error_code=failed[index]))
        elif index in rejected:
            error = rejected[index]
            report.verdicts.append(
                Verdict(message=message, outcome=Outcome.INVALID, error_code=error.code, error_detail=error.detail)
            )
        else:
            report.verdicts.append(Verdict(message=message, outcome=Outcome.PERSISTED))
    return report


def _decode(
    messages: Sequence[Message], now: datetime, rejected: dict[int, InvalidError], failed: dict[int, str]
) -> dict[int, LoginEvent]:
    logins: dict[int, LoginEvent] = {}
    for index, message in enumerate(messages):
        try:
            logins[index] = decode_login(message.record["body"], now)
        except InvalidError as error:
            rejected[index] = error
        except Exception as error:  # noqa: BLE001 - a defect that one message brings out must not fail the others
            failed[index] = error_code_of(error)
    return logins


def _store(
    by_user: Mapping[str, Mapping[int, LoginEvent]],
    store: UserRecordStore,
    remaining_seconds: RemainingSeconds,
    span: Callable[[str], AbstractContextManager[Any]],
) -> dict[str, WriteOutcome]:
    """An outcome for every user."""
    if not by_user:
        return {}
    with span("read"):
        read = store.read(by_user, remaining_seconds)
    outcomes = {user_id: WriteOutcome(error_code=code) for user_id, code in read.error_codes.items()}
    changes = [
        Change(stored=stored, events=tuple(by_user[user_id].values())) for user_id, stored in read.records.items()
    ]
    with span("write"):
        return outcomes | store.write(changes, remaining_seconds)


class EventHandler:
    """The handler of one process: folds a batch, reports it, answers Lambda."""

    def __init__(
        self,
        store: UserRecordStore,
        quarantine: Quarantine,
        telemetry: Telemetry,
        *,
        max_receive_count: int,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._quarantine = quarantine
        self._telemetry = telemetry
        self._max_receive_count = max_receive_count
        self._now = now

    def handle(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """The partial batch response; BatchFailedError when every message failed."""
        started = time.perf_counter()
        try:
            records = event["Records"]
            self._telemetry.annotate("batch_size", len(records))
            report = fold_events(
                records,
                self._store,
                self._quarantine,
                max_receive_count=self._max_receive_count,
                now=self._now,
                remaining_seconds=lambda: context.get_remaining_time_in_millis() / 1000,
                span=self._telemetry.span,
            )
        except Exception as error:  # noqa: BLE001 - whatever it was, its text must not reach the log
            self._telemetry.failure("batch crashed", error, outcome=Outcome.ERROR)
            self._telemetry.annotate("outcome", Outcome.ERROR)
            # The text of the original may quote data, and Lambda logs what is raised.
            raise BatchFailedError(f"The batch crashed with {type(error).__name__}; the log says where.") from None
        self._report(report, (time.perf_counter() - started) * 1000)
        if report.all_failed:
            raise BatchFailedError(
                f"All {len(report.verdicts)} messages failed for a passing reason; the log says which."
            )
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in report.failures]}

    def _report(self, report: BatchReport, duration_milliseconds: float) -> None:
        stored_at_milliseconds = self._now().timestamp() * 1000
        counts = Counter(verdict.outcome for verdict in report.verdicts)
        late = 0
        for verdict in report.verdicts:
            sent = verdict.message.sent_at_milliseconds
            age = None if sent is None else max(0.0, stored_at_milliseconds - sent)
            if verdict.outcome != Outcome.PERSISTED:
                self._log_verdict(verdict, age)
            elif age is not None:
                self._telemetry.measure(MetricName.EVENT_AGE, age)
                late += age > FRESHNESS_OBJECTIVE_SECONDS * 1000
        size = len(report.verdicts)
        outcome = Outcome.PARTIAL if report.failures else Outcome.SUCCESS
        outcome = Outcome.FAILED if report.all_failed else outcome
        values = {
            MetricName.EVENT_RECEIVED: size,
            MetricName.EVENT_PERSISTED: counts[Outcome.PERSISTED],
            MetricName.EVENT_STALE: report.stale,
            MetricName.EVENT_INVALID: counts[Outcome.INVALID],
            MetricName.EVENT_FAILED: counts[Outcome.FAILED],
            MetricName.EVENT_EXHAUSTED: counts[Outcome.EXHAUSTED],
            MetricName.EVENT_LATE: late,
            MetricName.WRITE_CONFLICT: report.conflicts,
            MetricName.BATCH_SIZE: size,
            MetricName.BATCH_DURATION: duration_milliseconds,
        }
        if report.largest_item_bytes:
            values[MetricName.RECORD_BYTES] = report.largest_item_bytes
        for name, value in values.items():
            self._telemetry.measure(name, value)
        self._telemetry.annotate("outcome", outcome)
        self._telemetry.logger.info(
            "batch folded",
            extra={
                "outcome": outcome,
                "batch_size": size,
                "persisted": counts[Outcome.PERSISTED],
                "stale": report.stale,
                "invalid": counts[Outcome.INVALID],
                "failed": counts[Outcome.FAILED],
                "exhausted": counts[Outcome.EXHAUSTED],
                "conflicts": report.conflicts,
                "duration_ms": round(duration_milliseconds, 1),
            },
        )

    def _log_verdict(self, verdict: Verdict, age_milliseconds: float | None) -> None:
        logger = self._telemetry.logger
        log = logger.error if verdict.outcome == Outcome.EXHAUSTED else logger.warning
        log(
            f"event {verdict.outcome}",
            extra={
                "message_id": verdict.message.message_id,
                "receive_count": verdict.message.receive_count,
                "event_age_ms": None if age_milliseconds is None else round(age_milliseconds),
                "outcome": verdict.outcome,
                "error_code": verdict.error_code,
                "error_detail": verdict.error_detail,
            },
        )


@functools.cache
def _wired() -> Callable[[dict[str, Any], Any], Any]:
    """The handler with everything it needs, made once per process."""
    settings = EventHandlerSettings.of(os.environ)
    quiet_libraries()
    session = Session()
    dynamodb = make_client(session, "dynamodb", read_timeout_seconds=2, connections=WRITERS)
    # Before the telemetry: there is no trace yet that the call could belong to.
    UserRecordStore(dynamodb, settings.table_name).read([NOBODY], remaining_seconds=lambda: 1.0)
    telemetry = Telemetry(EVENT_HANDLER_SERVICE, settings.stack, settings.version)
    store = UserRecordStore(dynamodb, settings.table_name, carry=telemetry.carry)
    quarantine = Quarantine(lambda: make_client(session, "sqs", read_timeout_seconds=2), settings.dead_letter_queue_url)
    application = EventHandler(store, quarantine, telemetry, max_receive_count=settings.max_receive_count)
    return telemetry.entry_point(application.handle)


def handler(event: dict[str, Any], context: Any) -> Any:
    """What Lambda calls."""
    return _wired()(event, context)


# In Lambda, wire while the function starts, not while its first batch waits.
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    _wired()
    started()
