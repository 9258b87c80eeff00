"""Alarm states match the tables of the user guide's "Configuring how CloudWatch alarms treat missing data"."""

import pytest

from localcloud.cloudwatch.states import MissingData, State, next_state

OK, ALARM, UNKNOWN = State.OK, State.ALARM, State.INSUFFICIENT_DATA
RETAINED = None
TREATMENTS = (MissingData.MISSING, MissingData.IGNORE, MissingData.BREACHING, MissingData.NOT_BREACHING)

# (data points, M, N) -> the state for each of TREATMENTS. 0: OK, X: breaching, -: missing; the newest point is last.
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
    # Rows of earlier editions of these tables, which also show premature transitions.
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
def test_states_match_the_documented_tables(row, expected, previous):
    points, datapoints, periods = row
    states = tuple(
        next_state(breaches(points), datapoints=datapoints, periods=periods, missing_data=treatment, previous=previous)
        for treatment in TREATMENTS
    )
    assert states == tuple(previous if state is RETAINED else state for state in expected)


def test_older_points_replace_missing_ones_so_a_sparse_metric_clears_late():
    cleared = [
        next_state(breaches(points), datapoints=1, periods=1, missing_data=MissingData.NOT_BREACHING, previous=ALARM)
        for points in ("- - X", "- X -", "X - -", "- - -")
    ]
    assert cleared == [ALARM, ALARM, ALARM, OK]


def test_control_counting_only_the_newest_points_contradicts_the_tables():

    def naive(points: str, datapoints: int, periods: int) -> State:
        return ALARM if sum(bool(breach) for breach in breaches(points)[-periods:]) >= datapoints else OK

    wrong = [row for row, expected in ROWS.items() if naive(*row) is not expected[TREATMENTS.index("notBreaching")]]
    assert ("0 X X - X", 3, 3) in wrong
