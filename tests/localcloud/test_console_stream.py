"""The console's stream: every change is told, to several consoles, and a client that never reads holds up nobody."""

import asyncio
import json
from typing import Any

import pytest

from localcloud.cloudwatch.states import State
from localcloud.console import stream
from localcloud.console.console import Console
from localcloud.observatory.facts import CodeNotice
from localcloud.observatory.observatory import Observatory
from tests.fakes.consoles import HOST, NAME, observed
from tests.fakes.waiting import HANG_SECONDS


@pytest.fixture
def observatory() -> Observatory:
    return observed()


@pytest.fixture
def console(observatory: Observatory) -> Console:
    return Console(observatory)


class Client:
    """A client of the stream, which takes what is sent only while it reads."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.reads, self.gone = asyncio.Event(), asyncio.Event()
        self.reads.set()
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.held = 0
        self.task = asyncio.create_task(console.serve(self._scope(), self._receive, self._send))

    def _scope(self) -> dict[str, Any]:
        headers = [(b"host", HOST.encode())]
        return {"type": "http", "method": "GET", "path": "/_console/events", "query_string": b"", "headers": headers}

    async def _receive(self) -> dict[str, Any]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.held += 1
        await self.reads.wait()
        self.held -= 1
        await self.sent.put(message)

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(HANG_SECONDS):
            return await self.sent.get()

    async def leave(self) -> None:
        self.gone.set()
        await self.task


def version_in(message: dict[str, Any]) -> int:
    return json.loads(message["body"].decode().partition("data: ")[2])["version"]


def test_stream_tells_of_changes_to_two_consoles_while_a_third_never_reads(console: Console, observatory: Observatory):
    async def run() -> None:
        clients = [Client(console) for _ in range(3)]
        for client in clients:
            assert (await client.next())["status"] == 200
            await client.next()
        deaf = clients[2]
        deaf.reads.clear()
        for minute in range(20):
            observatory.advance(60)
            for client in clients[:2]:
                assert version_in(await client.next()) == observatory.feed.version, minute
        assert (deaf.held, deaf.sent.qsize()) == (1, 0)
        deaf.reads.set()
        await deaf.next()
        assert version_in(await deaf.next()) == observatory.feed.version
        for client in clients:
            await client.leave()

    asyncio.run(run())


def test_client_that_never_reads_is_disconnected(
    console: Console, observatory: Observatory, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(stream, "TAKEN_SECONDS", 0.01)

    async def run() -> None:
        client = Client(console)
        await client.next()
        await client.next()
        client.reads.clear()
        observatory.advance(60)
        async with asyncio.timeout(HANG_SECONDS):
            await client.task

    asyncio.run(run())


def test_streams_are_limited_and_free_again_when_a_client_leaves(console: Console, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stream, "STREAMS_MAX", 2)

    async def run() -> None:
        first, second = Client(console), Client(console)
        for client in (first, second):
            await client.next()
        rejected = Client(console)
        assert (await rejected.next())["status"] == 503
        await first.leave()
        later = Client(console)
        assert (await later.next())["status"] == 200
        for client in (second, later):
            await client.leave()

    asyncio.run(run())


def test_something_is_sent_also_when_nothing_happens(console: Console, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stream, "ALIVE_SECONDS", 0.01)

    async def run() -> None:
        client = Client(console)
        await client.next()
        assert [version_in(await client.next()) for _ in range(3)]
        await client.leave()

    asyncio.run(run())


@pytest.mark.parametrize("change", ["state", "mute", "page", "minute", "code"])
def test_every_kind_of_change_is_told(observatory: Observatory, change: str):
    before = observatory.feed.version
    {
        "state": lambda: observatory.alarms.set_state(NAME, State.ALARM, "a test", ""),
        "code": lambda: observatory.code_changed(CodeNotice(at=0, ok=True, sentence="loaded", details=())),
        "mute": lambda: observatory.alarm_api.operations["DisableAlarmActions"]({"AlarmNames": [NAME]}),
        "page": lambda: observatory.pager.receive("topic", "https", "subject", "message", "https://a.example"),
        "minute": lambda: observatory.advance(60),
    }[change]()
    assert observatory.feed.version > before
