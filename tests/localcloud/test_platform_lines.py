"""The lines of functions: Lambda's own, in its JSON format and at the configured level, and when each was written."""

import io
import json
import time
import zipfile
from datetime import datetime
from itertools import pairwise
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from localcloud.emulator.process import Emulator
from localcloud.observatory.platform_lines import (
    Initialization,
    Level,
    crash_line,
    function_lines,
    platform_lines,
)
from tests.fakes.invocations import STARTED, invocation
from tests.fakes.waiting import eventually
from tests.localcloud.provided import TRUST

TRACE = "Root=1-6ab12300-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"


def documents(level: Level, **changes: Any) -> list[dict[str, Any]]:
    return [json.loads(line.text) for line in platform_lines(invocation(**changes), level)]


def test_invocation_logs_start_and_report():
    start, report = documents(Level.INFO, trace=TRACE)
    tracing = {"type": "X-Amzn-Trace-Id", "value": TRACE}
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:f:live"
    assert start == {
        "time": "2026-09-21T14:13:20.000Z",
        "type": "platform.start",
        "record": {"requestId": "r", "functionArn": arn, "version": "3", "tracing": tracing},
    }
    metrics = {"durationMs": 12.346, "billedDurationMs": 13, "memorySizeMB": 256, "maxMemoryUsedMB": 48}
    assert report == {
        "time": "2026-09-21T14:13:20.012Z",
        "type": "platform.report",
        "record": {"requestId": "r", "metrics": metrics, "tracing": tracing, "status": "success"},
    }


FAILED_INIT = Initialization(started=STARTED - 1, seconds=0.25, error_type="RuntimeError")
INIT = Initialization(started=STARTED - 0.25, seconds=0.25)


@pytest.mark.parametrize(
    ("level", "changes", "kinds"),
    [
        (Level.DEBUG, {}, ["start", "runtimeDone", "report"]),
        (Level.WARN, {}, []),
        (Level.INFO, {"status": "timeout"}, ["start", "runtimeDone", "report"]),
        (Level.WARN, {"status": "error", "error_type": "KeyError"}, ["runtimeDone", "report"]),
        (Level.INFO, {"initialization": INIT}, ["initStart", "start", "report"]),
        (
            Level.DEBUG,
            {"initialization": INIT},
            ["initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"],
        ),
        (Level.WARN, {"initialization": FAILED_INIT}, ["initRuntimeDone", "initReport"]),
    ],
)
def test_level_decides_which_lines_there_are(level: Level, changes: dict[str, Any], kinds: list[str]):
    assert [found["type"] for found in documents(level, **changes)] == [f"platform.{kind}" for kind in kinds]


def test_initialization_is_reported_and_billed():
    *_, report = documents(Level.INFO, initialization=INIT)
    assert report["record"]["metrics"] | {"memorySizeMB": 0, "maxMemoryUsedMB": 0} == {
        "durationMs": 12.346,
        "billedDurationMs": 263,
        "initDurationMs": 250.0,
        "memorySizeMB": 0,
        "maxMemoryUsedMB": 0,
    }


def test_failure_names_its_error():
    *_, done, report = documents(Level.INFO, status="error", error_type="KeyError")
    assert [found["record"]["errorType"] for found in (done, report)] == ["KeyError", "KeyError"]


def test_line_has_the_time_that_it_names_and_none_is_later_than_the_next():
    def named(text: str) -> str:
        return json.dumps({"timestamp": text})

    texts = [
        "first",
        named("2026-09-21T14:13:20.100Z"),
        "between",
        named("2026-09-21T14:13:20.300+00:00"),
        named("2020-01-01T00:00:00Z"),  # no invocation is that old
        named("2026-09-21T14:13:20"),  # of no zone
        named("soon"),
    ]
    lines = function_lines(texts, [STARTED + 0.5] * len(texts), Level.INFO)
    assert [line.text for line in lines] == texts
    assert [round(line.at - STARTED, 3) for line in lines] == [0.1, 0.1, 0.3, 0.3, 0.5, 0.5, 0.5]


