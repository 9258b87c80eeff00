"""Log lines have the fields that people search by, and settings name what is missing."""

import logging
import os
import re
import subprocess
import sys

import pytest

from handlers.settings import EventHandlerSettings, QuerySettings, SettingsError
from simulation.lambda_events import LambdaContext
from tests.fakes.checkout import ROOT
from tests.fakes.events import sqs_event

ENVIRONMENT = {"TABLE_NAME": "t", "DEAD_LETTER_QUEUE_URL": "https://queue", "MAX_RECEIVE_COUNT": "5"}
ENVIRONMENT |= {"STACK": "dev", "VERSION": "1"}


def test_log_line_has_the_fields_people_search_by(handle, emitted):
    handle(sqs_event("not json"), LambdaContext())
    line = emitted().logs[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["timestamp"])
    expected = {
        "level": "WARNING",
        "service": "event-handler",
        "stack": "dev",
        "version": "1.2.3",
        "message_id": "m-1",
        "receive_count": 1,
        "event_age_ms": 1500,
        "outcome": "invalid",
        "error_code": "body_not_json",
        "function_request_id": "request-1",
        "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
    }
    assert {name: line.get(name) for name in expected} == expected


def passes(line, level):
    """Whether Lambda sends a JSON line to the log: it takes a line without a level for INFO.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    return logging.getLevelName(line.get("level", "INFO")) >= logging.getLevelName(level)


@pytest.mark.parametrize(("level", "expected"), [("INFO", True), ("WARNING", False)], ids=["INFO", "control: WARNING"])
def test_log_level_of_the_functions_lets_metrics_through(handle, emitted, level, expected):
    handle(sqs_event("not json"), LambdaContext())
    written = emitted()
    assert written.metrics["EventInvalid"] == 1
    assert {passes(metrics, level) for metrics in written.objects} == {expected}
    assert passes(written.logs[0], level)


@pytest.mark.parametrize(("level", "expected"), [("INFO", ["info"]), ("DEBUG", ["debug", "info"])])
def test_level_of_the_function_is_the_level_of_the_logger(new_telemetry, emitted, monkeypatch, level, expected):
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", level)
    logger = new_telemetry("event-handler").logger
    logger.debug("debug")
    logger.info("info")
    assert [line["message"] for line in emitted().logs] == expected
    assert logging.getLogger().level == logging.WARNING


@pytest.mark.parametrize(("version", "reported"), [("41", {"FunctionVersion": 41}), ("$LATEST", {})])
def test_version_that_ran_is_reported_also_when_it_fails(new_telemetry, emitted, version, reported):
    @new_telemetry("query").entry_point
    def invocation(_event, _context):
        raise KeyError

    with pytest.raises(KeyError):
        invocation({}, LambdaContext(function_version=version))
    found = emitted()
    assert {name: value for name, value in found.metrics.items() if name != "ColdStart"} == reported
    units = {metric["Name"]: metric["Unit"] for metric in found.objects[0]["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert units.get("FunctionVersion", "None") == "None"


def test_log_keys_do_not_leak_into_the_next_invocation(new_telemetry, emitted):
    telemetry = new_telemetry("query")

    @telemetry.entry_point
    def invocation(event, context):
        if event:
            telemetry.logger.set_correlation_id("api-1")
        telemetry.logger.info("line")

    invocation({"correlated": True}, LambdaContext())
    invocation({}, LambdaContext())
    first, second = emitted().logs
    assert first["correlation_id"] == "api-1"
    assert "correlation_id" not in second
    assert second["stack"] == "dev"


def test_settings_name_every_missing_variable():
    with pytest.raises(SettingsError, match=r"missing or empty: TABLE_NAME, STACK\."):
        EventHandlerSettings.of(ENVIRONMENT | {"TABLE_NAME": "", "STACK": ""})
    with pytest.raises(SettingsError, match="VERSION"):
        QuerySettings.of({"TABLE_NAME": "t", "STACK": "dev"})


@pytest.mark.parametrize("count", ["0", "-1", "five", "1.5", "\u0665"])
def test_receive_count_must_be_a_positive_whole_number(count):
    with pytest.raises(SettingsError, match="MAX_RECEIVE_COUNT"):
        EventHandlerSettings.of(ENVIRONMENT | {"MAX_RECEIVE_COUNT": count})


def test_entry_points_import_without_an_environment():
    code = "import handlers.event_handler, handlers.query, sys; assert 'moto' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PATH": os.environ["PATH"]}, check=True)
