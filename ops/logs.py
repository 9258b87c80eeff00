"""The stack's log lines, from all of its log groups, sorted by time."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from handlers.logins import parse_instant
from handlers.vocabulary import EVENT_HANDLER_SERVICE, Outcome
from ops.errors import OperatorError
from ops.stack import StackOutputs

API_ACCESS = "api-access"
FAILED_OUTCOMES = (Outcome.FAILED, Outcome.EXHAUSTED, Outcome.ERROR)
"""What became of an event, a batch or a query when the cause is not its sender."""
# Each is one line for an invocation, or for the start of an environment, and has a status.
START_REPORT = "platform.initReport"
PLATFORM_REPORTS = ("platform.report", START_REPORT)
_CONDITIONS = (
    '($.level = "ERROR")',
    '($.level = "CRITICAL")',
    '($.status = "5*")',
    '($.errorType = "*")',
    *(f'($.outcome = "{outcome}")' for outcome in FAILED_OUTCOMES),
    *(f'(($.type = "{report}") && ($.record.status != "success"))' for report in PLATFORM_REPORTS),
)
# CloudWatch filters most lines; `is_error` filters again, because no pattern can leave out what another line repeats.
ERROR_PATTERN = f"{{ {' || '.join(_CONDITIONS)} }}"
# How late a line can arrive.
LATE = timedelta(minutes=1)
# Python's traceback, and what Lambda writes when a process ends without one. With `log_format: JSON`, which both
# functions have, AWS writes JSON instead; only the embedded cloud writes them as text.
TRACEBACK = "Traceback (most recent call last):"
# Lambda's own lines about each invocation, where it writes them as text.
PLATFORM_TEXT = re.compile(r"(INIT_START|START|END|REPORT) ")
_CRASH_TEXT = re.compile(r"\[ERROR\]|Runtime\.\w+|.*Task timed out after")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A log line: its time, group, stream and text, and its fields if the text is a JSON object."""

    timestamp: datetime
    """When the line was written, by its own time if it has one: CloudWatch's is that of a whole delivery."""
    group: str
    stream: str
    text: str
    fields: dict[str, Any]

    @classmethod
    def of(cls, group: str, event: dict[str, Any]) -> "Line":
        """Return the line of an event that CloudWatch returned."""
        text = event["message"].rstrip()
        try:
            fields = json.loads(text)
        except ValueError:
            fields = {}
        fields = fields if isinstance(fields, dict) else {}
        timestamp = _own_time(fields) or datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        return cls(timestamp=timestamp, group=group, stream=event.get("logStreamName", ""), text=text, fields=fields)

    @property
    def source(self) -> str:
        """The role of the function that wrote the line, or `api-access`."""
        return self.group.rpartition("/")[2]

    @property
    def is_metrics(self) -> bool:
        """Whether the line only carries metrics for CloudWatch."""
        return "_aws" in self.fields

    @property
    def is_platform(self) -> bool:
        """Whether Lambda wrote the line, about an invocation or the start of an environment."""
        return str(self.fields.get("type", "")).startswith("platform.") or bool(PLATFORM_TEXT.match(self.text))

    @property
    def record(self) -> dict[str, Any]:
        """What Lambda reports in a line of its own."""
        record = self.fields.get("record")
        return record if isinstance(record, dict) else {}

    @property
    def outcome(self) -> str | None:
        """What became of the event, the batch or the query that the line is about."""
        return self.fields.get("outcome")

    @property
    def is_error(self) -> bool:
        """Whether the line reports a failure.

        That is level ERROR or CRITICAL, an event that failed and will be retried, a crash, also at the start, a
        timeout, a traceback, or a 5XX response of the API. An event that violates the contract is none.
        """
        fields = self.fields
        if not fields:
            return self.text.startswith(TRACEBACK) or bool(_CRASH_TEXT.match(self.text))
        if fields.get("type") in PLATFORM_REPORTS:
            return self.record.get("status") != "success"
        # The line about a batch repeats what the lines about its events say.
        failed = self.outcome in FAILED_OUTCOMES and "batch_size" not in fields
        failed = failed or fields.get("level") in ("ERROR", "CRITICAL") or "errorType" in fields
        return failed or str(fields.get("status", "")).startswith("5")

    @property
    def error_code(self) -> str:
        """What kind of failure the line reports: a code or the class of an exception, never a text that quotes data."""
        fields = self.fields
        if not fields:
            return _code_of_text(self.text.splitlines()[-1])
        record = self.record
        names = (fields.get("error_code"), fields.get("errorType"), fields.get("exception_name"))
        codes = (*names, record.get("errorType"), record.get("status"), _status(fields), fields.get("level"))
        return str(next((code for code in codes if code), "unknown"))


