"""Where ministack shows what happens in functions and event source mappings.

Each wrapped function is checked against its signature when the emulator starts. A wrapper observes and changes nothing,
except that a function that crashes at its start logs the line that Lambda writes, and log groups keep only their newest
lines.
"""

import json
import threading
import time
from collections import Counter
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import wraps
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

from localcloud.emulator.log_limit import LogLimit
from localcloud.emulator.seams import seam
from localcloud.observatory.facts import Invoked
from localcloud.observatory.observatory import Observatory

PLATFORM_LINES = 3
"""START, END and REPORT, which ministack writes around the lines of an invocation."""
_running: Counter[str] = Counter()
_running_lock = threading.Lock()
_asked: ContextVar[tuple[str, str | None]] = ContextVar("asked", default=("", None))
"""The function that Invoke was called for, and the qualifier, before an alias became a version."""
_thread = threading.local()
"""What the current thread learned about its invocation: whether it failed, and the seconds its worker took to start."""


def how_invoked(config: dict[str, Any]) -> Invoked:
    """The function, what the caller named, and the version that runs: the only reader of the executed version."""
    *_, function = config["FunctionArn"].split(":function:")
    name, _, qualifier = function.partition(":")
    asked_name, asked = _asked.get()
    if asked and asked_name == name:
        qualifier = asked
    return Invoked(function=name, qualifier=qualifier or None, version=config.get("Version", "$LATEST"))


def log_crashes() -> None:
    """Give a function that failed without a line the one that Lambda's runtime writes with `log_format: JSON`.

    https://github.com/aws/aws-lambda-python-runtime-interface-client/blob/main/awslambdaric/bootstrap.py (log_error)
    """
    execute = seam(lambda_svc, "_execute_function_warm", "func", "event", "request_id")

    def execute_logged(func: Any, event: Any, request_id: str) -> Any:
        result = execute(func, event, request_id)
        body = result.get("body")
        silent = result.get("error") and not result.get("throttle") and not result.get("log")
        if silent and isinstance(body, dict) and "errorType" in body:
            now = datetime.now(UTC).isoformat(timespec="milliseconds")
            line = {"timestamp": now, "log_level": "ERROR", "requestId": request_id, "stackTrace": [], **body}
            result["log"] = json.dumps(line)
        return result

    lambda_svc._execute_function_warm = execute_logged


