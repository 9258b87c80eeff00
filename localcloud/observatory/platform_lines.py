"""The lines that Lambda itself writes about an invocation, with `log_format: JSON`.

Records: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
Levels: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Any

from localcloud.observatory.facts import LogLine


class Level(IntEnum):
    """The level of a line, and of the lines that a function's log shows."""

    TRACE = 0
    DEBUG = 1
    INFO = 2
    WARN = 3
    ERROR = 4
    FATAL = 5

    @classmethod
    def of(cls, name: object) -> "Level":
        """The level of that name; as in Lambda, any other value counts as INFO."""
        return _LEVELS.get(name.upper(), cls.INFO) if isinstance(name, str) else cls.INFO


_LEVELS = {level.name: level for level in Level} | {"WARNING": Level.WARN, "CRITICAL": Level.FATAL}


@dataclass(frozen=True, kw_only=True)
class Initialization:
    """The start of an execution environment."""

    started: float
    seconds: float
    error_type: str | None = None


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What Lambda reports of an invocation. Times are seconds since 1970, by the clock of this machine."""

    request_id: str
    function: str
    function_arn: str
    version: str
    runtime: str
    started: float
    """When the handler was called: after the initialization, if there was one."""
    seconds: float
    status: str
    """success, error or timeout."""
    error_type: str | None = None
    memory_mb: int
    peak_mb: int
    trace: str | None = None
    """The trace header that the function got."""
    initialization: Initialization | None = None


def platform_lines(invocation: Invocation, level: Level) -> list[LogLine]:
    """The lines that a function with that system log level writes, in the order in which they happened."""
    return [line for of_line, line in _lines(invocation) if of_line >= level]


def _lines(invocation: Invocation) -> Iterator[tuple[Level, LogLine]]:
    ended = invocation.started + invocation.seconds
    milliseconds = round(invocation.seconds * 1000, 3)
    failed = invocation.status != "success"
    status = {"status": invocation.status} | _error(invocation.error_type)
    who = {"requestId": invocation.request_id}
    traced = {"tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace}} if invocation.trace else {}
    init = invocation.initialization
    if init:
        yield from _initialization(invocation, init)
    started = who | {"functionArn": invocation.function_arn, "version": invocation.version} | traced
    yield Level.INFO, _line(invocation.started, "start", started)
    done = who | status | {"metrics": {"durationMs": milliseconds}} | traced
    yield Level.WARN if failed else Level.DEBUG, _line(ended, "runtimeDone", done)
    init_milliseconds = round(init.seconds * 1000, 3) if init and not init.error_type else 0.0
    metrics = {
        "durationMs": milliseconds,
        # Lambda bills the initialization too.
        "billedDurationMs": math.ceil(milliseconds + init_milliseconds),
        "memorySizeMB": invocation.memory_mb,
        "maxMemoryUsedMB": invocation.peak_mb,
    }
    if init_milliseconds:
        metrics["initDurationMs"] = init_milliseconds
    report = who | {"metrics": metrics} | traced | status
    yield Level.WARN if failed else Level.INFO, _line(ended, "report", report)


def _initialization(invocation: Invocation, init: Initialization) -> Iterator[tuple[Level, LogLine]]:
    kind = {"initializationType": "on-demand", "phase": "init"}
    of_function = {"functionName": invocation.function, "functionVersion": invocation.version}
    runtime = {"runtimeVersion": f"{invocation.runtime} of this machine"}
    yield Level.INFO, _line(init.started, "initStart", kind | runtime | of_function)
    status = {"status": "error" if init.error_type else "success"} | _error(init.error_type)
    level, ended = Level.WARN if init.error_type else Level.DEBUG, init.started + init.seconds
    yield level, _line(ended, "initRuntimeDone", kind | status)
    metrics = {"metrics": {"durationMs": round(init.seconds * 1000, 3)}}
    yield level, _line(ended, "initReport", kind | status | metrics)


def _error(error_type: str | None) -> dict[str, str]:
    return {"errorType": error_type} if error_type else {}


def _line(at: float, kind: str, record: Mapping[str, Any]) -> LogLine:
    document = {"time": stamp(at), "type": f"platform.{kind}", "record": record}
    return LogLine(at=at, text=json.dumps(document, separators=(",", ":")))


def stamp(at: float) -> str:
    """A time as Lambda writes it, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def function_lines(texts: list[str], arrivals: list[float], level: Level) -> list[LogLine]:
    """The lines that a function wrote, stamped when it wrote them, without those below its application log level.

    A line has the time that it names, as Lambda takes it, or else that at which it arrived. No line is later than the
    next one.
    """
    documents = [_document(text) for text in texts]
    lines: list[LogLine] = []
    limit = arrivals[-1] if arrivals else 0.0
    for text, document, arrival in zip(reversed(texts), reversed(documents), reversed(arrivals), strict=True):
        limit = min(limit, _own_time(document, arrival))
        if document is None or Level.of(document.get("level")) >= level:
            lines.append(LogLine(at=limit, text=text))
    return lines[::-1]


TRUSTED_SECONDS = 900
"""An invocation lasts no longer; a time that is older is not that of the line."""


def _own_time(document: Mapping[str, Any] | None, arrival: float) -> float:
    found = (document or {}).get("timestamp")
    try:
        own = datetime.fromisoformat(found) if isinstance(found, str) else None
    except ValueError:
        own = None
    if own is None or own.tzinfo is None:
        return arrival
    seconds = own.timestamp()
    return seconds if arrival - TRUSTED_SECONDS <= seconds <= arrival else arrival


def _document(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def crash_line(request_id: str, at: float, message: str, trace: str) -> tuple[str, LogLine]:
    """The type of an unhandled exception, and the line about it that Lambda's runtime for Python writes.

    https://github.com/aws/aws-lambda-python-runtime-interface-client/blob/main/awslambdaric/bootstrap.py (log_error)
    """
    rows = trace.rstrip("\n").split("\n")
    # The last of several tracebacks is that of the exception that ended the invocation. Its first row without
    # indentation names the class; further ones are the exception's text.
    begin = max((number for number, row in enumerate(rows) if row.startswith("Traceback ")), default=-1)
    rows = rows[begin + 1 :]
    named = next((row for row in rows if row and not row[0].isspace()), "Exception")
    error_type = named.partition(":")[0].rpartition(".")[2]
    frames: list[str] = []
    for row in rows:
        if row.startswith("  File "):
            frames.append(f"{row}\n")
        elif row.startswith("   ") and frames:
            frames[-1] += f"{row}\n"
    return error_type, error_line(request_id, at, message, error_type, frames)


def error_line(request_id: str, at: float, message: str, error_type: str, frames: list[str]) -> LogLine:
    """The line of Lambda's runtime about an error of the function."""
    document = {
        "timestamp": stamp(at),
        "log_level": "ERROR",
        "errorMessage": message,
        "errorType": error_type,
        "requestId": request_id,
        "stackTrace": frames,
    }
    return LogLine(at=at, text=json.dumps(document))
