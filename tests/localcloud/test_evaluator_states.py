"""The tables of the user guide, "Configuring how CloudWatch alarms treat missing data", row by row."""

import pytest

from localcloud.cloudwatch.states import Missing, State, next_state

OK, ALARM, UNKNOWN = State.OK, State.ALARM, State.INSUFFICIENT_DATA
RETAINED = None
TREATMENTS = (Missing.MISSING, Missing.IGNORE, Missing.BREACHING, Missing.NOT_BREACHING)

# (data points, M, N) -> the state for each of TREATMENTS. 0 is fine, X breaches, - is missing, the newest is last.
ROWS = {
    # 3 of 3
    ("0 - X - X", 3, 3): (OK, OK, OK, OK),
    ("0 - - - -", 3, 3): (OK, OK, OK, OK),
    ("- - - - -", 3, 3): (UNKNOWN, RETAINED, ALARM, OK),
    ("0 X X - X", 3, 3): (ALARM, ALARM, ALARM, ALARM),
    ("- - X - -", 3, 3): (ALARM, RETAINED, ALARM, OK),
    # 2 of 3
    ("0 - X - X", 2, 3): (ALARM, ALARM, ALARM, ALARM),
    ("0 0 X 0 X", 2, 3): (ALARM, ALARM, ALARM, ALARM),
    ("0 - X - -", 2, 3): (OK, OK, ALARM, OK),
    ("- - - - 0", 2, 3): (OK, OK, ALARM, OK),
    ("- - - X -", 2, 3): (ALARM, RETAINED, ALARM, OK),
    # The same tables of earlier editions, which also show what is still premature.
    ("- - - - X", 3, 3): (UNKNOWN, RETAINED, ALARM, OK),
    ("X - - - -", 3, 3): (ALARM, RETAINED, ALARM, OK),
    ("- - - - X", 2, 3): (UNKNOWN, RETAINED, ALARM, OK),
    # "Avoiding premature transitions to alarm state"
    ("- - - X -", 3, 3): (UNKNOWN, RETAINED, ALARM, OK),
    ("- - - X 0", 3, 3): (OK, OK, OK, OK),
    ("- - X - 0", 3, 3): (OK, OK, OK, OK),
}


def breaches(text: str) -> list[bool | None]:
    return [{"0": False, "X": True, "-": None}[point] for point in text.split()]


@pytest.mark.parametrize(("row", "expected"), ROWS.items(), ids=str)
@pytest.mark.parametrize("previous", State)
def test_documented_rows(row, expected, previous):
    points, datapoints, periods = row
    states = tuple(
        next_state(breaches(points), datapoints=datapoints, periods=periods, missing=missing, previous=previous)
        for missing in TREATMENTS
    )
    assert states == tuple(previous if state is RETAINED else state for state in expected)


def test_real_points_farther_back_stand_in_for_missing_ones():
    """Why an alarm on a sparse metric clears later than its periods say."""
    cleared = [
        next_state(breaches(points), datapoints=1, periods=1, missing=Missing.NOT_BREACHING, previous=ALARM)
        for points in ("- - X", "- X -", "X - -", "- - -")
    ]
    assert cleared == [ALARM, ALARM, ALARM, OK]


def test_a_reading_that_drops_the_missing_points_fails_the_tables():
    """The control: looking at the newest N points alone, as many emulators do."""

    def naive(points: str, datapoints: int, periods: int) -> State:
        return ALARM if sum(bool(breach) for breach in breaches(points)[-periods:]) >= datapoints else OK

    wrong = [row for row, expected in ROWS.items() if naive(*row) is not expected[TREATMENTS.index("notBreaching")]]
    assert ("0 X X - X", 3, 3) in wrong