def _own_time(fields: dict[str, Any]) -> datetime | None:
    for name in ("timestamp", "time"):
        try:
            return parse_instant(fields[name])
        except (KeyError, TypeError, ValueError):
            continue
    return None


def _code_of_text(row: str) -> str:
    if "Task timed out" in row:
        return "timeout"
    name = row.removeprefix("[ERROR] ").partition(":")[0]
    if not re.fullmatch(r"[\w.]+", name):
        return "crash"
    return name if name.startswith("Runtime.") else name.rpartition(".")[2]


def _status(fields: dict[str, Any]) -> str:
    return f"status {fields['status']}" if fields.get("status") else ""


def log_folder(outputs: StackOutputs) -> str:
    """Return what the names of the log groups begin with, such as /event-processing/dev."""
    return outputs.log_group(outputs.functions[EVENT_HANDLER_SERVICE]).removesuffix(f"/{EVENT_HANDLER_SERVICE}")


def unseen(
    read: Callable[[datetime], list[Line]], seen: list[Line], wait: Callable[[], None], now: Callable[[], datetime]
) -> Iterator[list[Line]]:
    """Yield the lines that arrive after `seen` was read, again after each `wait`.

    Lines of several functions arrive late and in any order, so the last minute is read again each time.
    """
    known = {(line.stream, line.timestamp, line.text) for line in seen}
    while True:
        wait()
        lines = read(now() - LATE)
        found = [(line.stream, line.timestamp, line.text) for line in lines]
        yield [line for line, key in zip(lines, found, strict=True) if key not in known]
        # A line that is older than the next reading cannot come again.
        known = set(found)


def log_groups(outputs: StackOutputs) -> list[str]:
    """Return the log groups of the stack: its functions', the probe's too, and the API's access log."""
    groups = {role: outputs.log_group(name) for role, name in outputs.all_functions.items()}
    folder = groups[EVENT_HANDLER_SERVICE].removesuffix(EVENT_HANDLER_SERVICE)
    return [*groups.values(), f"{folder}{API_ACCESS}"]


def read_lines(
    outputs: StackOutputs,
    *,
    since: datetime,
    until: datetime | None = None,
    pattern: str = "",
    wanted: Callable[[Line], bool] = lambda line: True,
) -> list[Line]:
    """Return the lines since then, and before `until`, that match `pattern` and are `wanted`.

    They come oldest first and without metrics.
    """
    logs = outputs.client("logs")
    groups = log_groups(outputs)
    lines = [line for group in groups for line in join_tracebacks(_lines(logs, group, since, pattern, until))]
    return sorted((line for line in lines if not line.is_metrics and wanted(line)), key=lambda line: line.timestamp)


def join_tracebacks(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines of a group, with each traceback as a single line of several rows."""
    begun: dict[str, Line] = {}
    for line in lines:
        traceback = None if line.fields else begun.pop(line.stream, None)
        if line.text == TRACEBACK:
            begun[line.stream] = line
        elif traceback is None:
            yield line
        else:
            joined = replace(traceback, text=f"{traceback.text}\n{line.text}")
            # The exception itself is the first row without indentation.
            if line.text.startswith(" "):
                begun[line.stream] = joined
            else:
                yield joined
    yield from begun.values()


def read_function_lines(outputs: StackOutputs, name: str, *, since: datetime, pattern: str) -> list[Line]:
    """Return the lines of one function since then that match `pattern`."""
    return list(_lines(outputs.client("logs"), outputs.log_group(name), since, pattern))


def read_errors(outputs: StackOutputs, since: datetime, until: datetime | None = None) -> list[Line]:
    """Return the lines since then, and before `until`, that report a failure, oldest first."""
    return read_lines(outputs, since=since, until=until, pattern=ERROR_PATTERN, wanted=lambda line: line.is_error)


def containing(text: str) -> str:
    """Return the filter pattern of lines that contain `text`, which must not contain a quotation mark."""
    return f'"{text}"'


def _lines(logs: Any, group: str, since: datetime, pattern: str, until: datetime | None = None) -> Iterator[Line]:
    call: dict[str, Any] = {"logGroupName": group, "startTime": int(since.timestamp() * 1000)}
    if until is not None:
        call["endTime"] = int(until.timestamp() * 1000) - 1  # which CloudWatch includes
    if pattern:
        call["filterPattern"] = pattern
    pages: Iterable[dict[str, Any]] = logs.get_paginator("filter_log_events").paginate(**call)
    try:
        for page in pages:
            yield from (Line.of(group, event) for event in page["events"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceNotFoundException":
            raise OperatorError(
                f"Log group {group} does not exist. If it was deleted by hand, `pulumi up --refresh` creates it again; "
                "if the stack was destroyed, deploy it."
            ) from None
        raise
