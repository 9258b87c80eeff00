"""Metric filters with JSON patterns, and the access log that they read."""

import json

import pytest

from localcloud.cloudwatch.metrics import MetricKey
from localcloud.deployer.recorder import Graph
from localcloud.observatory.access_log import ApiAccess, access_log_line
from localcloud.observatory.facts import ApiRequest
from localcloud.observatory.log_filters import FilterError, MetricFilter, parse_pattern

LINE = {"status": "401", "path": "/a", "n": 5, "deep": {"x": "y"}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.status = "401" }', True),
        ('{$.status="403"}', False),
        ('{ ($.status = "401" || $.status = "403") && $.path = "/a" }', True),
        ('{ $.status = "403" || $.n >= 5 }', True),
        ('{ $.status = "403" && $.n = 5 || $.deep.x = "y" }', True),
        ("{ $.n > 5 }", False),
        ("{ $.n != 4.5 }", True),
        ('{ $.absent = "x" }', False),
        ('{ $.absent != "x" }', False),
        ('{ $.n = "5" }', False),
    ],
)
def test_pattern(pattern: str, expected: bool):
    assert parse_pattern(pattern)(LINE) is expected


@pytest.mark.parametrize(
    "pattern",
    [
        *["", "ERROR", "[ip, user]", "{ $.a = * }", '{ $.a = "x*" }', '{ $.a > "x" }', "{ $.a IS NULL }"],
        *["{ $.a[0] = 1 }", "{ $.a = 1 and $.b = 2", "{ c0 }", "{ __import__('os') }", "{ }", '{ $.a = "x" ; }'],
        "{ $.a = 1 $.b = 2 }",
    ],
)
def test_pattern_that_is_not_supported_is_an_error(pattern: str):
    with pytest.raises(FilterError):
        parse_pattern(pattern)


def test_filter_publishes_its_value_under_its_dimensions():
    found = MetricFilter(
        pattern='{ $.status = "401" }', namespace="N", name="m", value="$.n", dimensions=(("p", "$.path"),)
    )
    assert found.sample(json.dumps(LINE)) == (MetricKey.of("N", "m", {"p": "/a"}), 5.0)
    for line in (
        "",
        "hello",
        "[1]",
        json.dumps({"status": "401"}),
        json.dumps({"status": "401", "path": "/a", "n": "x"}),
    ):
        assert found.sample(line) is None


@pytest.mark.parametrize(
    ("status", "path", "is_counted"),
    [(401, "/users/{user_id}/services", True), (401, "", False), (200, "/users/{user_id}/services", False)],
)
def test_filter_of_this_program_counts_in_the_access_log_of_its_stage(
    dev_graph: Graph, status: int, path: str, is_counted: bool
):
    recorded = dev_graph.one("aws:cloudwatch/logMetricFilter:LogMetricFilter").inputs
    made = recorded["metricTransformation"]
    found = MetricFilter(
        pattern=recorded["pattern"],
        namespace=made["namespace"],
        name=made["name"],
        value=made["value"],
        dimensions=tuple(made["dimensions"].items()),
    )
    template = dev_graph.one("aws:apigateway/stage:Stage").inputs["accessLogSettings"]["format"]
    request = ApiRequest(api="a", stage="v1", status=status, seconds=0.01, integration_seconds=None)
    line = access_log_line(
        template, ApiAccess(request=request, at=1.5, request_id="r", resource_path=path, method="GET")
    )
    assert json.loads(line)["integration_latency_ms"] == "-"
    assert (found.sample(line) is not None) is is_counted


def test_access_log_has_every_field_of_the_format_or_an_honest_dash(dev_graph: Graph):
    template = dev_graph.one("aws:apigateway/stage:Stage").inputs["accessLogSettings"]["format"]
    request = ApiRequest(api="a", stage="v1", status=200, seconds=0.0123, integration_seconds=0.0101)
    access = ApiAccess(
        request=request,
        at=1_790_000_000.5,
        request_id="r",
        resource_path="/users/{user_id}/services",
        method="GET",
        integration_status=200,
        claims={"client_id": "c", "scope": "s"},
        source_ip="127.0.0.1",
        trace="Root=1-6ab12300-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1",
    )
    found = json.loads(access_log_line(template, access))
    assert {name: value for name, value in found.items() if name not in ("service", "stack")} == {
        "request_id": "r",
        "extended_request_id": "r",
        "time": "1790000000500",
        "method": "GET",
        "resource_path": "/users/{user_id}/services",
        "status": "200",
        "response_latency_ms": "12",
        "integration_latency_ms": "10",
        "integration_status": "200",
        "client_id": "c",
        "authorizer_error": "-",
        "error_type": "-",
        "source_ip": "127.0.0.1",
        "tls_version": "-",
        "cipher_suite": "-",
        "xray_trace_id": "1-6ab12300-0123456789abcdef01234567",
    }


def test_client_cannot_break_the_line():
    request = ApiRequest(api="a", stage="v1", status=403, seconds=0.01, integration_seconds=None)
    template = '{"method": "$context.httpMethod", "ip": "$context.identity.sourceIp", "status": "$context.status"}'
    quoting = 'X", "status": "200\n\\'
    access = ApiAccess(request=request, at=0, request_id="r", method=quoting, source_ip=quoting)
    assert json.loads(access_log_line(template, access))["status"] == "403"