def test_lines_below_the_application_log_level_are_left_out():
    texts = ["text", "[1]", "{", '{"level": "DEBUG"}', '{"level": "warning"}', '{"level": 7}', '{"level": "ERROR"}']
    kept = [line.text for line in function_lines(texts, [STARTED] * 7, Level.WARN)]
    assert kept == ["text", "[1]", "{", '{"level": "warning"}', '{"level": "ERROR"}']


TRACEBACK = """Traceback (most recent call last):
  File "a.py", line 1, in f
    g()
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in h
    raise Gone("two\\nrows: of text")
package.module.Gone: two
rows: of text
"""


def test_exception_is_the_line_of_the_runtime():
    error_type, line = crash_line("r", STARTED, "two\nrows: of text", TRACEBACK)
    assert error_type == "Gone"
    assert json.loads(line.text) == {
        "timestamp": "2026-09-21T14:13:20.000Z",
        "log_level": "ERROR",
        "errorMessage": "two\nrows: of text",
        "errorType": "Gone",
        "requestId": "r",
        "stackTrace": ['  File "b.py", line 2, in h\n    raise Gone("two\\nrows: of text")\n'],
    }


CODE = """
import array, fcntl, json, os, sys, termios, time
from datetime import datetime, timezone

def wait_until_read():
    unread = array.array("i", [1])
    while unread[0]:
        time.sleep(0.001)  # nothing tells a writer that a pipe was read: it looks again
        fcntl.ioctl(sys.stderr, termios.FIONREAD, unread)

def handler(event, context):
    if event == "raise":
        raise KeyError("x")
    if event == "exit":
        os._exit(3)
    if event == "sleep":
        time.sleep(60)
    print("first")
    sys.stderr.flush()
    wait_until_read()  # on a busy machine perhaps later than the pause
    time.sleep(0.2)  # what is measured
    print(json.dumps({"timestamp": datetime.now(timezone.utc).isoformat(), "level": "INFO", "message": "second"}))
    print(json.dumps({"level": "DEBUG"}))
"""


class Function:
    """A function whose log format is JSON, in an emulator, and what it logs."""

    def __init__(self, emulator: Emulator) -> None:
        self._lambda, self.logs = emulator.client("lambda"), emulator.client("logs")
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("code.py", CODE)
        levels = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO"}
        self._lambda.create_function(
            FunctionName="f",
            Role=emulator.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"],
            Runtime="python3.13",
            Handler="code.handler",
            Code={"ZipFile": code.getvalue()},
            Timeout=1,
            MemorySize=512,
            TracingConfig={"Mode": "Active"},
            LoggingConfig={"LogFormat": "JSON", "LogGroup": "/own/f", **levels},
        )
        self._lambda.get_waiter("function_active_v2").wait(FunctionName="f")

    def invoke(self, event: str) -> list[dict[str, Any]]:
        """The lines of the invocation, which are in its log when it has ended: time and document, or text."""
        seen = self._events() if event else []
        self._lambda.invoke(FunctionName="f", Payload=json.dumps(event))
        return [line for line in self._events() if line not in seen]

    def search(self, pattern: str) -> list[dict[str, Any]]:
        return self._events(filterPattern=pattern)

    def count(self, pattern: str) -> None:
        metric = {"metricName": "m", "metricNamespace": "N", "metricValue": "1"}
        self.logs.put_metric_filter(
            logGroupName="/own/f", filterName="m", filterPattern=pattern, metricTransformations=[metric]
        )

    def _events(self, **search: str) -> list[dict[str, Any]]:
        try:
            events = self.logs.filter_log_events(logGroupName="/own/f", **search)["events"]
        except self.logs.exceptions.ResourceNotFoundException:
            return []
        return [
            {"at": event["timestamp"], "stream": event["logStreamName"]}
            | (json.loads(event["message"]) if event["message"].startswith("{") else {"text": event["message"]})
            for event in events
        ]


