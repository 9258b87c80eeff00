"""The operations on metrics: what they return, and what they reject instead of ignoring it."""

from typing import Any

import pytest

from localcloud.cloudwatch.metrics import MetricKey
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.metric_api import MetricApi
from localcloud.observatory.requests import ApiError
from localcloud.observatory.retention import RetainedMetrics

START = 1_767_600_000  # a multiple of five minutes
METRIC = {"Namespace": "N", "MetricName": "m", "Dimensions": [{"Name": "d", "Value": "x"}]}
RANGE = {"StartTime": START, "EndTime": START + 600}


@pytest.fixture
def api() -> MetricApi:
    store, minute = RetainedMetrics(), START // 60
    for at, value in ((0, 1), (0, 3), (1, 5), (6, 10)):
        store.add(MetricKey.of("N", "m", {"d": "x"}), minute + at, value, unit="Count")
    store.add(MetricKey.of("N", "other"), minute, 2)
    return MetricApi(store, SteppedClock(START + 600))


def stat(query_id: str, name: str = "Sum", period: Any = 60, **more: Any) -> dict[str, Any]:
    metric = METRIC if query_id == "m" else {"Namespace": "N", "MetricName": query_id}
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": period, "Stat": name}} | more


def math(expression: str, query_id: str = "e") -> dict[str, Any]:
    return {"Id": query_id, "Expression": expression}


def data(api: MetricApi, *queries: Any, **more: Any) -> dict[str, Any]:
    return api.get_metric_data(RANGE | {"MetricDataQueries": list(queries), "ScanBy": "TimestampAscending"} | more)


def points(result: dict[str, Any], query_id: str) -> list[tuple[int, float]]:
    [found] = [found for found in result["MetricDataResults"] if found["Id"] == query_id]
    return [((at - START) // 60, value) for at, value in zip(found["Timestamps"], found["Values"], strict=True)]


@pytest.mark.parametrize(
    ("name", "period", "expected"),
    [
        ("Sum", 60, [(0, 4), (1, 5), (6, 10)]),
        ("Maximum", 300, [(0, 5), (5, 10)]),
        ("Average", 300, [(0, 3), (5, 10)]),
        ("SampleCount", 600, [(0, 4)]),
        ("p50", 300, [(0, 3), (5, 10)]),
    ],
)
def test_series_of_a_metric(api: MetricApi, name: str, period: int, expected: list[tuple[int, float]]):
    assert points(data(api, stat("m", name, period)), "m") == expected


def test_newest_point_comes_first_by_default(api: MetricApi):
    result = api.get_metric_data(RANGE | {"MetricDataQueries": [stat("m")]})
    assert points(result, "m") == [(6, 10), (1, 5), (0, 4)]
    assert result["MetricDataResults"][0]["Label"] == "m"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("m + other", [(0, 6), (1, 5), (6, 10)]),
        ("100 * other / m", [(0, 50), (1, 0), (6, 0)]),
        ("IF(m > 4, 1, 0)", [(0, 0), (1, 1), (6, 1)]),
        ("FILL(other, 7)", [(0, 2), *[(minute, 7) for minute in range(1, 10)]]),
        (
            "SUM([FILL(m, 0), FILL(other, 0)])",
            [(0, 6), (1, 5), *[(n, 0) for n in range(2, 6)], (6, 10), *[(n, 0) for n in (7, 8, 9)]],
        ),
    ],
)
def test_metric_math(api: MetricApi, expression: str, expected: list[tuple[int, float]]):
    hidden = [stat(query_id, ReturnData=False) for query_id in ("m", "other")]
    result = data(api, math(expression), *hidden)
    assert [found["Id"] for found in result["MetricDataResults"]] == ["e"]
    assert points(result, "e") == expected


def test_expression_over_an_expression(api: MetricApi):
    result = data(api, stat("m"), math("m * 2", "twice"), math("twice + 1", "more"))
    assert points(result, "more") == [(0, 9), (1, 11), (6, 21)]


