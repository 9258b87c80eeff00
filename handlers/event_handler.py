"""Entry point of the queue: Lambda deletes a message only after it is stored or quarantined."""

import functools
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from handlers import cold_start
from handlers.clients import TOGETHER, Session, make_client
from handlers.dynamodb_requests import make_dynamodb_client
from handlers.fold import BatchReport, Fate, fold_events
from handlers.quarantine import Quarantine
from handlers.settings import EventHandlerSettings
from handlers.store import UserRecordStore
from handlers.telemetry import Telemetry, quiet_libraries
from handlers.vocabulary import EVENT_HANDLER_SERVICE, FRESHNESS_OBJECTIVE_SECONDS, Environment, MetricName, Outcome


class BatchFailedError(Exception):
    """No message of the batch could be stored, for a temporary reason: Lambda must see an error and back off."""


class EventHandler:
    """The handler of one process: folds a batch, reports it, and tells Lambda which messages failed."""

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
        """The partial batch response; BatchFailedError if every message failed."""
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
        except Exception as error:  # noqa: BLE001 - the text of no exception may reach the log
            self._telemetry.failure("batch crashed", error, outcome=Outcome.ERROR)
            self._telemetry.annotate("outcome", Outcome.ERROR)
            # Lambda logs what is raised, and the text of the original may quote data.
            raise BatchFailedError(
                f"The batch crashed with {type(error).__name__}; the log line 'batch crashed' says where."
            ) from None
        self._report(report, (time.perf_counter() - started) * 1000)
        if report.all_failed:
            size = len(report.fates)
            raise BatchFailedError(
                f"{size} of {size} messages failed for a temporary reason; their log lines name the error codes."
            )
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in report.failures]}

    def _report(self, report: BatchReport, duration_milliseconds: float) -> None:
        late = self._report_fates(report)
        real = [fate for fate in report.fates if not fate.is_probed]
        counts = Counter(fate.outcome for fate in real)
        size = len(report.fates)
        values = {
            MetricName.EVENT_RECEIVED: len(real),
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
        if len(real) < size:
            values[MetricName.EVENT_PROBED] = size - len(real)
        if report.largest_item_bytes:
            values[MetricName.RECORD_BYTES] = report.largest_item_bytes
        for name, value in values.items():
            self._telemetry.measure(name, value)
        outcome = Outcome.PARTIAL if report.failures else Outcome.SUCCESS
        outcome = Outcome.FAILED if report.all_failed else outcome
        self._telemetry.annotate("outcome", outcome)
        self._telemetry.summarize(
            "batch folded",
            outcome=outcome,
            batch_size=size,
            probed=size - len(real),
            persisted=counts[Outcome.PERSISTED],
            stale=report.stale,
            invalid=counts[Outcome.INVALID],
            failed=counts[Outcome.FAILED],
            exhausted=counts[Outcome.EXHAUSTED],
            conflicts=report.conflicts,
            duration_ms=round(duration_milliseconds, 1),
        )

    def _report_fates(self, report: BatchReport) -> int:
        """Measure the age of every stored event and log every other message; return how many were stored late.

        Ages are those of real logins.
        """
        now_milliseconds = self._now().timestamp() * 1000
        late = 0
        for fate in report.fates:
            sent = fate.message.sent_at_milliseconds
            age = None if sent is None else max(0.0, now_milliseconds - sent)
            if fate.outcome != Outcome.PERSISTED:
                self._log(fate, age)
            elif age is not None and not fate.is_probed:
                self._telemetry.measure(MetricName.EVENT_AGE, round(age))
                late += age > FRESHNESS_OBJECTIVE_SECONDS * 1000
        return late

    def _log(self, fate: Fate, age_milliseconds: float | None) -> None:
        logger = self._telemetry.logger
        log = logger.error if fate.outcome == Outcome.EXHAUSTED else logger.warning
        log(
            f"event {fate.outcome}",
            extra={
                "message_id": fate.message.message_id,
                "receive_count": fate.message.receive_count,
                "event_age_ms": None if age_milliseconds is None else round(age_milliseconds),
                "outcome": fate.outcome,
                "error_code": fate.error_code,
                "error_detail": fate.error_detail,
            },
        )


@functools.cache
def _wired() -> Callable[[dict[str, Any], Any], Any]:
    """The handler with everything it needs, made once per process."""
    settings = EventHandlerSettings.of(os.environ)
    quiet_libraries()
    session = Session()
    dynamodb = make_dynamodb_client(session, settings.table_name, read_timeout_seconds=2, connections=TOGETHER)
    # Before the telemetry is made, because there is no trace yet that this call could belong to.
    UserRecordStore(dynamodb, settings.table_name).warm_up(batch=True)
    # Another name for another consumer that runs this handler on a queue of its own.
    service = os.environ.get(Environment.SERVICE) or EVENT_HANDLER_SERVICE
    telemetry = Telemetry(service, settings.stack, settings.version)
    telemetry.trace_calls_of(dynamodb)
    report = functools.partial(telemetry.failure, "writing together failed")
    store = UserRecordStore(dynamodb, settings.table_name, carry=telemetry.carry, report=report)
    quarantine = Quarantine(
        lambda: make_client(session, "sqs", read_timeout_seconds=2),
        settings.dead_letter_queue_url,
        version=settings.version,
    )
    application = EventHandler(store, quarantine, telemetry, max_receive_count=settings.max_receive_count)
    return telemetry.entry_point(application.handle)


def handler(event: dict[str, Any], context: Any) -> Any:
    """The function that Lambda calls with a batch."""
    return _wired()(event, context)


cold_start.complete(_wired)
