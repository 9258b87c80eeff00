"""Where functions get the trace of their caller, and Lambda sends its segments.

Each wrapped function is checked against its signature when the emulator starts. As on AWS, and other than in ministack,
not every invocation is sampled.
"""

import threading
import time
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from localcloud.emulator.seams import seam
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.traces.headers import TraceHeader, new_trace_id
from localcloud.observatory.traces.segments import Invocation

HEADER = "x-amzn-trace-id"
_thread = threading.local()
"""The invocation that the current thread runs."""


@dataclass(frozen=True)
class Caller:
    """What reaches a function: the trace that it belongs to, or those of the messages in a batch."""

    header: TraceHeader | None = None
    links: tuple[TraceHeader, ...] = ()


CALLER: ContextVar[Caller | None] = ContextVar("caller", default=None)


def trace_invocations(observatory: Observatory) -> None:
    """Let functions whose tracing is active belong to the trace of their caller, and send Lambda's segments."""
    _note_callers()
    acquire = seam(lambda_svc, "_acquire_execution_slot", "func", "config")
    dispatch = seam(lambda_svc, "_execute_function_dispatch", "func", "config", "event", "request_id", "started")
    seam(lambda_svc, "_xray_trace_id_for_invocation", "config", "inbound_trace_header")
    spawn = seam(lambda_runtime.Worker, "_spawn", "self")

    @wraps(acquire)
    def acquire_slot(func: Any, config: Any) -> Any:
        found = acquire(func, config)
        if found[0] is None and (invocation := _invocation(observatory, config, "")):
            _put(observatory, invocation, invocation.start, {"throttle": True})
        return found

    @wraps(dispatch)
    def run(func: Any, config: Any, event: Any, request_id: str, started: float) -> Any:
        _thread.invocation = invocation = _invocation(observatory, config, request_id)
        began, result = time.perf_counter(), None
        try:
            result = dispatch(func, config, event, request_id, started)
        finally:
            _thread.invocation = None
            if invocation:
                _put(observatory, invocation, invocation.start + time.perf_counter() - began, result)
        return result

    def trace_id_for_invocation(config: Any, inbound_trace_header: str | None = None) -> str | None:
        invocation: Invocation | None = getattr(_thread, "invocation", None)
        if invocation:
            return str(invocation.passed_on)
        header = (CALLER.get() or Caller()).header  # with PassThrough, Lambda passes on what it got
        return str(header) if header else None

    @wraps(spawn)
    def spawn_noted(self: Any) -> None:
        start, began = time.time(), time.perf_counter()
        spawn(self)
        if invocation := getattr(_thread, "invocation", None):
            invocation.started = (start, start + time.perf_counter() - began)

    lambda_svc._acquire_execution_slot, lambda_svc._execute_function_dispatch = acquire_slot, run
    lambda_svc._xray_trace_id_for_invocation = trace_id_for_invocation
    lambda_runtime.Worker._spawn = spawn_noted


def _note_callers() -> None:
    """Know the trace of a direct invocation, and those of the messages in a batch."""
    invoke = seam(lambda_svc, "_invoke", "name", "event", "headers", "path_qualifier", "query_params")
    run_batch = seam(lambda_svc, "_run_sqs_batch", "esm", "func_rec", "event", "batch", "queue_url", "queue_name")

    @wraps(invoke)
    async def invoke_traced(name: str, event: Any, headers: Any, *rest: Any, **more: Any) -> Any:
        token = CALLER.set(Caller(TraceHeader.parse(headers.get(HEADER))))
        try:
            return await invoke(name, event, headers, *rest, **more)
        finally:
            CALLER.reset(token)

    @wraps(run_batch)
    def run_traced_batch(esm: Any, func_rec: Any, event: Any, *rest: Any) -> None:
        found = (TraceHeader.parse(record["attributes"].get("AWSTraceHeader")) for record in event["Records"])
        # A message without a parent was sent by nobody who traces.
        links = tuple({header.root: header for header in found if header}.values())
        token = CALLER.set(Caller(links=links))
        try:
            run_batch(esm, func_rec, event, *rest)
        finally:
            CALLER.reset(token)

    lambda_svc._invoke, lambda_svc._run_sqs_batch = invoke_traced, run_traced_batch  # pyrefly: ignore[bad-assignment]


def _invocation(observatory: Observatory, config: Any, request_id: str) -> Invocation | None:
    """The invocation, with the decision whether it is traced; None if the function's tracing is not active."""
    if (config.get("TracingConfig") or {}).get("Mode") != "Active":
        return None
    caller, name = CALLER.get() or Caller(), config["FunctionName"]
    header = caller.header or TraceHeader(root=new_trace_id(observatory.clock.now()))
    decisions = [link.sampled for link in caller.links if link.sampled is not None] or [header.sampled]
    # A batch is traced if one of its messages is; Lambda decides if nobody has.
    sampled = None if decisions == [None] else any(decisions)
    if sampled is None:
        sampled = observatory.sampling.samples_invocation(name)
    prefix = config["FunctionArn"].partition(":function:")[0]
    return Invocation(
        header=TraceHeader(root=header.root, parent=header.parent, sampled=sampled),
        links=tuple(link for link in caller.links if link.parent),
        arn=f"{prefix}:function:{name}",
        request_id=request_id,
        start=time.time(),
    )


def _put(observatory: Observatory, invocation: Invocation, end: float, result: Any) -> None:
    if not invocation.header.sampled:
        return
    found = result if isinstance(result, dict) else {"error": True}
    status = 429 if found.get("throttle") else 200
    body, error_type = found.get("body"), None
    if found.get("error") and status != 429:
        error_type = str(body.get("errorType") or "Unhandled") if isinstance(body, dict) else "Unhandled"
    for document in invocation.segments(end, status=status, error_type=error_type):
        observatory.traces.put(document)
