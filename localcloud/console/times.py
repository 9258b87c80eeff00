"""The time range of all views, as the address has it: `range=PT3H`, and `end=2026-11-26T17:05:00Z` while paused."""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from localcloud.boards.series import range_minutes
from localcloud.console.http import HttpError

SHORTEST_MINUTES, LONGEST_MINUTES = 5, 7 * 1_440
DEFAULT = "PT3H"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_RANGE = re.compile(r"P(T\d{1,5}[MH]|\d{1,3}D)", re.ASCII)


@dataclass(frozen=True)
class Range:
    """What a board shows: its length, and the minute after its last minute."""

    text: str
    end: int


def read_time(text: str) -> float:
    """Seconds since 1970; HttpError unless it has the form 2026-11-26T17:05:00Z."""
    with suppress(ValueError):
        if _TIME.fullmatch(text):
            return (datetime.fromisoformat(text) - EPOCH).total_seconds()
    raise HttpError(HTTPStatus.BAD_REQUEST, "A time has the form 2026-11-26T17:05:00Z.")


def write_time(seconds: float) -> str:
    """The form that `read_time` reads."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_end(text: str | None, now: float) -> float:
    """The time at which a paused view stands still, or now; never in the future."""
    return min(now, read_time(text)) if text is not None else now


def read_range(text: str | None, end: str | None, now: float) -> Range:
    """The range; HttpError unless it has a form such as PT30M, PT3H or P7D and lasts from 5 minutes to 7 days."""
    text = DEFAULT if text is None else text
    minutes = range_minutes(f"-{text}") if _RANGE.fullmatch(text) else 0
    if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
        raise HttpError(
            HTTPStatus.BAD_REQUEST, "A range has a form such as PT30M, PT3H or P7D, from 5 minutes to 7 days."
        )
    return Range(text, int(read_end(end, now) // 60))