def test_pages_hold_every_point_once(api: MetricApi):
    found, token, pages = [], None, 0
    while True:
        more = {"MaxDatapoints": 2} | ({"NextToken": token} if token else {})
        result = data(api, stat("m"), **more)
        found += points(result, "m")
        token, pages = result.get("NextToken"), pages + 1
        if token is None:
            break
    assert (found, pages) == ([(0, 4), (1, 5), (6, 10)], 2)


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        ([], "must be a list"),
        ([math("SEARCH('{N} m', 'Sum')")], "is not supported"),
        ([stat("m"), math("RATE(m)")], "function RATE"),
        ([stat("m"), math("ANOMALY_DETECTION_BAND(m)")], "function ANOMALY_DETECTION_BAND"),
        ([stat("m"), math("SUM(METRICS())")], "SUM of one series"),
        ([stat("m"), math("__import__('os').system('x')")], "is not supported"),
        ([stat("m"), math("(" * 900 + "m" + ")" * 900)], "Error in expression"),
        ([stat("m"), math("absent + 1")], "no metric has the ID"),
        ([math("1 + 1")], "one number"),
        ([math("e + 1")], "depends on itself"),
        ([math("f", "e"), math("e", "f")], "depends on itself"),
        ([stat("m"), stat("other", period=300), math("m + other")], "different periods"),
        ([stat("m"), stat("m")], "used twice"),
        ([stat("m") | {"Expression": "m"}], "either MetricStat or Expression"),
        ([{"Id": "m"}], "either MetricStat or Expression"),
        ([stat("M")], "lower-case"),
        ([stat("m", "IQM")], "is not supported"),
        ([stat("m", period=10)], "Period is 10; it must be a multiple of 60"),
        ([stat("m", period="60")], "must be a number"),
        ([stat("m", period=86_460)], "from 1 to 86400"),
        ([stat("m", AccountId2="1")], "AccountId2"),
        ([stat("m"), math("m" + " + m" * 1000)], "2048 characters"),
        (["m"], "must be a structure"),
        ([{"Id": "m", "MetricStat": "m"}], "must be a structure"),
        ([{"Id": "m", "MetricStat": {"Metric": {"Namespace": "N"}, "Period": 60, "Stat": "Sum"}}], "MetricName"),
        ([stat("m")] * 501, "has 501 members; 1 to 500 are allowed"),
        ([stat("m"), math("m" + "+m" * 600)], "operators inside each other are not supported: split it"),
        ([stat("m"), math("-" * 1000 + "m")], "more than 200 operators"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_malformed_query_is_rejected(api: MetricApi, queries: list[Any], message: str):
    with pytest.raises(ApiError) as raised:
        data(api, *queries)
    assert message in raised.value.message
    assert raised.value.status == 400


@pytest.mark.parametrize(
    "more",
    [
        {"StartTime": START + 600},
        {"StartTime": None},
        {"StartTime": "yesterday"},
        {"StartTime": 1e300},
        {"EndTime": []},
        {"ScanBy": "Random"},
        {"NextToken": "-1"},
        {"NextToken": {"a": 1}},
        {"MaxDatapoints": 0},
        {"MaxDatapoints": True},
        {"Unknown": 1},
        {"": None},
    ],
    ids=str,
)
def test_malformed_request_is_rejected(api: MetricApi, more: dict[str, Any]):
    with pytest.raises(ApiError):
        data(api, stat("m"), **more)


def test_range_of_years_costs_no_more_than_the_cloud_is_old(api: MetricApi):
    result = data(api, stat("m"), math("FILL(m, 0)"), StartTime=0, EndTime=START * 2)
    assert len(points(result, "e")) < 200


def test_request_that_would_compute_for_long_is_rejected(api: MetricApi):
    nested = [math(f"e{number - 1} + e{number - 1}" if number else "m + m", f"e{number}") for number in range(300)]
    with pytest.raises(ApiError, match="too many others"):
        data(api, stat("m"), *nested)
    queries = [stat("m") | {"Id": f"q{number}"} for number in range(500)]
    api.put_metric_data(
        {"Namespace": "N", "MetricData": [{"MetricName": "m", "Value": 1, "Timestamp": START - 86_400 * 13}]}
    )
    with pytest.raises(ApiError, match="datapoints"):
        data(api, *queries, StartTime=0)


def test_statistics_of_a_metric(api: MetricApi):
    request = METRIC | RANGE | {"Period": 300, "Statistics": ["Sum", "Maximum"], "ExtendedStatistics": ["p50"]}
    assert api.get_metric_statistics(request)["Datapoints"] == [
        {"Timestamp": START, "Unit": "Count", "Sum": 9, "Maximum": 5, "ExtendedStatistics": {"p50": 3}},
        {"Timestamp": START + 300, "Unit": "Count", "Sum": 10, "Maximum": 10, "ExtendedStatistics": {"p50": 10}},
    ]
    assert api.get_metric_statistics(request | {"Unit": "Bytes"})["Datapoints"] == []


@pytest.mark.parametrize(
    "more",
    [
        {"Statistics": []},
        {"Statistics": ["p50"]},
        {"ExtendedStatistics": ["tm99"]},
        {"EndTime": START},
        {"EndTime": START + 1441 * 60},
        {"Period": 59},
        {"Dimensions": "d"},
        {"Dimensions": [{"Value": "x"}]},
        {"Filter": "x"},
    ],
    ids=str,
)
def test_malformed_statistics_request_is_rejected(api: MetricApi, more: dict[str, Any]):
    with pytest.raises(ApiError):
        api.get_metric_statistics(METRIC | RANGE | {"Period": 60, "Statistics": ["Sum"]} | more)


def test_metrics_are_listed_by_name_and_dimension(api: MetricApi):
    other = {"Namespace": "N", "MetricName": "other", "Dimensions": []}
    assert api.list_metrics({})["Metrics"] == [METRIC, other]
    assert api.list_metrics({"Dimensions": [{"Name": "d"}]})["Metrics"] == [METRIC]
    assert api.list_metrics({"Dimensions": [{"Name": "d", "Value": "y"}]})["Metrics"] == []
    assert api.list_metrics({"MetricName": "other", "RecentlyActive": "PT3H"})["Metrics"] == [other]
    with pytest.raises(ApiError):
        api.list_metrics({"RecentlyActive": "PT1H"})


def test_list_of_metrics_is_paged(api: MetricApi):
    data = [{"MetricName": f"m{number}", "Value": 1} for number in range(700)]
    api.put_metric_data({"Namespace": "Many", "MetricData": data})
    first = api.list_metrics({"Namespace": "Many"})
    second = api.list_metrics({"Namespace": "Many", "NextToken": first["NextToken"]})
    assert (len(first["Metrics"]), len(second["Metrics"]), "NextToken" in second) == (500, 200, False)


def test_published_data_is_read_back(api: MetricApi):
    datum = {"MetricName": "own", "Timestamp": START, "Unit": "Bytes"}
    forms = [
        {"Value": 1},
        {"Values": [2, 3], "Counts": [1, 2]},
        {"StatisticValues": {"SampleCount": 2, "Sum": 9, "Minimum": 4, "Maximum": 5}},
    ]
    api.put_metric_data({"Namespace": "N", "MetricData": [datum | form for form in forms]})
    request = RANGE | {
        "Namespace": "N",
        "MetricName": "own",
        "Period": 60,
        "Statistics": ["Sum", "SampleCount", "Maximum"],
    }
    [point] = api.get_metric_statistics(request)["Datapoints"]
    assert point == {"Timestamp": START, "Unit": "Bytes", "Sum": 18, "SampleCount": 6, "Maximum": 5}


@pytest.mark.parametrize(
    ("datum", "message"),
    [
        ({}, "must have exactly one of Value, Values, StatisticValues; it has none"),
        ({"Value": 1, "Values": [1]}, "it has Value and Values"),
        ({"Value": "x"}, "A value of own is 'x'; it must be a number from -2^360 to 2^360"),
        ({"Values": [1], "Counts": [1, 2]}, "1 Values and 2 Counts"),
        ({"Values": [1], "Counts": [-1]}, "A count of own is -1; it must be a number from 0"),
        ({"Values": [1] * 151}, "has 151 Values; at most 150"),
        ({"Values": "x"}, "Values must be a list"),
        ({"StatisticValues": {"Sum": 1}}, "Minimum of own is None"),
        (
            {"StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 2, "Maximum": 1}},
            "Minimum of own is 2; it must be at most Maximum 1",
        ),
        ({"Value": 1, "Unit": "Bananas"}, "The Unit 'Bananas' of own is not one of CloudWatch's"),
        ({"Value": 1, "Timestamp": "x"}, "Timestamp"),
        ({"Value": 1, "Timestamp": -1}, "Timestamp"),
        ({"Value": 1, "Timestamp": START + 86_400}, "two hours"),
        ({"Value": float("nan")}, "A value of own is nan"),
        ({"Value": 2**4000}, "it must be a number from -2^360"),
        ({"Values": [1e200]}, "A value of own is 1e+200"),
        (5, "must be a structure"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_malformed_data_publishes_nothing(api: MetricApi, datum: Any, message: str):
    good = {"MetricName": "own", "Value": 1}
    bad = datum | {"MetricName": "own"} if isinstance(datum, dict) else datum
    with pytest.raises(ApiError) as raised:
        api.put_metric_data({"Namespace": "N", "MetricData": [good, bad]})
    assert message in raised.value.message
    assert api.list_metrics({"MetricName": "own"})["Metrics"] == []


def test_number_of_published_metrics_is_limited(api: MetricApi):
    data = [{"MetricName": f"own{number}", "Value": 1} for number in range(1_001)]
    with pytest.raises(ApiError, match="MetricData has 1001 members; at most 1000 are allowed"):
        api.put_metric_data({"Namespace": "N", "MetricData": data})
    api.put_metric_data({"Namespace": "N", "MetricData": data[1:]})


def test_namespaces_of_aws_are_reserved(api: MetricApi):
    with pytest.raises(ApiError, match="reserved"):
        api.put_metric_data({"Namespace": "AWS/SQS", "MetricData": [{"MetricName": "m", "Value": 1}]})