def observe_functions(observatory: Observatory) -> None:
    """Let the observatory see every invocation and every line that it logs."""
    log_crashes()
    clock, meter = observatory.clock, observatory.meter
    limit = LogLimit(cloudwatch_logs._log_groups, cloudwatch_logs._log_events_lock)
    resolve = seam(lambda_svc, "_effective_func_record_for_qualifier", "func", "qualifier")
    acquire = seam(lambda_svc, "_acquire_execution_slot", "func", "config")
    dispatch = seam(lambda_svc, "_execute_function_dispatch", "func", "config", "event", "request_id", "started")
    log = seam(lambda_svc, "_emit_lambda_logs", "func", "request_id", "log_text", "error", "duration_ms", "log_source")
    spawn = seam(lambda_runtime.Worker, "_spawn", "self")
    invoke = seam(lambda_svc, "_invoke", "name", "event", "headers", "path_qualifier", "query_params")

    @wraps(invoke)
    async def invoke_seen(
        name: str, event: Any, headers: Any, path_qualifier: Any = None, query_params: Any = None
    ) -> Any:
        in_query = (query_params or {}).get("Qualifier")
        in_query = in_query[0] if isinstance(in_query, list) else in_query
        before = _asked.set((name, in_query or path_qualifier))
        try:
            return await invoke(name, event, headers, path_qualifier, query_params)
        finally:
            _asked.reset(before)

    def resolve_with_alias(func: Any, qualifier: str | None) -> Any:
        record, config = resolve(func, qualifier)
        if config is not None and qualifier in (func.get("aliases") or ()):
            # As on AWS, the function learns by which alias it was invoked, and so does the meter.
            base = config["FunctionArn"].partition(":function:")
            config = {**config, "FunctionArn": f"{base[0]}:function:{config['FunctionName']}:{qualifier}"}
            record = {**record, "config": config}
        return record, config

    def acquire_slot(func: Any, config: Any) -> Any:
        slot, limit = acquire(func, config)
        if slot is None:
            _thread.failed = False
            meter.throttle(how_invoked(config))
        return slot, limit

    def run(func: Any, config: Any, event: Any, request_id: str, started: float) -> Any:
        invoked, at = how_invoked(config), clock.now()
        with _running_lock:
            _running[invoked.function] += 1
            concurrency = _running[invoked.function]
        began, _thread.spawning = time.perf_counter(), 0.0
        try:
            result = dispatch(func, config, event, request_id, started)
        finally:
            with _running_lock:
                _running[invoked.function] -= 1
        throttled = isinstance(result, dict) and bool(result.get("throttle"))
        is_error = isinstance(result, dict) and bool(result.get("error")) and not throttled
        _thread.failed = is_error
        if throttled:
            meter.throttle(invoked)
        else:
            # As on AWS, the duration is without the start of the execution environment.
            seconds = max(0.0, time.perf_counter() - began - _thread.spawning)
            meter.invocation(invoked, at, seconds, is_error=is_error, concurrency=concurrency)
        return result

    def spawn_timed(self: Any) -> None:
        began = time.perf_counter()
        try:
            spawn(self)
        finally:
            _thread.spawning = getattr(_thread, "spawning", 0.0) + time.perf_counter() - began

    def emit_logs(func: Any, request_id: str, log_text: str, *rest: Any, **more: Any) -> None:
        log(func, request_id, log_text, *rest, **more)
        config = func.get("config") or func
        group = (config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
        lines = (log_text or "").splitlines()
        limit.add(group, len(lines) + PLATFORM_LINES)
        observatory.log_lines(group, lines)

    lambda_svc._invoke = invoke_seen
    lambda_svc._effective_func_record_for_qualifier = resolve_with_alias
    lambda_svc._acquire_execution_slot = acquire_slot
    lambda_svc._execute_function_dispatch = run
    lambda_svc._emit_lambda_logs = emit_logs
    lambda_runtime.Worker._spawn = spawn_timed


def observe_mappings(observatory: Observatory) -> None:
    """Let the observatory see the batches of mappings whose EventCount metrics are enabled."""
    run_batch = seam(lambda_svc, "_run_sqs_batch", "esm", "func_rec", "event", "batch", "queue_url", "queue_name")
    create, update = seam(lambda_svc, "_create_esm", "data"), seam(lambda_svc, "_update_esm", "esm_id", "data")

    @wraps(run_batch)
    def run(esm: Any, func_rec: Any, event: Any, *rest: Any) -> None:
        _thread.failed = False
        run_batch(esm, func_rec, event, *rest)
        if "EventCount" in (esm.get("MetricsConfig") or {}).get("Metrics", ()):
            observatory.meter.batch(esm["UUID"], len(event["Records"]), failed=_thread.failed)

    def remember(esm_id: str, data: dict[str, Any]) -> None:
        if "MetricsConfig" in data and (esm := lambda_svc._esms.get(esm_id)):
            esm["MetricsConfig"] = data["MetricsConfig"]

    def create_mapping(data: dict[str, Any]) -> Any:
        response = create(data)
        if response[0] < 300:
            remember(json.loads(response[2])["UUID"], data)
        return response

    def update_mapping(esm_id: str, data: dict[str, Any]) -> Any:
        remember(esm_id, data)
        return update(esm_id, data)

    lambda_svc._run_sqs_batch, lambda_svc._create_esm, lambda_svc._update_esm = run, create_mapping, update_mapping
