"""The stack's log lines, from all of its log groups, sorted by time."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from handlers.vocabulary import EVENT_HANDLER_SERVICE
from ops.errors import OperatorError
from ops.stack import StackOutputs

API_ACCESS = "api-access"
# CloudWatch filters most lines; `is_error` filters again, because the embedded cloud returns every line.
ERROR_PATTERN = (
    '{ ($.level = "ERROR") || ($.level = "CRITICAL") || ($.status = "5*") || ($.errorType = "*")'
    ' || (($.type = "platform.report") && ($.record.status != "success")) }'
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A log line: its time, group, stream and text, and its fields if the text is a JSON object."""

    timestamp: datetime
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
        timestamp = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        fields = fields if isinstance(fields, dict) else {}
        return cls(timestamp=timestamp, group=group, stream=event.get("logStreamName", ""), text=text, fields=fields)

    @property
    def is_metrics(self) -> bool:
        """Whether the line only carries metrics for CloudWatch."""
        return "_aws" in self.fields

    @property
    def is_error(self) -> bool:
        """Whether the line reports a failure: level ERROR or CRITICAL, a crash, a timeout, or a 5XX of the API."""
        fields = self.fields
        if fields.get("type") == "platform.report":
            return fields.get("record", {}).get("status") != "success"
        failed = fields.get("level") in ("ERROR", "CRITICAL") or "errorType" in fields
        return failed or str(fields.get("status", "")).startswith("5")


def log_groups(outputs: StackOutputs) -> list[str]:
    """Return the log groups of the stack: its functions' and the API's access log."""
    groups = {role: _log_group(outputs, name) for role, name in outputs.functions.items()}
    folder = groups[EVENT_HANDLER_SERVICE].removesuffix(EVENT_HANDLER_SERVICE)
    return [*groups.values(), f"{folder}{API_ACCESS}"]


def read_lines(
    outputs: StackOutputs, *, since: datetime, pattern: str = "", wanted: Callable[[Line], bool] = lambda line: True
) -> list[Line]:
    """Return the lines since then that match `pattern` and are `wanted`, oldest first, without metrics."""
    logs = outputs.client("logs")
    lines = [line for group in log_groups(outputs) for line in _lines(logs, group, since, pattern)]
    return sorted((line for line in lines if not line.is_metrics and wanted(line)), key=lambda line: line.timestamp)


def read_function_lines(outputs: StackOutputs, name: str, *, since: datetime, pattern: str) -> list[Line]:
    """Return the lines of one function since then that match `pattern`."""
    return list(_lines(outputs.client("logs"), _log_group(outputs, name), since, pattern))


def read_errors(outputs: StackOutputs, since: datetime) -> list[Line]:
    """Return the lines since then that report a failure, oldest first."""
    return read_lines(outputs, since=since, pattern=ERROR_PATTERN, wanted=lambda line: line.is_error)


def _log_group(outputs: StackOutputs, name: str) -> str:
    return outputs.client("lambda").get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]


def containing(text: str) -> str:
    """Return the filter pattern of lines that contain `text`, which must not contain a quotation mark."""
    return f'"{text}"'


def _lines(logs: Any, group: str, since: datetime, pattern: str) -> Iterator[Line]:
    call = {"logGroupName": group, "startTime": int(since.timestamp() * 1000)}
    pages: Iterable[dict[str, Any]] = logs.get_paginator("filter_log_events").paginate(
        **call, **({"filterPattern": pattern} if pattern else {})
    )
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
