"""Where ministack keeps log lines: what functions, Lambda and API Gateway write.

Each wrapped function is checked against its signature when the emulator starts.
"""

import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

from localcloud.emulator.log_limit import LogLimit
from localcloud.emulator.seams import seam
from localcloud.observatory.facts import LogLine
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.platform_lines import (
    Initialization,
    Invocation,
    Level,
    crash_line,
    error_line,
    function_lines,
    platform_lines,
)

TEXT_PLATFORM_LINES = 3
"""START, END and REPORT, which ministack writes around the lines of a function whose log format is text."""
_TIMEOUT, _DIED = "Task timed out", "Worker process died"
_limit = LogLimit(cloudwatch_logs._log_groups, cloudwatch_logs._log_events_lock)


@dataclass
class _Seen:
    """What the current thread learned about its invocation before its lines are written."""

    began: float = 0.0
    spawning: float = 0.0
    initialization: Initialization | None = None
    arrivals: list[float] = field(default_factory=list)
    peak_mb: int = 0
    trace: str | None = None
    traceback: str = ""


class _Thread(threading.local):
    seen = _Seen()


_thread = _Thread()


def write_logs(observatory: Observatory) -> None:
    """Write the lines of functions as Lambda does, each stamped when it was written, and show them to the observatory.

    A function whose log format is text keeps the lines that ministack writes.
    """
    _observe_workers()
    write = seam(
        lambda_svc, "_emit_lambda_logs", "func", "request_id", "log_text", "error", "duration_ms", "log_source"
    )
    dispatch = seam(lambda_svc, "_execute_function_dispatch", "func", "config", "event", "request_id", "started")
    trace_of = seam(lambda_svc, "_xray_trace_id_for_invocation", "config", "inbound_trace_header")
    execute = seam(lambda_svc, "_execute_function_warm", "func", "event", "request_id")

    def run(func: Any, config: Any, event: Any, request_id: str, started: float) -> Any:
        _thread.seen = _Seen(began=time.time())
        return dispatch(func, config, event, request_id, started)

    def remember_trace(config: dict[str, Any], inbound_trace_header: str | None = None) -> str | None:
        _thread.seen.trace = trace_of(config, inbound_trace_header)
        return _thread.seen.trace

    def remember_result(func: Any, event: Any, request_id: str) -> Any:
        result = execute(func, event, request_id)
        _thread.result = result
        return result

    def write_lines(func: Any, request_id: str, log_text: str, error: bool, duration_ms: int, **more: Any) -> None:
        config = func.get("config") or func
        logging = config.get("LoggingConfig") or {}
        group = logging.get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        if logging.get("LogFormat") != "JSON":
            write(func, request_id, log_text, error, duration_ms, **more)
            texts = (log_text or "").splitlines()
            _limit.add(group, len(texts) + TEXT_PLATFORM_LINES)
            observatory.log_lines(group, texts)
            return
        body = (getattr(_thread, "result", None) or {}).get("body") if error else None
        lines = _lines(config, request_id, log_text, body if isinstance(body, dict) else None)
        stream = (
            f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{config.get('Version', '$LATEST')}]{os.urandom(16).hex()}"
        )
        stamped = [LogLine(at=observatory.clock.when_here_was(line.at), text=line.text) for line in lines]
        append(observatory, group, stream, stamped, is_made=True)

    lambda_svc._emit_lambda_logs = write_lines
    lambda_svc._execute_function_dispatch = run
    lambda_svc._execute_function_warm = remember_result
    lambda_svc._xray_trace_id_for_invocation = remember_trace


