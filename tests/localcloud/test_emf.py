"""What a log line publishes, and which lines CloudWatch cannot read."""

import json
from typing import Any

import pytest

from localcloud.cloudwatch.emf import EmfParsingError, EmfValidationError, read_line, read_samples

NOW = 1_767_600_000.0


def line(directive: dict[str, Any] | None = None, metadata: dict[str, Any] | None = None, **root: Any) -> str:
    directive = {"Namespace": "N", "Dimensions": [["d"]], "Metrics": [{"Name": "m", "Unit": "Count"}]} | (
        directive or {}
    )
    aws = {"Timestamp": NOW * 1000, "CloudWatchMetrics": [directive]} | (metadata or {})
    return json.dumps({"_aws": aws, "d": "x", "m": 1} | root)


def test_line_publishes_each_value_under_each_dimension_set():
    document = read_line(line({"Dimensions": [["d"], ["d", "e"], []]}, e="y", m=[1, 2.5]), NOW)
    assert document is not None
    assert document.timestamp == NOW
    found = [(dict(sample.key.dimensions), sample.value, sample.unit) for sample in document.samples]
    sets = [{"d": "x"}, {"d": "x", "e": "y"}, {}]
    assert found == [(dimensions, value, "Count") for dimensions in sets for value in (1.0, 2.5)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "{",
        '{"_aws": 1}',
        '{"a": "CloudWatchMetrics, _aws"}',
        json.dumps([line()]),
        '{"b": {"_aws": 1}}',
        "[]",
        '{"message": "\\"_aws\\" and \\"CloudWatchMetrics\\""}',
        '{"x": {"_aws": {"CloudWatchMetrics": []}}}',
    ],
)
def test_line_that_is_not_emf_publishes_nothing(text: str):
    assert read_line(text, NOW) is None


@pytest.mark.parametrize(
    "text",
    [
        *[
            line()[:-1],
            line() + "x",
            line(metadata={"CloudWatchMetrics": {}}),
            line(metadata={"CloudWatchMetrics": [1]}),
        ],
        *[line({"Dimensions": "d"}), line({"Dimensions": ["d"]}), line({"Dimensions": [[1]]}), line({"Metrics": None})],
        *[line({"Metrics": ["m"]}), line({"Metrics": [{}]}), line(x="y" * 1024 * 1024)],
        '{"_aws": {"CloudWatchMetrics": ' + "[" * 100_000,
        '{"_aws": "CloudWatchMetrics", "CloudWatchMetrics": 1}',
    ],
    ids=lambda text: text[:60],
)
def test_malformed_emf_is_a_parsing_error(text: str):
    with pytest.raises(EmfParsingError):
        read_line(text, NOW)
    assert list(read_samples([text, line()])) == list(read_samples([line()]))


@pytest.mark.parametrize(
    "text",
    [
        *[line({"Namespace": namespace}) for namespace in (None, "", "a b", "x" * 257, 5)],
        *[line({"Metrics": [{"Name": "m", "Unit": unit}]}) for unit in ("count", ["Count"], 1)],
        *[
            line(m=value)
            for value in ("1", None, True, 1e200, -1e200, float("nan"), float("inf"), 10**400, {}, [1, "2"])
        ],
        *[line(m=[1] * 101), line({"Metrics": [{"Name": "m"}] * 101}), line({"Metrics": [{"Name": "absent"}]})],
        *[line(d=value) for value in ("", 1, None, "x" * 1025)],
        *[line({"Dimensions": [["absent"]]}), line({"Dimensions": [["d"] * 31]})],
        *[line(metadata={"Timestamp": time * 1000}) for time in (NOW - 15 * 86_400, NOW + 3 * 3_600)],
        line(metadata={"Timestamp": "now"}),
    ],
    ids=lambda text: text[:120],
)
def test_value_that_is_not_allowed_is_a_validation_error(text: str):
    with pytest.raises(EmfValidationError):
        read_line(text, NOW)


def test_error_quotes_no_content():
    with pytest.raises(EmfValidationError) as raised:
        read_line(line(d="alice@example.com" * 100), NOW)
    assert "alice" not in str(raised.value)
