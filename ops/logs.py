"""The stack's log lines: one stream out of every group that holds some, sorted by time."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from components.durations import SECONDS_PER_DAY
from handlers.vocabulary import EVENT_HANDLER_SERVICE
from ops.errors import OperatorError
from ops.stack import StackOutputs

API_ACCESS = "api-access"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": SECONDS_PER_DAY}
# The server leaves out most of what is no error; `is_error` decides, because the embedded cloud lets all of it through.
ERROR_PATTERN = (
    '{ ($.level = "ERROR") || ($.level = "CRITICAL") || ($.status = "5*") || ($.errorType = "*")'
    ' || (($.type = "platform.report") && ($.record.status != "success")) }'
)
# What a reader sees anyway, or sees in every line.
REPEATED_FIELDS = {
    "timestamp", "level", "message", "service", "stack", "version", "location", "cold_start", "function_name",
    "function_memory_size", "function_arn", "function_request_id", "time", "type", "record",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Line:
    """One log line: when, from which group, and what it says as text and, if it is JSON, as fields."""

    timestamp: datetime
    group: str
    text: str
    fields: dict[str, Any]

    @classmethod
    def of(cls, group: str, event: dict[str, Any]) -> "Line":
        """The line CloudWatch answered with."""
        text = event["message"].rstrip()
        try:
            fields = json.loads(text)
        except ValueError:
            fields = {}
        timestamp = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
        return cls(timestamp=timestamp, group=group, text=text, fields=fields if isinstance(fields, dict) else {})

    @property
    def is_metrics(self) -> bool:
        """Whether CloudWatch reads it as metrics; there is nothing in it for a person."""
        return "_aws" in self.fields

    @property
    def is_error(self) -> bool:
        """Whether it tells of something that failed: a line of level ERROR, a crash, a time-out, a 5XX of the API."""
        fields = self.fields
        if fields.get("type") == "platform.report":
            return fields.get("record", {}).get("status") != "success"
        failed = fields.get("level") in ("ERROR", "CRITICAL") or "errorType" in fields
        return failed or str(fields.get("status", "")).startswith("5")

    def as_json(self) -> dict[str, Any]:
        """The line for programs."""
        return {"timestamp": self.timestamp.isoformat(), "log_group": self.group, "message": self.fields or self.text}

    def as_text(self) -> str:
        """The line for people: time, source, level, what happened, and the fields that differ between lines."""
        fields = self.fields
        what, level, shown = self.text, "", {}
        if fields:
            what = fields.get("message") or fields.get("errorMessage") or fields.get("type") or ""
            level = fields.get("level", "")
            shown = {name: value for name, value in fields.items() if name not in REPEATED_FIELDS}
            if str(fields.get("type", "")).startswith("platform."):
                record = fields.get("record", {})
                shown = {"requestId": record.get("requestId"), "status": record.get("status")}
                shown |= record.get("metrics", {})
        values = (f"{name}={_value(value)}" for name, value in shown.items() if value not in (None, "", "-"))
        time = self.timestamp.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.timestamp.microsecond // 1000:03d}Z"
        source = self.group.rpartition("/")[2]
        line = " ".join(part for part in (time, f"{source:<13}", f"{level:<7}", str(what), *values) if part)
        # A terminal obeys control characters, and what is logged is not always ours.
        return "".join(letter if letter.isprintable() else " " for letter in line).rstrip()


def log_groups(outputs: StackOutputs) -> list[str]:
    """The groups that hold lines of the stack: its functions', and the API's access log beside them."""
    functions = outputs.client("lambda")
    groups = {
        role: functions.get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        for role, name in outputs.functions.items()
    }
    folder = groups[EVENT_HANDLER_SERVICE].removesuffix(EVENT_HANDLER_SERVICE)
    return [*groups.values(), f"{folder}{API_ACCESS}"]


def read_lines(
    outputs: StackOutputs,
    *,
    since: datetime,
    pattern: str = "",
    wanted: Callable[[Line], bool] = lambda line: True,
) -> list[Line]:
    """Every line since then that CloudWatch finds by `pattern` and that is `wanted`, oldest first, without metrics."""
    logs = outputs.client("logs")
    lines = [line for group in log_groups(outputs) for line in _lines(logs, group, since, pattern)]
    return sorted((line for line in lines if not line.is_metrics and wanted(line)), key=lambda line: line.timestamp)


def read_errors(outputs: StackOutputs, since: datetime) -> list[Line]:
    """Every line since then that tells of a failure, oldest first."""
    return read_lines(outputs, since=since, pattern=ERROR_PATTERN, wanted=lambda line: line.is_error)


def parse_since(text: str, now: datetime) -> datetime:
    """The moment `text` names: an age such as 90s, 15m, 1h or 2d, or an RFC 3339 time; or raise OperatorError."""
    age = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if age:
        seconds = int(age[1]) * UNITS[age[2]]
        # Before the epoch there are no logs, and CloudWatch takes no negative time.
        return datetime.fromtimestamp(max(0.0, now.timestamp() - seconds), UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise OperatorError(
            f"--since {text} is neither an age such as 15m, 1h or 2d nor a time with an offset such as "
            "2026-01-31T09:00:00Z."
        )
    return max(moment, datetime.fromtimestamp(0, UTC))


def only_containing(text: str, option: str) -> str:
    """The pattern of lines that hold `text`; ids alone, because a quotation mark would end the pattern's."""
    if not re.fullmatch(r"[A-Za-z0-9=;:_-]{8,200}", text):
        raise OperatorError(f"{option} {text!r} is not an id: 8 to 200 letters, digits and -.")
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
                f"There is no log group {group}: was the stack destroyed, or the group deleted by hand? "
                "`pulumi up --refresh` puts it back."
            ) from None
        raise


def _value(value: Any) -> str:
    return value if isinstance(value, str) and " " not in value else json.dumps(value, ensure_ascii=False)
