"""The console at `/_console`: one page without a build step, the data it shows, and the stream that keeps it live."""

import asyncio
import html
import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

from localcloud.console.data import DataPages
from localcloud.console.follow import Follow
from localcloud.console.http import (
    HTML,
    Answer,
    Change,
    HttpError,
    answer_json,
    parameters,
    posted,
    require_local,
    required,
)
from localcloud.console.logs import LogViews
from localcloud.console.runbook import Runbook
from localcloud.console.stream import Streams
from localcloud.console.times import read_end, read_range, read_time
from localcloud.console.traces import TraceViews
from localcloud.console.views import Views
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.paths import CONSOLE

STATIC = Path(__file__).parent / "static"
RUNBOOK = Path(__file__).parents[2] / "docs" / "runbook.md"
CSS, SCRIPT = "text/css; charset=utf-8", "text/javascript; charset=utf-8"
SCRIPTS = (
    *("console.js", "address.js", "routes.js", "connection.js", "views.js", "forms.js"),
    *("picture.js", "follow.js", "logs.js", "traces.js"),
    *("queues.js", "dead_letters.js", "send.js", "table.js", "api.js"),
)
CHANGES_AT_ONCE = 4
FOREVER = {"Cache-Control": "max-age=31536000, immutable"}
_log = logging.getLogger(__name__)


class Console:
    """Serves the console of an observatory."""

    def __init__(self, observatory: Observatory) -> None:
        self._clock = observatory.clock
        self._token = secrets.token_urlsafe(24)
        self._views = Views(observatory, Runbook.read(RUNBOOK))
        self._streams = Streams(observatory)
        self._data = DataPages(observatory)
        self._answers: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "": self._page,
            "/style.css": lambda scope: _file("style.css", CSS),
            "/board.css": self._board_style,
            "/picture.css": lambda scope: _file("picture.css", CSS),
            "/plotly.js": self._plotly,
            "/state": self._state,
            "/board": self._board,
            "/alarm": self._alarm,
            "/changes": self._changes,
            "/picture": self._picture,
            "/part": self._part,
            "/runbook": self._runbook,
            **{f"/{name}": partial(_script, name) for name in SCRIPTS},
            **self._data.answers,
            **Follow(observatory).answers,
            **LogViews(observatory).answers,
            **TraceViews(observatory).answers,
        }
        self._posts = {"/mute": Change(self._mute)} | self._data.changes
        # Threads of their own: what they wait for is served by the others.
        self._changing = ThreadPoolExecutor(CHANGES_AT_ONCE, "console")

    async def serve(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve a request whose path begins with that of the console."""
        try:
            require_local(scope)
            path = scope["path"].removeprefix(CONSOLE)
            if path == "/events" and scope["method"] == "GET":
                parameters(scope)
                await self._streams.serve(receive, send)
                return
            answer = await self._answer(path, scope, receive)
        except HttpError as error:
            answer = answer_json({"error": error.sentence}, error.status)
        except Exception:  # noqa: BLE001 - the emulator would answer with its own words, and headers of its own
            _log.exception("The console could not answer")
            answer = answer_json({"error": "The console failed; the emulator's log has the reason."}, HTTPStatus(500))
        await answer.send(send)

    async def _answer(self, path: str, scope: dict[str, Any], receive: Any) -> Answer:
        if change := self._posts.get(path):
            _require_method(scope, "POST")
            wanted = await posted(scope, receive, self._token, bytes_max=change.bytes_max)
            return await asyncio.get_running_loop().run_in_executor(self._changing, change.make, wanted)
        answers = self._answers.get(path.rstrip("/") if path == "/" else path)
        if answers is None:
            raise HttpError(HTTPStatus.NOT_FOUND, "Not found.")
        _require_method(scope, "GET")
        # In a thread: drawing a board takes some 50 ms, in which the emulator serves others.
        return await asyncio.to_thread(answers, scope)

    # What draws is imported at the first look: it would add half to the time in which an emulator starts.

    def _board_style(self, scope: dict[str, Any]) -> Answer:
        from localcloud.boards.page import STYLE

        parameters(scope)
        return Answer(body=f".grid {{ {STYLE} }}".encode(), kind=CSS)

    def _page(self, scope: dict[str, Any]) -> Answer:
        from plotly.offline import get_plotlyjs_version

        parameters(scope)
        page = (STATIC / "index.html").read_text(encoding="utf-8")
        page = page.replace("{token}", html.escape(self._token)).replace("{plotly}", get_plotlyjs_version())
        return Answer(body=page.encode(), kind=HTML)

    def _plotly(self, scope: dict[str, Any]) -> Answer:
        """The page names its version, so that a browser loads it once."""
        from plotly.offline import get_plotlyjs

        parameters(scope, "v")
        return Answer(body=get_plotlyjs().encode(), kind=SCRIPT, headers=FOREVER)

    def _state(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "end")
        return answer_json(self._views.state(read_end(given.get("end"), self._clock.now())))

    def _board(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "name", "range", "end")
        shown = read_range(given.get("range"), given.get("end"), self._clock.now())
        return answer_json(self._views.board(required(given, "name"), shown))

    def _alarm(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "name", "end")
        return answer_json(self._views.alarm(required(given, "name"), read_end(given.get("end"), self._clock.now())))

    def _changes(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "since", "end")
        since = read_time(required(given, "since"))
        return answer_json(self._views.changes(since, read_end(given.get("end"), self._clock.now())))

    def _picture(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "end")
        return answer_json(self._views.picture(read_end(given.get("end"), self._clock.now())))

    def _part(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "name", "end")
        return answer_json(self._views.part(required(given, "name"), read_end(given.get("end"), self._clock.now())))

    def _runbook(self, scope: dict[str, Any]) -> Answer:
        parameters(scope)
        return answer_json(self._views.runbook())

    def _mute(self, wanted: dict[str, Any]) -> Answer:
        name, muted = wanted.get("name"), wanted.get("muted")
        if not isinstance(name, str) or not isinstance(muted, bool) or len(wanted) != 2:
            raise HttpError(HTTPStatus.BAD_REQUEST, "Send a name and whether it is muted.")
        self._views.mute(name, muted=muted)
        return answer_json({})


def _require_method(scope: dict[str, Any], method: str) -> None:
    if scope["method"] != method:
        raise HttpError(HTTPStatus.METHOD_NOT_ALLOWED, f"Use {method}.")


def _script(name: str, _: dict[str, Any]) -> Answer:
    return _file(name, SCRIPT)


def _file(name: str, kind: str) -> Answer:
    return Answer(body=(STATIC / name).read_bytes(), kind=kind)
