"""How data points become the state of an alarm: M of N, and the treatment of missing data.

The user guide's "Configuring how CloudWatch alarms treat missing data" is the specification; its tables are the tests.
"""

from collections.abc import Sequence
from enum import StrEnum


class State(StrEnum):
    """The state of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


class MissingData(StrEnum):
    """How an alarm treats a period without data."""

    MISSING = "missing"
    IGNORE = "ignore"
    BREACHING = "breaching"
    NOT_BREACHING = "notBreaching"


def next_state(
    breaches: Sequence[bool | None], *, datapoints: int, periods: int, missing_data: MissingData, previous: State
) -> State:
    """The next state, from the points of the evaluation range, oldest first: True breaches, None is missing.

    If there are at least `periods` real points, the newest of them decide, however old they are. Otherwise all real
    points count, and the treatment of missing data fills as few periods as possible.
    """
    real = [breach for breach in breaches if breach is not None]
    if len(real) >= periods:
        return _counted(sum(real[-periods:]), datapoints)
    filled = periods - len(real)
    if missing_data is MissingData.BREACHING:
        return _counted(sum(real) + filled, datapoints)
    if missing_data is MissingData.NOT_BREACHING or sum(real) >= datapoints:
        return _counted(sum(real), datapoints)
    if not all(real):
        return State.OK
    # From here on, every real point breaches, and there are fewer than M.
    if missing_data is MissingData.IGNORE:
        return previous
    return State.ALARM if _is_old_enough(breaches, datapoints) else State.INSUFFICIENT_DATA


def _counted(breaching: int, datapoints: int) -> State:
    return State.ALARM if breaching >= datapoints else State.OK


def _is_old_enough(breaches: Sequence[bool | None], datapoints: int) -> bool:
    """Whether the oldest breach is at least M points back, so that a change to ALARM is not premature."""
    oldest = next((at for at, breach in enumerate(breaches) if breach), len(breaches))
    return len(breaches) - oldest >= datapoints
