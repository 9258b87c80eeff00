"""Requests to CloudWatch are read, and responses written, in each protocol that SDKs speak."""

from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from localcloud.observatory.requests import ApiError, epoch, read_request

PROTOCOLS = ["json", "smithy-rpc-v2-cbor", "query"]
TIME = datetime(2026, 1, 5, 12, 30, tzinfo=UTC)
STATISTICS = {"Namespace": "N", "MetricName": "m", "StartTime": TIME, "EndTime": TIME, "Period": 60}
METRIC = {"Namespace": "N", "MetricName": "m", "Dimensions": [{"Name": "d", "Value": "x & y"}]}
PARAMETERS = {
    "MetricDataQueries": [
        {"Id": "m", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "e", "Expression": "m + 1"},
    ],
    "StartTime": TIME,
    "EndTime": TIME,
    "MaxDatapoints": 5,
}


def model(operation: str) -> Any:
    return botocore.session.Session().get_service_model("cloudwatch").operation_model(operation)


def sent(protocol: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """The request that an SDK would send, as arguments of `read_request`."""
    found = create_serializer(protocol).serialize_to_request(parameters, model(operation))
    body = found["body"]
    text = "&".join(f"{key}={value}" for key, value in _quoted(body)) if isinstance(body, dict) else body
    headers = {name.lower(): value for name, value in found["headers"].items()}
    return {
        "path": found["url_path"],
        "headers": headers,
        "body": text if isinstance(text, bytes) else text.encode(),
        "query": {},
    }


def _quoted(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (key, str(value).replace("&", "%26").replace("+", "%2B").replace(" ", "%20")) for key, value in body.items()
    ]


def received(protocol: str, operation: str, response: tuple[int, dict[str, str], bytes]) -> dict[str, Any]:
    status, headers, body = response
    parts = {"status_code": status, "headers": headers, "body": body}
    return create_parser(protocol).parse(parts, model(operation).output_shape)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_parameters_are_read(protocol: str):
    request = read_request(**sent(protocol, "GetMetricData", PARAMETERS))
    found = dict(request.parameters)
    times = [epoch(found.pop(name), name) for name in ("StartTime", "EndTime")]
    assert (request.operation, times) == ("GetMetricData", [TIME.timestamp()] * 2)
    assert found == {name: value for name, value in PARAMETERS.items() if not name.endswith("Time")}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_result_is_written(protocol: str):
    request = read_request(**sent(protocol, "GetMetricData", PARAMETERS))
    series = {"Id": "e", "Label": "<m>", "Timestamps": [TIME.timestamp()], "Values": [1.5], "StatusCode": "Complete"}
    [found] = received(protocol, "GetMetricData", request.respond({"MetricDataResults": [series]}))["MetricDataResults"]
    assert found == series | {"Timestamps": [TIME]}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_map_and_empty_result_are_written(protocol: str):
    request = read_request(**sent(protocol, "GetMetricStatistics", STATISTICS))
    point = {"Timestamp": TIME.timestamp(), "Unit": "Count", "ExtendedStatistics": {"p99": 2.0}}
    found = received(protocol, "GetMetricStatistics", request.respond({"Label": "m", "Datapoints": [point]}))
    assert found["Datapoints"] == [point | {"Timestamp": TIME}]
    request = read_request(**sent(protocol, "DeleteAlarms", {"AlarmNames": ["a"]}))
    assert request.respond({})[0] == 200


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_error_is_written(protocol: str):
    request = read_request(**sent(protocol, "GetMetricData", PARAMETERS))
    response = request.fail(ApiError("ValidationError", "no <such> metric"))
    found = received(protocol, "GetMetricData", response)
    assert (response[0], found["Error"]["Code"], found["Error"]["Message"]) == (
        400,
        "ValidationError",
        "no <such> metric",
    )


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (
            {
                "x-amz-target": "GraniteServiceVersion20100801.GetMetricData",
                "content-type": "application/x-amz-json-1.0",
            },
            body,
        )
        for body in (b"{", b"[1]", b"\xff", b"[" * 100_000, b"null")
    ]
    + [({"smithy-protocol": "rpc-v2-cbor"}, body) for body in (b"\xff", b"\x81" * 100_000, b"\xa1\x01\x02", b"\x9f")]
    + [({}, b"Action=GetMetricData&MaxDatapoints=many")],
    ids=lambda value: repr(value)[:40],
)
def test_body_that_cannot_be_read_is_no_parameters(headers: dict[str, str], body: bytes):
    request = read_request("/service/GraniteServiceVersion20100801/operation/GetMetricData", headers, body, {})
    assert (request.operation, request.parameters) == ("GetMetricData", {"": None})


@pytest.mark.parametrize("found", [None, "x", "9" * 400, [], {}, float("nan"), float("inf"), 1e300])
def test_value_that_is_no_time_is_an_error(found: Any):
    with pytest.raises(ApiError):
        epoch(found, "StartTime")
