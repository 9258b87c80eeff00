"""Counts in sentences."""


def pluralize(count: int, noun: str) -> str:
    """Return the count with its noun: `1 message`, `2 messages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def count_of(part: int, total: int, noun: str) -> str:
    """Return the part of a total: `3 of 5 events`, or `5 events` when it is all of them."""
    return pluralize(total, noun) if part == total else f"{part} of {pluralize(total, noun)}"