@pytest.fixture(scope="module")
def function() -> Any:
    with Emulator.start() as emulator:
        yield Function(emulator)


def kinds(lines: list[dict[str, Any]]) -> list[str]:
    return [str(line.get("type") or line.get("message") or line.get("errorType") or line.get("text")) for line in lines]


@pytest.mark.e2e
def test_emulator_logs_what_lambda_logs(function: Function):
    lines = function.invoke("")
    assert kinds(lines) == ["platform.initStart", "platform.start", "first", "second", "platform.report"]
    init, start, first, second, report = lines
    for line in (init, start, report):
        assert datetime.fromisoformat(line["time"]).timestamp() * 1000 == pytest.approx(line["at"], abs=1.1)
    assert all(one["at"] <= other["at"] for one, other in pairwise(lines))
    # Each has the time at which it was read, and between these the function sleeps 200 ms.
    assert second["at"] - first["at"] >= 45
    assert start["at"] - init["at"] == pytest.approx(report["record"]["metrics"]["initDurationMs"], abs=2)
    record = report["record"]
    assert record["requestId"] == start["record"]["requestId"]
    assert record["tracing"] == start["record"]["tracing"]
    assert 200 <= record["metrics"]["durationMs"] <= 1_000
    assert record["metrics"]["memorySizeMB"] == 512
    assert 5 <= record["metrics"]["maxMemoryUsedMB"] <= 200

    warm = function.invoke("again")
    assert kinds(warm) == ["platform.start", "first", "second", "platform.report"]
    assert "initDurationMs" not in warm[-1]["record"]["metrics"]


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("event", "status", "error"),
    [("raise", "error", "KeyError"), ("exit", "error", "Runtime.ExitError"), ("sleep", "timeout", None)],
)
def test_emulator_logs_how_an_invocation_failed(function: Function, event: str, status: str, error: str | None):
    lines = function.invoke(event)
    named = ["KeyError"] if event == "raise" else []
    found = [kind for kind in kinds(lines) if kind != "platform.initStart"]
    assert found == ["platform.start", *named, "platform.runtimeDone", "platform.report"]
    record = lines[-1]["record"]
    assert (record["status"], record.get("errorType")) == (status, error)
    if event == "raise":
        (crash,) = (line for line in lines if line.get("log_level"))
        assert (crash["errorMessage"], crash["requestId"]) == ("'x'", record["requestId"])


@pytest.mark.soak
def test_without_the_seam_the_lines_are_text_of_one_time():
    """The control."""
    with Emulator.start(options=["--unplugged=write_logs"]) as emulator:
        lines = Function(emulator).invoke("")
    assert [line["text"].split()[0] for line in lines if "text" in line] == ["START", "first", "END", "REPORT"]
    assert len({line["at"] for line in lines}) == 1


# Filters, which read these lines


@pytest.mark.e2e
def test_emulator_searches_lines_with_json_patterns(function: Function):
    function.invoke("again")
    assert set(kinds(function.search('{ $.type = "platform.*" }'))) >= {"platform.start", "platform.report"}
    assert set(kinds(function.search('{ $.message = "second" }'))) == {"second"}
    # The control: ministack returns every line.
    assert function.search("{ $.message NOT EXISTS && $.type NOT EXISTS && $.level NOT EXISTS }") == [
        *function.search("{ $.log_level = ERROR }")
    ]


@pytest.mark.e2e
def test_emulator_rejects_a_pattern_that_it_does_not_understand(function: Function):
    function.invoke("again")  # which makes the log group
    with pytest.raises(ClientError, match=r"InvalidParameterException.*Expected a value at character 9"):
        function.search("{ $.a = }")
    with pytest.raises(ClientError, match=r"InvalidParameterException.*Only JSON patterns"):
        function.count("ERROR")
    function.count('{ $.type = "platform.report" }')


# Logs Insights over these lines


