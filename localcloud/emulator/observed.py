"""The emulator's app with an observatory that sees its traffic and serves what it observes."""

import asyncio
import threading
from typing import Any

from localcloud.emulator import function_seams, http_seams, queue_seams
from localcloud.emulator.seams import App, make_app
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
    http_seams.observe_topics,
    http_seams.serve_cloudwatch,
)


def make_observed_app(observatory: Observatory, *, without: str = "") -> App:
    """Return the app, observed; raises SeamChangedError. `without` names an observer that a test unplugs, or all."""
    for observe in OBSERVERS:
        if without not in (observe.__name__, "all"):
            observe(observatory)
    serve = make_app()
    if not isinstance(observatory.clock, SteppedClock):
        threading.Thread(target=observatory.run, args=(threading.Event(),), name="observatory", daemon=True).start()
        return serve

    async def serve_stepped(scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve, and let time pass when it is asked for: `POST /_observatory/advance?seconds=60`."""
        if scope["type"] != "http" or scope["path"] != ADVANCE or scope["method"] != "POST":
            await serve(scope, receive, send)
            return
        await asyncio.to_thread(observatory.advance, float(scope["query_string"].partition(b"=")[2]))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return serve_stepped


def observatory_for(arguments: list[str]) -> tuple[Observatory, str]:
    """The observatory that the emulator's arguments ask for, and the observer to leave out."""
    stepped = [argument for argument in arguments if argument.startswith("--stepped=")]
    clock = SteppedClock(float(stepped[0].partition("=")[2])) if stepped else RealClock()
    unplugged = [argument.partition("=")[2] for argument in arguments if argument.startswith("--unplugged=")]
    return Observatory(clock), unplugged[0] if unplugged else ""
