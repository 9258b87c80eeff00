"""The emulator's app with an observatory that sees its traffic and serves what it observes."""

import asyncio
import threading
from typing import Any

from localcloud.emulator import cloudwatch_seams, function_seams, http_seams, queue_seams
from localcloud.emulator.seams import App, make_app
from localcloud.observatory import pager
from localcloud.observatory.clock import RealClock, SteppedClock
from localcloud.observatory.observatory import Observatory

ADVANCE = "/_observatory/advance"
OBSERVERS = (
    queue_seams.observe_queues,
    function_seams.observe_functions,
    function_seams.observe_mappings,
    http_seams.observe_tables,
    http_seams.observe_apis,
    http_seams.observe_metric_filters,
    cloudwatch_seams.observe_resources,
    cloudwatch_seams.observe_topics,
    cloudwatch_seams.serve_cloudwatch,
)


def make_observed_app(observatory: Observatory, *, without: str = "") -> App:
    """Return the app, observed; raises SeamChangedError. `without` names an observer that a test unplugs, or all."""
    for observe in OBSERVERS:
        if without not in (observe.__name__, "all"):
            observe(observatory)
    serve = make_app()
    is_stepped = isinstance(observatory.clock, SteppedClock)
    if not is_stepped and not observatory.is_paused:
        threading.Thread(target=observatory.run, args=(threading.Event(),), name="observatory", daemon=True).start()

    async def serve_observed(scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve the pager too, and let time pass on a stepped clock: `POST /_observatory/advance?seconds=60`."""
        path = scope["path"] if scope["type"] == "http" else ""
        if path.startswith(pager.PATH) and scope["method"] == "GET":
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            status, kind, body = observatory.pager.answer(path, host)
            await _send(send, status, body, {**pager.HEADERS, "Content-Type": kind})
        elif is_stepped and path == ADVANCE and scope["method"] == "POST":
            await asyncio.to_thread(observatory.advance, float(scope["query_string"].partition(b"=")[2]))
            await _send(send, 204, b"", {})
        else:
            await serve(scope, receive, send)

    return serve_observed


async def _send(send: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
    encoded = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


def observatory_for(arguments: list[str]) -> tuple[Observatory, str]:
    """The observatory that the emulator's arguments ask for, and the observer to leave out.

    `--stepped=TIME` starts a clock that stands still until it is advanced. `--paused` ends no minute: alarms keep their
    states, for tests that break things in many ways. `--unplugged=OBSERVER` is for the controls of tests.
    """
    stepped = [argument for argument in arguments if argument.startswith("--stepped=")]
    clock = SteppedClock(float(stepped[0].partition("=")[2])) if stepped else RealClock()
    unplugged = [argument.partition("=")[2] for argument in arguments if argument.startswith("--unplugged=")]
    return Observatory(clock, is_paused="--paused" in arguments), unplugged[0] if unplugged else ""
