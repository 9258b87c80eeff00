"""How data points become the state of an alarm: M of N, and what is made of data that is missing.

The user guide, "Configuring how CloudWatch alarms treat missing data", is the specification; its tables are the tests.
"""

from collections.abc import Sequence
from enum import StrEnum


class State(StrEnum):
    """What an alarm can be in."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class Missing(StrEnum):
    """What a period without data means to an alarm."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


def next_state(
    breaches: Sequence[bool | None], *, datapoints: int, periods: int, missing: Missing, previous: State
) -> State:
    """The state after looking at the evaluation range, oldest first: True breaches, None is missing.

    As many real points as `periods` decide by themselves, however old; otherwise all real points count, and the
    treatment of missing data fills up as few as it can.
    """
    real = [breach for breach in breaches if breach is not None]
    if len(real) >= periods:
        return _counted(sum(real[-periods:]), datapoints)
    filled = periods - len(real)
    if missing is Missing.BREACHING:
        return _counted(sum(real) + filled, datapoints)
    if missing is Missing.NOT_BREACHING or sum(real) >= datapoints:
        return _counted(sum(real), datapoints)
    if not all(real):
        return State.OK
    # Here every real point there is breaches, and they are fewer than M.
    if missing is Missing.IGNORE:
        return previous
    return State.ALARM if _is_old_enough(breaches, datapoints) else State.INSUFFICIENT_DATA


def _counted(breaching: int, datapoints: int) -> State:
    return State.ALARM if breaching >= datapoints else State.OK


def _is_old_enough(breaches: Sequence[bool | None], datapoints: int) -> bool:
    """Whether the oldest breach is at least M points back and nothing newer contradicts it: no longer premature."""
    oldest = next((at for at, breach in enumerate(breaches) if breach), len(breaches))
    return len(breaches) - oldest >= datapoints