@pytest.mark.e2e
def test_query_over_several_groups_is_run_as_aws_runs_it(function: Function):
    function.invoke("again")
    logs = function.logs
    if not logs.describe_log_groups(logGroupNamePrefix="/own/empty")["logGroups"]:
        logs.create_log_group(logGroupName="/own/empty")
    text = (
        "filter type = 'platform.report' | stats count(*) as reports, max(record.metrics.memorySizeMB) as size by @log"
    )
    where = {"startTime": int(time.time()) - 600, "endTime": int(time.time()) + 600}
    groups = ["/own/f", "arn:aws:logs:eu-west-1:123456789012:log-group:/own/empty:*"]
    started = logs.start_query(logGroupIdentifiers=groups, queryString=text, **where)
    found = eventually(
        lambda: logs.get_query_results(queryId=started["queryId"]), lambda found: found["status"] != "Running"
    )
    reports = len(function.search('{ $.type = "platform.report" }'))
    (row,) = ({cell["field"]: cell["value"] for cell in row} for row in found["results"])
    assert found["status"] == "Complete"
    assert row["@log"].endswith(":/own/f")
    assert (row["reports"], row["size"]) == (str(reports), "512")
    assert found["statistics"]["recordsMatched"] == reports
    (described, *_) = logs.describe_queries(logGroupName="/own/f", status="Complete")["queries"]
    assert (described["queryId"], described["queryString"]) == (started["queryId"], text)
    # A range before the first line has none of them.
    earlier = logs.start_query(logGroupName="/own/f", queryString=text, startTime=0, endTime=1)["queryId"]
    assert eventually(lambda: logs.get_query_results(queryId=earlier)["status"] == "Complete")
    assert logs.get_query_results(queryId=earlier)["results"] == []


@pytest.mark.e2e
def test_query_that_is_not_understood_is_a_malformed_query(function: Function):
    with pytest.raises(ClientError) as error:
        function.logs.start_query(logGroupName="/own/f", queryString="filter a ==", startTime=0, endTime=1)
    response = cast(dict[str, Any], error.value.response)
    assert response["Error"]["Code"] == "MalformedQueryException"
    assert response["Error"]["Message"] == "Expected a value at character 11, found =."
    assert response["queryCompileError"]["location"] == {"startCharOffset": 10, "endCharOffset": 11}


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"logGroupName": "/absent"}, "ResourceNotFoundException"),
        ({}, "InvalidParameterException"),
        ({"logGroupName": "/own/f", "logGroupNames": ["/own/f"]}, "InvalidParameterException"),
        ({"logGroupName": "/own/f", "startTime": 2}, "InvalidParameterException"),
        ({"logGroupName": "/own/f", "queryLanguage": "SQL"}, "InvalidParameterException"),
        ({"logGroupName": "/own/f", "limit": 100_000}, "InvalidParameterException"),
    ],
)
def test_request_for_a_query_that_cannot_be_served_is_rejected(
    function: Function, parameters: dict[str, Any], code: str
):
    with pytest.raises(ClientError, match=code):
        function.logs.start_query(**{"queryString": "fields a", "startTime": 0, "endTime": 1} | parameters)


@pytest.mark.e2e
def test_pointer_leads_to_the_line(function: Function):
    function.invoke("again")
    text = "filter type = 'platform.start' | limit 1"
    now = int(time.time())
    started = function.logs.start_query(
        logGroupName="/own/f", queryString=text, startTime=now - 600, endTime=now + 600
    )["queryId"]
    found = eventually(
        lambda: function.logs.get_query_results(queryId=started), lambda found: found["status"] == "Complete"
    )
    cells = {cell["field"]: cell["value"] for cell in found["results"][0]}
    record = function.logs.get_log_record(logRecordPointer=cells["@ptr"])["logRecord"]
    assert record["@message"] == cells["@message"]
    assert record["record.requestId"] == json.loads(cells["@message"])["record"]["requestId"]
    with pytest.raises(ClientError, match="InvalidParameterException"):
        function.logs.get_log_record(logRecordPointer="x")
    with pytest.raises(ClientError, match="InvalidParameterException"):
        function.logs.stop_query(queryId=started)  # it is over
