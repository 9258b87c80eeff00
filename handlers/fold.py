"""One batch: every message is stored, quarantined or reported as failed, and no failure affects another message."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from handlers.clients import RemainingSeconds, error_code_of
from handlers.logins import LoginEvent
from handlers.messages import InvalidError, Message, decode_login
from handlers.quarantine import Quarantine, Rejection
from handlers.store import Change, UserRecordStore, WriteOutcome
from handlers.vocabulary import PROBE_USER, ErrorCode, Outcome

Span = Callable[[str], AbstractContextManager[Any]]

_TOO_LARGE_DETAIL: Final = "The record of this user has no room for another service: a DynamoDB item holds 400 KB."


@dataclass(slots=True, kw_only=True)
class Fate:
    """What becomes of one message: it is persisted unless it is rejected or fails.

    `failure` is the error code of a failure that may pass. A rejected message fails if the dead-letter queue does not
    accept it.
    """

    message: Message
    is_last_receive: bool
    login: LoginEvent | None = None
    rejection: Rejection | None = None
    failure: str | None = None

    @property
    def outcome(self) -> Outcome:
        """The outcome that logs and metrics name."""
        if self.failure is not None:
            return Outcome.EXHAUSTED if self.is_last_receive else Outcome.FAILED
        return Outcome.PERSISTED if self.rejection is None else Outcome.INVALID

    @property
    def is_probed(self) -> bool:
        """Whether the probe sent it, so that no metric counts it as the login of a real user."""
        return self.login is not None and self.login.user_id == PROBE_USER

    @property
    def error_code(self) -> str | None:
        """Why the message is not stored; None if it is."""
        return self.rejection.error_code if self.failure is None and self.rejection else self.failure

    @property
    def error_detail(self) -> str | None:
        """The sentence a rejected message carries to the dead-letter queue; None if it did not get there."""
        return self.rejection.error_detail if self.failure is None and self.rejection else None

    def reject(self, error_code: ErrorCode, error_detail: str) -> None:
        """Record that the message can never succeed."""
        self.rejection = Rejection(message=self.message, error_code=error_code, error_detail=error_detail)


@dataclass(slots=True, kw_only=True)
class BatchReport:
    """What became of a batch: the fate of every message, in order, and what the writes cost."""

    fates: list[Fate]
    stale: int = 0
    conflicts: int = 0
    largest_item_bytes: int = 0

    @property
    def failures(self) -> list[str]:
        """The IDs of the messages that SQS must deliver again."""
        return [fate.message.message_id for fate in self.fates if fate.failure is not None]

    @property
    def all_failed(self) -> bool:
        """Whether no message of the batch may be acknowledged."""
        return bool(self.fates) and len(self.failures) == len(self.fates)


def fold_events(
    records: Sequence[Mapping[str, Any]],
    store: UserRecordStore,
    quarantine: Quarantine,
    *,
    max_receive_count: int,
    now: Callable[[], datetime],
    remaining_seconds: RemainingSeconds,
    span: Span = nullcontext,
) -> BatchReport:
    """Store the valid logins, quarantine the invalid messages, and report what became of every message."""
    messages = [Message.of(record) for record in records]
    fates = [Fate(message=message, is_last_receive=message.receive_count >= max_receive_count) for message in messages]
    report = BatchReport(fates=fates)
    with span("decode"):
        _decode(fates, now())
    _store(report, store, remaining_seconds, span)
    _quarantine(fates, quarantine, remaining_seconds, span)
    return report


def _decode(fates: Iterable[Fate], now: datetime) -> None:
    for fate in fates:
        try:
            fate.login = decode_login(fate.message.record["body"], now)
        except InvalidError as error:
            fate.reject(error.code, error.detail)
        except Exception as error:  # noqa: BLE001 - a defect that one message triggers must not fail the others
            fate.failure = error_code_of(error)


def _store(report: BatchReport, store: UserRecordStore, remaining_seconds: RemainingSeconds, span: Span) -> None:
    """Merge every decoded login into the table, all logins of a user at once."""
    by_user: dict[str, list[Fate]] = {}
    for fate in report.fates:
        if fate.login is not None:
            by_user.setdefault(fate.login.user_id, []).append(fate)
    if not by_user:
        return
    with span("read"):
        read = store.read(by_user, remaining_seconds)
    outcomes = {user_id: WriteOutcome(error_code=code) for user_id, code in read.error_codes.items()}
    changes = [
        Change(stored=stored, events=tuple(fate.login for fate in by_user[user_id] if fate.login))
        for user_id, stored in read.records.items()
    ]
    with span("write"):
        outcomes |= store.write(changes, remaining_seconds)
    for user_id, fates in by_user.items():
        _conclude(report, fates, outcomes[user_id])


def _conclude(report: BatchReport, fates: Sequence[Fate], outcome: WriteOutcome) -> None:
    """Record what the write of one user means for each of this user's messages."""
    report.conflicts += outcome.conflicts
    report.largest_item_bytes = max(report.largest_item_bytes, outcome.item_bytes)
    if outcome.error_code:
        for fate in fates:
            fate.failure = outcome.error_code
        return
    outgrown = [fate for fate in fates if fate.login in outcome.outgrown]
    for fate in outgrown:
        fate.reject(ErrorCode.RECORD_TOO_LARGE, _TOO_LARGE_DETAIL)
    if not any(fate.is_probed for fate in fates):
        report.stale += len(fates) - len(outgrown) - outcome.changed


def _quarantine(fates: Iterable[Fate], quarantine: Quarantine, remaining_seconds: RemainingSeconds, span: Span) -> None:
    """Send every rejected message to the dead-letter queue; a message that the queue refuses has failed."""
    rejected = [(fate, fate.rejection) for fate in fates if fate.rejection]
    if not rejected:
        return
    with span("quarantine"):
        refused = quarantine.send([rejection for _, rejection in rejected], remaining_seconds)
    for fate, _ in rejected:
        fate.failure = refused.get(fate.message.message_id)
