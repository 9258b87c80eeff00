"""Metric math matches the examples of the user guide, and rejects what it does not support."""

import pytest

from localcloud.cloudwatch.expressions import ExpressionError, parse

N = None


def evaluate(text, **inputs):
    return parse(text, inputs).evaluate(inputs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a < b", [0, 0, 1, 0]),
        ("a >= 30", [1, 0, 0, 0]),
        ("a > 15 AND b > 15", [1, 0, 0, 0]),
        ("a > 15 && b > 15", [1, 0, 0, 0]),
        ("a > 15 OR b > 15", [1, 1, 1, 0]),
        ("a > 15 || b > 15", [1, 1, 1, 0]),
    ],
)
def test_comparisons_match_the_documentation(text, expected):
    assert evaluate(text, a=[30, 20, 0, 0], b=[20, N, 20, N]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("IF(a, b, c)", [30, 0, 20, N, N]),
        ("IF(a, 5, c)", [5, 5, 20, N, N]),
        ("IF(a, b, 5)", [30, 0, 5, 5, N]),
        ("IF(a, b)", [30, 0, N, N, N]),
        ("IF(1, b, c)", [30, N, 0, 0, 30]),
        ("IF(0, b, c)", [0, 0, 20, N, 20]),
    ],
)
def test_if_matches_the_documentation(text, expected):
    inputs = {"a": [1, 1, 0, 0, N], "b": [30, N, 0, 0, 30], "c": [0, 0, 20, N, 20]}
    assert evaluate(text, **inputs) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a + b", [5, 2, 3, N]),
        ("a - b", [-1, 2, -3, N]),
        ("100 * a / b", [pytest.approx(200 / 3), N, 0, N]),
        ("-a", [-2, -2, N, N]),
        ("a == 2", [1, 1, N, N]),
        ("a != b", [1, 1, 1, N]),
        ("1 + a * 2", [5, 5, N, N]),
        ("(1 + a) * 2", [6, 6, N, N]),
        ("FILL(a, 7)", [2, 2, 7, 7]),
        ("FILL(a, REPEAT)", [2, 2, 2, 2]),
        ("FILL(b, REPEAT)", [3, 3, 3, 3]),
        ("FILL(a, 0) + FILL(b, 0)", [5, 2, 3, 0]),
        ("SUM([a, b])", [5, 2, 3, N]),
        ("MAX([a, b])", [3, 2, 3, N]),
        ("MIN([a, b])", [2, 2, 3, N]),
        ("IF(a > 0 AND FILL(b, 0) < 1, 1, 0)", [0, 1, 0, 0]),
    ],
)
def test_arithmetic_treats_one_missing_value_as_zero_and_two_as_missing(text, expected):
    assert evaluate(text, a=[2, 2, N, N], b=[3, N, 3, N]) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("-" * 200 + "a", 2), ("+".join("a" * 201), 402), ("IF(a," * 199 + "a" + ",0)" * 199, 2)],
    ids=["signs", "sums", "calls"],
)
def test_deepest_that_is_accepted_is_evaluated(text: str, expected: float):
    assert evaluate(text, a=[2]) == [expected]


def test_division_by_zero_gives_no_data_point():
    assert evaluate("a / b", a=[1, 1, 0], b=[0, 2, 0]) == [N, 0.5, N]


def test_only_repeat_depends_on_other_points():
    assert parse("IF(FILL(a, 0) > 1, 1, 0)", {"a"}).is_pointwise
    assert not parse("FILL(a, REPEAT) + 1", {"a"}).is_pointwise
    assert not parse("IF(FILL(FILL(a, REPEAT), 0) > 1, 1, 0)", {"a"}).is_pointwise
    assert parse("a + a + b", {"a", "b", "unused"}).metric_ids == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("ANOMALY_DETECTION_BAND(a)", "ANOMALY_DETECTION_BAND"),
        ("SUM(METRICS())", "SUM of one series"),
        ("AVG(a)", "AVG"),
        ("MAX(a)", "MAX of one series"),
        ("FILL(a, LINEAR)", "LINEAR"),
        ("FILL(a, b)", "a number or REPEAT"),
        ("FILL(1, 0)", "takes a series"),
        ("a ^ 2", "'^'"),
        ("a ** 2", "a ** 2"),
        ("a // 2", "a // 2"),
        ("a < b < 3", "a < b < 3"),
        ("a + x", "'x'"),
        ("a + 1e3", "1e3"),
        ("a + 1_000", "1_000"),
        ("a + ", "not metric math"),
        ("SUM([a, 1])", "not numbers"),
        ("RATE(a)", "RATE"),
        ("1 + 1", "one number"),
        ("a + 1 / 0", "divides by zero"),
        ('SEARCH("x")', "'\"'"),
        ("a if b else a", "a if b else a"),
        ("IF(a, b, b, b)", "IF with 4"),
        ("[a, b]", "[a, b]"),
        ("-" * 2_047 + "a", "more than 200 operators inside each other"),
        ("+".join("a" * 1_000), "more than 200 operators inside each other"),
        ("-" * 2_048 + "a", "at most 2048 characters"),
    ],
    ids=lambda value: value[:60],
)
def test_unsupported_syntax_is_an_error_that_names_it(text, named):
    with pytest.raises(ExpressionError) as error:
        parse(text, {"a", "b"})
    assert named in str(error.value)
