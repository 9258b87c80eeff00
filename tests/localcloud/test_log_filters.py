"""Metric filters with JSON patterns, and the access log that they read."""

import json
import re
from typing import Any

import pytest

from localcloud.cloudwatch.metrics import MetricKey
from localcloud.deployer.recorder import Graph
from localcloud.observatory.access_log import ApiAccess, access_log_line
from localcloud.observatory.facts import ApiRequest
from localcloud.observatory.filter_patterns import FilterError, parse_pattern
from localcloud.observatory.log_filters import MetricFilter, check_metric_filter

LINE = {
    "status": "401",
    "path": "/a",
    "n": 5,
    "deep": {"x": "y", "with-hyphen": "Event"},
    "list": [{"id": 1}, {"id": 2}],
    "grid": [[0, 1], [4, 5]],
    "null": None,
    "yes": True,
    "no": False,
    "ip": "123.123.7.9",
    "float": 0.0105,
    "star": "Ev*ent",
}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{ $.status = "401" }', True),
        ('{$.status="403"}', False),
        ('{ ($.status = "401" || $.status = "403") && $.path = "/a" }', True),
        ('{ $.status = "403" || $.n >= 5 }', True),
        # && binds more tightly than ||.
        ('{ $.status = "403" && $.n = 5 || $.deep.x = "y" }', True),
        ('{ $.deep.x = "y" || $.status = "403" && $.n = 6 }', True),
        ('{ ($.deep.x = "y" || $.status = "403") && $.n = 6 }', False),
        ("{ $.n > 5 }", False),
        ("{ $.n != 4.5 }", True),
        ("{ $.n = +5 }", True),
        ("{ $.n < 10e3 }", True),
        ("{ $.float < 10e-3 }", False),
        ("{ $.float <= 1.05E-2 }", True),
        ('{ $.absent = "x" }', False),
        ('{ $.absent != "x" }', False),
        ('{ $.n = "5" }', False),
        ("{ $.status = 401 }", False),
        # Unquoted texts, and * at an end.
        ("{ $.deep.x = y }", True),
        ("{ $.ip = 123.123.* }", True),
        ("{ $.ip != 123.123.* }", False),
        ("{ $.path != 123.123.* }", True),
        ('{ $.deep.with-hyphen = "*vent" }', True),
        ('{ $.deep.with-hyphen = "*ven*" }', True),
        ('{ $.deep.with-hyphen = "Ev*nt" }', False),
        ('{ $.star = "Ev*ent" }', True),
        ('{ $.deep.with-hyphen = "event" }', False),
        # A lone * is any value, and no value is none.
        ("{ $.n = * }", True),
        ('{ $.status = "*" }', True),
        ("{ $.absent = * }", False),
        ("{ $.n != * }", False),
        # Lists, and members of lists.
        ("{ $.list[1].id = 2 }", True),
        ("{ $.list[2].id = 2 }", False),
        ("{ $.grid[0][1] = 1 }", True),
        ("{ $.list = 1 }", False),
        ("{ $.list != 1 }", False),
        ("{ $.deep != x }", False),
        ("{ $.path[0] = * }", False),
        # States.
        ("{ $.null IS NULL }", True),
        ("{ $.absent IS NULL }", False),
        ("{ $.absent NOT EXISTS }", True),
        ("{ $.null NOT EXISTS }", False),
        ("{ $.yes IS TRUE }", True),
        ("{ $.no IS TRUE }", False),
        ("{ $.no IS FALSE }", True),
        ("{ $.n IS TRUE }", False),
        # Regular expressions.
        (r"{ $.ip = %^123\.\d+\.7% }", True),
        ("{ $.ip = %^7% }", False),
        ("{ $.ip != %^7% }", True),
        ("{ $.n = %5% }", False),
        ("{ $.absent != %5% }", False),
    ],
)
def test_pattern(pattern: str, expected: bool):
    assert parse_pattern(pattern)(LINE) is expected


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        *[(text, "Only JSON patterns are supported") for text in ("", "ERROR", "[ip, user]", '"a" -b')],
        ('{ $.a > "x" }', "Expected a number after > at character 9"),
        ("{ $.a > x* }", "Expected a number after >"),
        ("{ $.a = 1 and $.b = 2 }", "Expected } at character 11, found and $.b = 2 }"),
        ("{ $.a = 1", "Expected } at character 10, found the end"),
        ("{ $.a = 1 } }", "Expected the end of the pattern"),
        ("{ ($.a = 1 }", "Expected )"),
        ("{ c0 }", "Expected a selector such as $.name at character 3"),
        ("{ __import__('os') }", "Expected a selector"),
        ("{ $ = 1 }", "Expected a selector"),
        ("{ }", "Expected a selector"),
        ('{ $.a = "x" ; }', "Expected"),
        ("{ $.a = 1 $.b = 2 }", "Expected }"),
        ("{ $.a IS EMPTY }", "Expected IS NULL, IS TRUE, IS FALSE or NOT EXISTS"),
        ("{ $.a EXISTS }", "Expected IS NULL"),
        ("{ $.a }", "Expected an operator"),
        ("{ $.a = }", "Expected a value"),
        ("{ $.a == 1 }", "Expected a value"),
        ("{ $.a = x@y }", "Expected"),
        ("{ $.a = $.b }", "Expected a value"),
        ("{ $.['a'] = 1 }", "Expected"),
        ("{ $.a = %(x)% }", "Expected a regular expression of letters"),
        ("{ $.a = %% }", "Expected a regular expression"),
        ("{ $.a = %[% }", "Expected a regular expression"),
        ("{ $.a = %x% || $.a = %y% || $.a = %z% }", "at most 2 regular expressions"),
        ("{" + "(" * 60 + "$.a = 1" + ")" * 60 + "}", "at most 50 parentheses"),
    ],
)
def test_pattern_that_is_not_understood_is_an_error_that_says_where(pattern: str, sentence: str):
    with pytest.raises(FilterError, match=re.escape(sentence)):
        parse_pattern(pattern)


