"""Every metric is emitted, under exactly two dimensions."""

import pytest

from handlers.vocabulary import EVENT_HANDLER_SERVICE, METRICS_NAMESPACE, QUERY_SERVICE, MetricName
from tests.graph.board_rules import OF_FUNCTIONS
from tests.privacy.conftest import SIDETRACKED

FAILURES = {
    EVENT_HANDLER_SERVICE: {"EventInvalid", "EventFailed", "EventExhausted", "WriteConflict"},
    QUERY_SERVICE: {"QueryInvalid", "QueryError", "QuerySlow", "RecordMalformed"},
}


# tests/handlers/test_probe.py has those of the probe.
@pytest.mark.parametrize("service", [EVENT_HANDLER_SERVICE, QUERY_SERVICE])
def test_every_metric_is_emitted_under_service_and_stack_alone(run, service):
    output = run(service).out
    assert set(output.metrics) == OF_FUNCTIONS[service]
    assert all(has_two_dimensions(found, service) for found in output.objects)


def has_two_dimensions(found, service):
    [directive] = found["_aws"]["CloudWatchMetrics"]
    named = {metric["Name"] for metric in directive["Metrics"]}
    return (
        directive["Namespace"] == METRICS_NAMESPACE
        and [sorted(names) for names in directive["Dimensions"]] == [["service", "stack"]]
        and (found["service"], found["stack"]) == (service, "dev")
        # No other property, because it would be searchable in the logs.
        and set(found) == {"_aws", "service", "stack"} | named
    )


def test_control_third_dimension_is_caught(run):
    seen = run("event-handler", *SIDETRACKED)
    assert not all(has_two_dimensions(found, EVENT_HANDLER_SERVICE) for found in seen.out.objects)


@pytest.mark.parametrize("service", FAILURES)
def test_failure_metrics_are_zero_when_nothing_fails(run, service):
    first = run(service).out.objects[0]
    assert {name: first[name] for name in FAILURES[service]} == {name: [0.0] for name in FAILURES[service]}


@pytest.mark.parametrize("service", FAILURES)
def test_every_failure_is_counted_on_some_path(run, service):
    counted = run(service).out.metrics
    never = {name for name in FAILURES[service] if not counted[name]}
    assert never <= {MetricName.QUERY_SLOW}
