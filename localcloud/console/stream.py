"""Server-Sent Events: tells a page that something is new, which the page then reads.

A client that does not read holds up nobody: it has at most one event of a few bytes waiting, whatever happens
meanwhile, and is disconnected when it has not taken that for a while. The number of clients is limited.
"""

import asyncio
import json
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from localcloud.console.http import HEADERS, HttpError, encoded
from localcloud.console.times import write_time
from localcloud.observatory.observatory import Observatory

STREAMS_MAX = 24
ALIVE_SECONDS = 15
"""How often something is sent when nothing happens, so that a page notices a dead connection."""
TAKEN_SECONDS = 30
GATHERED_SECONDS = 0.1
"""Changes within this time are one event: at the end of a minute, dozens of alarms may change."""
TRACES_SECONDS = 2.0
"""The same if nothing but traces changed, of which a busy cloud has hundreds in a second."""


class Streams:
    """The open streams of an observatory. Its methods belong to the event loop."""

    def __init__(self, observatory: Observatory) -> None:
        self._observatory = observatory
        self.open = 0

    async def serve(self, receive: Any, send: Any) -> None:
        """Send events until the client is gone; HttpError if there are too many streams."""
        if self.open >= STREAMS_MAX:
            raise HttpError(HTTPStatus.SERVICE_UNAVAILABLE, "Too many consoles are open. Close some of them.")
        self.open += 1
        try:
            sending = asyncio.create_task(self._send_changes(send))
            gone = asyncio.create_task(_disconnected(receive))
            try:
                await asyncio.wait({sending, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, gone):
                    task.cancel()
                await asyncio.gather(sending, gone, return_exceptions=True)
        finally:
            self.open -= 1

    async def _send_changes(self, send: Any) -> None:
        loop, changed = asyncio.get_running_loop(), asyncio.Event()
        headers = HEADERS | {"Content-Type": "text/event-stream"}
        feed, traces = self._observatory.feed, self._observatory.traces.feed

        def wake() -> None:
            if not changed.is_set():  # a loop with a thousand calls would serve nothing else
                loop.call_soon_threadsafe(changed.set)

        with feed.subscribed(wake), traces.subscribed(wake):
            await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": encoded(headers)})
            while True:
                changed.clear()
                before = feed.version, feed.lines
                await asyncio.wait_for(_send_part(send, self._event()), TAKEN_SECONDS)
                with suppress(TimeoutError):
                    await asyncio.wait_for(changed.wait(), ALIVE_SECONDS)
                    await asyncio.sleep(GATHERED_SECONDS if (feed.version, feed.lines) != before else TRACES_SECONDS)

    def _event(self) -> bytes:
        now = write_time(self._observatory.clock.now())
        found = self._observatory
        versions = {"version": found.feed.version, "traces": found.traces.feed.version, "logs": found.feed.lines}
        return f"data: {json.dumps({'cloud': found.id, 'now': now} | versions)}\n\n".encode()


async def _send_part(send: Any, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