def _lines(config: dict[str, Any], request_id: str, text: str, error: dict[str, Any] | None) -> list[LogLine]:
    """Everything that is logged about an invocation, oldest first."""
    seen, now, logging = _thread.seen, time.time(), config["LoggingConfig"]
    texts = text.split("\n") if text else []
    arrivals = seen.arrivals if len(seen.arrivals) == len(texts) else [now] * len(texts)
    lines = function_lines(texts, arrivals, Level.of(logging.get("ApplicationLogLevel")))
    status, error_type = "success", None
    if error:
        message = str(error.get("errorMessage", ""))
        status, error_type = "error", str(error.get("errorType", "Error"))
        if message.startswith(_TIMEOUT):
            status, error_type = "timeout", None
        elif message == _DIED:
            error_type = "Runtime.ExitError"
        elif seen.traceback:
            error_type, line = crash_line(request_id, now, message, seen.traceback)
            lines.append(line)
        elif not lines:
            lines.append(error_line(request_id, now, message, error_type, []))
    init = seen.initialization
    started = seen.began if init is None else init.started + init.seconds
    invocation = Invocation(
        request_id=request_id,
        function=config["FunctionName"],
        function_arn=config["FunctionArn"],
        version=config.get("Version", "$LATEST"),
        runtime=config.get("Runtime", ""),
        started=started,
        seconds=max(0.0, now - started),
        status=status,
        error_type=error_type,
        memory_mb=config.get("MemorySize", 128),
        peak_mb=seen.peak_mb or lambda_svc._probe_peak_memory_mb({"config": config}),
        trace=seen.trace,
        initialization=init,
    )
    platform = platform_lines(invocation, Level.of(logging.get("SystemLogLevel")))
    before, after = platform[:-1], platform[-1:]
    if status != "success":  # runtimeDone and report
        before, after = platform[:-2], platform[-2:]
    # A sort keeps the order of lines of the same time: Lambda's first, its last ones last.
    return sorted([*before, *lines, *after], key=lambda line: line.at)


def _observe_workers() -> None:
    """Learn from the process of a function when it started, what it logged when, and how much memory it needed."""
    worker = lambda_runtime.Worker
    spawn = seam(worker, "_spawn", "self")
    extra = ("trace_id", "depth", "durable", "invoked_function_arn")
    invoke = seam(worker, "invoke", "self", "event", "request_id", *extra)
    seam(lambda_svc, "_probe_peak_memory_mb", "func")

    def spawn_seen(self: Any) -> None:
        began, error = time.time(), None
        try:
            spawn(self)
        except Exception as failure:
            error = type(failure).__name__
            raise
        finally:
            seconds = time.time() - began
            _thread.seen.initialization = Initialization(started=began, seconds=seconds, error_type=error)

    def invoke_seen(self: Any, event: Any, request_id: str, **more: Any) -> Any:
        seen = _thread.seen
        seen.peak_mb = _peak_mb(self._proc)  # it may not live until the end
        response = invoke(self, event, request_id, **more)
        seen.peak_mb = _peak_mb(self._proc) or seen.peak_mb
        seen.arrivals = list(getattr(getattr(self, "_logs", None), "arrivals", ()))
        if response.get("status") == "error" and (self.config.get("LoggingConfig") or {}).get("LogFormat") == "JSON":
            # Lambda's runtime logs an exception as JSON, and its platform reports an end without one.
            seen.traceback, response["trace"] = response.get("trace") or "", ""
        return response

    worker._spawn, worker.invoke = spawn_seen, invoke_seen


def _peak_mb(process: Any) -> int:
    """The most memory that a process has had; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
        return -(-int(status.partition("VmHWM:")[2].split()[0]) // 1024)
    except (AttributeError, IndexError, OSError, ValueError):
        return 0


def append(
    observatory: Observatory, group: str, stream: str, lines: Iterable[LogLine], *, is_made: bool = False
) -> None:
    """Write lines to a stream of a log group; without `is_made`, only if there is a group of that name."""
    found = cloudwatch_logs._log_groups.get(group)
    now = round(observatory.clock.now() * 1000)
    if found is None:
        if not is_made:
            return
        found = cloudwatch_logs._log_groups[group] = {
            "arn": cloudwatch_logs._make_group_arn(group),
            "creationTime": now,
            "retentionInDays": None,
            **{name: {} for name in ("tags", "subscriptionFilters", "streams")},
        }
    into = found["streams"].setdefault(
        stream,
        {"events": [], "uploadSequenceToken": "1", "creationTime": now}
        | dict.fromkeys(("firstEventTimestamp", "lastEventTimestamp", "lastIngestionTime")),
    )
    events = [{"timestamp": round(line.at * 1000), "message": line.text, "ingestionTime": now} for line in lines]
    cloudwatch_logs._append_log_events(into, events)
    cloudwatch_logs._fanout_to_subscription_filters(group, stream, events)
    cloudwatch_logs._fanout_to_live_tail_sessions(group, stream, events)
    _limit.add(group, len(events))
    observatory.log_lines(group, [event["message"] for event in events])