def test_line_that_does_not_match_publishes_the_default():
    found = MetricFilter(pattern="{ $.n > 5 }", namespace="N", name="m", value="$.n", default=0.0)
    key = MetricKey.of("N", "m", {})
    assert [found.sample(line) for line in ('{"n": 6}', '{"n": 5}', "text")] == [(key, 6.0), (key, 0.0), (key, 0.0)]


SOUND = {"metricName": "m", "metricNamespace": "N", "metricValue": "1"}


@pytest.mark.parametrize(
    ("transformations", "sentence"),
    [
        ([], "exactly one transformation"),
        ([SOUND | {"metricValue": "one"}], "one is not a selector"),
        ([SOUND | {"dimensions": {"d": "x"}}], "x is not a selector"),
        ([SOUND | {"dimensions": dict.fromkeys("abcd", "$.a")}], "at most 3 dimensions"),
        ([SOUND | {"dimensions": {"d": "$.a"}, "defaultValue": 0}], "no default value"),
        ([SOUND | {"other": 1}], "no member other"),
    ],
)
def test_metric_filter_that_cannot_be_applied_is_an_error(transformations: list[dict[str, Any]], sentence: str):
    check_metric_filter({"filterPattern": "{ $.a = 1 }", "metricTransformations": [SOUND]})
    with pytest.raises(FilterError, match=sentence):
        check_metric_filter({"filterPattern": "{ $.a = 1 }", "metricTransformations": transformations})


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
        trace_id="1-6ab12300-0123456789abcdef01234567",
    )
    found = json.loads(access_log_line(template, access))
    assert {name: value for name, value in found.items() if name not in ("service", "stack")} == {
        "request_id": "r",
        "method": "GET",
        "resource_path": "/users/{user_id}/services",
        "status": "200",
        "response_latency_ms": "12",
        "integration_latency_ms": "10",
        "client_id": "c",
        "authorizer_error": "-",
        "error_type": "-",
        "source_ip": "127.0.0.1",
        "cipher_suite": "-",
        "xray_trace_id": "1-6ab12300-0123456789abcdef01234567",
    }


def test_client_cannot_break_the_line():
    request = ApiRequest(api="a", stage="v1", status=403, seconds=0.01, integration_seconds=None)
    template = '{"method": "$context.httpMethod", "ip": "$context.identity.sourceIp", "status": "$context.status"}'
    quoting = 'X", "status": "200\n\\'
    access = ApiAccess(request=request, at=0, request_id="r", method=quoting, source_ip=quoting)
    assert json.loads(access_log_line(template, access))["status"] == "403"
