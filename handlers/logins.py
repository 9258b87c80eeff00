"""One record per user that is the same whatever order, batch or number of times its logins arrive in.

Pure functions and frozen values, standard library only: everything that can be reasoned about without AWS.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Final

_RFC3339: Final = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ](?:[01]\d|2[0-3]):\d\d:(\d\d)(?:\.\d+)?(?:[Zz]|[+-]\d\d:[0-5]\d)", re.ASCII
)
_BY_ID: Final = attrgetter("service_id")
_BY_INSTANT: Final = attrgetter("last_accessed")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginEvent:
    """A valid login: one user reached one service at one instant (aware, UTC)."""

    user_id: str
    service_id: str
    service_name: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceRecord:
    """The newest login of a user in one service."""

    service_id: str
    service_name: str
    last_accessed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRecord:
    """Everything known about one user: each service once, newest first, then by `service_id`."""

    user_id: str
    services: tuple[ServiceRecord, ...] = ()

    @classmethod
    def of(cls, user_id: str, services: Iterable[ServiceRecord]) -> "UserRecord":
        """The record of these services, in canonical order, the newest of each."""
        newest: dict[str, ServiceRecord] = {}
        for service in services:
            known = newest.get(service.service_id)
            if known is None or _rank(service) > _rank(known):
                newest[service.service_id] = service
        by_id = sorted(newest.values(), key=_BY_ID)
        return cls(user_id=user_id, services=tuple(sorted(by_id, key=_BY_INSTANT, reverse=True)))


def merge(record: UserRecord, events: Iterable[LoginEvent]) -> UserRecord | None:
    """The record with the newest login of every service, or None if `record` already has all of them.

    Newest is the maximum by (instant, service name), a total order over what is stored: equal instants resolve the
    same way on every machine, so merging is commutative, associative and idempotent.
    """
    services = list(record.services)
    for event in events:
        if event.user_id != record.user_id:
            raise ValueError("An event of one user cannot be merged into the record of another; group by user first.")
        services.append(
            ServiceRecord(service_id=event.service_id, service_name=event.service_name, last_accessed=event.occurred_at)
        )
    merged = UserRecord.of(record.user_id, services)
    return None if merged == record else merged


def _rank(service: ServiceRecord) -> tuple[datetime, str]:
    return service.last_accessed, service.service_name


def parse_instant(text: str) -> datetime:
    """The instant an RFC 3339 date-time with an offset names, in UTC; ValueError for anything else.

    Digits beyond the microsecond are dropped. `datetime.fromisoformat` accepts far more than RFC 3339 (week dates,
    comma fractions, no offset), hence the expression. A leap second is the first instant of the next minute, as POSIX
    counts it.
    """
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 date-time with an offset")
    text = text.upper()
    leap = match[1] == "60"
    if leap:
        text = f"{text[:17]}59{text[19:]}"
    try:
        instant = datetime.fromisoformat(text).astimezone(UTC)
        if leap and (instant.hour, instant.minute) != (23, 59):
            raise ValueError("second 60 exists only at 23:59 UTC")
        return instant + timedelta(seconds=leap) if leap else instant
    except OverflowError:
        raise ValueError("outside the years 1 to 9999 in UTC") from None


def format_instant(instant: datetime) -> str:
    """The one text of an instant: RFC 3339 in UTC with `Z`, a fraction only if there is one, in its shortest form."""
    text = instant.astimezone(UTC).isoformat().removesuffix("+00:00")
    return (text.rstrip("0") if instant.microsecond else text) + "Z"
