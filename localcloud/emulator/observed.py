"""The emulator's app with an observatory that sees its traffic and serves what it observes."""

import asyncio
import hmac
import json
import os
import threading
from http import HTTPStatus
from pathlib import Path
from typing import Any

from localcloud.console.console import Console
from localcloud.emulator import (
    authorization_seams,
    cloudwatch_seams,
    ending_seams,
    function_seams,
    http_seams,
    identity_seams,
    invocation_seams,
    journey_seams,
    layer_seams,
    log_api_seams,
    log_group_seams,
    log_seams,
    mapping_seams,
    model_seams,
    queue_seams,
    store_seams,
    time_seams,
    trace_seams,
    worker_seams,
)
from localcloud.emulator.connection import TOKEN_PATH
from localcloud.emulator.seams import App, make_app
from localcloud.observatory import pager
from localcloud.observatory.clock import CompressedClock, RealClock, SteppedClock
from localcloud.observatory.facts import CodeNotice, DeployedStack
from localcloud.observatory.faults import Faults
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.paths import ADVANCE, BOARD, CODE, CONSOLE, ENDED_MINUTE, FAULTS, KEY_HEADER, STACK

OBSERVERS = (
    time_seams.follow_clock,
    time_seams.refill_limits,
    time_seams.follow_schedules,
    # Before those that observe the same functions: a seam must look as ministack made it.
    journey_seams.follow_messages,
    trace_seams.trace_requests,
    invocation_seams.trace_invocations,
    trace_seams.trace_messages,
    trace_seams.serve_traces,
    queue_seams.observe_queues,
    log_seams.write_logs,
    ending_seams.log_what_ends,
    function_seams.observe_functions,
    function_seams.observe_mappings,
    http_seams.observe_tables,
    http_seams.observe_apis,
    store_seams.observe_contents,
    log_api_seams.observe_metric_filters,
    log_api_seams.serve_queries,
    log_group_seams.keep_settings_of_log_groups,
    cloudwatch_seams.observe_boards,
    cloudwatch_seams.observe_resources,
    cloudwatch_seams.observe_topics,
    cloudwatch_seams.serve_cloudwatch,
)


def make_observed_app(observatory: Observatory, *, without: str = "") -> App:
    """Return the app, observed; raises SeamChangedError. `without` names an observer that a test unplugs, or all."""
    model_seams.read_models_once()
    layer_seams.unpack_archives_once()
    worker_seams.import_botocore_when_used()
    mapping_seams.take_batches_promptly()
    identity_seams.let_clients_hold_two_secrets()
    authorization_seams.authorize_as_aws()
    _observe(observatory, without)
    serve, console = make_app(), Console(observatory)
    is_stepped = isinstance(observatory.clock, SteppedClock)
    has_own_clock = not isinstance(observatory.clock, RealClock)
    if not is_stepped and not observatory.is_paused:
        threading.Thread(target=observatory.run, args=(threading.Event(),), name="observatory", daemon=True).start()

    async def serve_observed(scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve pager and console too.

        With a clock of its own, the cloud also says which minute ended last, draws boards, and, if the clock is
        stepped, lets time pass: `POST /_observatory/advance?seconds=60`.
        """
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith(pager.PATH) and scope["method"] == "GET":
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            status, kind, body = observatory.pager.answer(path, host)
            await _send(send, status, body, {**pager.HEADERS, "Content-Type": kind})
        elif path == CONSOLE or path.startswith(f"{CONSOLE}/"):
            await console.serve(scope, receive, send)
        elif path == TOKEN_PATH and observatory.faults.token_endpoint_fails:
            await _send(send, HTTPStatus.SERVICE_UNAVAILABLE, b"", {})
        elif path in TOLD and scope["method"] == "POST":
            await _send(send, await _be_told(observatory, scope, receive), b"", {})
        elif is_stepped and path == ADVANCE and scope["method"] == "POST":
            await asyncio.to_thread(observatory.advance, float(scope["query_string"].partition(b"=")[2]))
            await _send(send, 204, b"", {})
        elif has_own_clock and path == ENDED_MINUTE:
            await _send(send, 200, str(observatory.ended_minute).encode(), {})
        elif has_own_clock and path == BOARD and scope["method"] == "POST":
            from localcloud.observatory import boards  # here, because Plotly is slow to import, and only drills draw

            page = await asyncio.to_thread(boards.answer, observatory, await _body(receive))
            await _send(send, 200, page, {"Content-Type": "application/json"})
        else:
            await serve(scope, receive, send)

    return serve_observed


def _observe(observatory: Observatory, without: str) -> None:
    for observe in OBSERVERS:
        if without not in (observe.__name__, "all"):
            observe(observatory)


async def _be_told(observatory: Observatory, scope: dict[str, Any], receive: Any) -> int:
    """Take what the process that started the emulator says; return the status of the answer."""
    given = dict(scope["headers"]).get(KEY_HEADER.encode(), b"")
    if not hmac.compare_digest(given, os.environ["AWS_SECRET_ACCESS_KEY"].encode()):
        return HTTPStatus.FORBIDDEN
    try:
        TOLD[scope["path"]](observatory, json.loads(await _body(receive)))
    except (AttributeError, LookupError, TypeError, ValueError):
        return HTTPStatus.BAD_REQUEST
    return HTTPStatus.NO_CONTENT


def _take_notice(observatory: Observatory, told: dict[str, Any]) -> None:
    details = tuple(told["details"])
    observatory.code_changed(
        CodeNotice(at=observatory.clock.now(), ok=told["ok"], sentence=told["sentence"], details=details)
    )


def _take_stack(observatory: Observatory, told: dict[str, Any]) -> None:
    observatory.stack = DeployedStack(project=Path(told["project"]), outputs=told["outputs"])
    observatory.feed.publish()


def _take_faults(observatory: Observatory, told: dict[str, Any]) -> None:
    """From now on, this goes wrong and nothing else."""
    observatory.faults = Faults.of(told)


TOLD = {CODE: _take_notice, STACK: _take_stack, FAULTS: _take_faults}


async def _body(receive: Any) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    return body


async def _send(send: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def observatory_for(arguments: list[str]) -> tuple[Observatory, str]:
    """The observatory that the emulator's arguments ask for, and the observer to leave out.

    `--stepped=TIME` starts a clock that stands still until it is advanced, and `--minute=SECONDS` one whose minutes
    last that long. `--paused` ends no minute: alarms keep their states, for tests that break things in many ways.
    `--unplugged=OBSERVER` is for the controls of tests.
    """
    values = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    if "--stepped" in values:
        clock = SteppedClock(float(values["--stepped"]))
    elif "--minute" in values:
        clock = CompressedClock(60 / float(values["--minute"]))
    else:
        clock = RealClock()
    return Observatory(clock, is_paused="--paused" in arguments), values.get("--unplugged", "")
