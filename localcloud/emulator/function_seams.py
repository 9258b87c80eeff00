"""Where ministack shows what happens in functions and event source mappings.

Each wrapped function is checked against its signature when the emulator starts. A wrapper observes and changes nothing.
"""

import json
import threading
import time
from collections import Counter
from contextvars import ContextVar
from functools import wraps
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from localcloud.emulator.seams import seam
from localcloud.observatory.facts import Invoked
from localcloud.observatory.observatory import Observatory

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


def observe_functions(observatory: Observatory) -> None:
    """Let the observatory see every invocation and every line that it logs."""
    clock, meter = observatory.clock, observatory.meter
    resolve = seam(lambda_svc, "_effective_func_record_for_qualifier", "func", "qualifier")
    acquire = seam(lambda_svc, "_acquire_execution_slot", "func", "config")
    dispatch = seam(lambda_svc, "_execute_function_dispatch", "func", "config", "event", "request_id", "started")
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

    lambda_svc._invoke = invoke_seen
    lambda_svc._effective_func_record_for_qualifier = resolve_with_alias
    lambda_svc._acquire_execution_slot = acquire_slot
    lambda_svc._execute_function_dispatch = run
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

    # pyrefly: ignore[bad-assignment] - the rest of the arguments is passed on as it comes
    lambda_svc._run_sqs_batch, lambda_svc._create_esm, lambda_svc._update_esm = run, create_mapping, update_mapping
