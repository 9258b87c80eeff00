"""The console's pages about queues, table and API: their paths, and what each accepts."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from localcloud.console import table
from localcloud.console.http import BODY_MAX_BYTES, Answer, Change, HttpError, answer_json, parameters, required
from localcloud.console.operator import Operator
from localcloud.console.queues import QueueViews
from localcloud.console.traffic import BODY_MAX_BYTES as EVENT_MAX_BYTES
from localcloud.console.traffic import Authorization, Traffic
from localcloud.observatory.observatory import Observatory

PERSONAL = ("/journey", "/queue", "/queue-message", "/items", "/try")
"""Paths whose answers contain personal data. Their pages say so; no other path may have any."""
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)
_WORD = re.compile(r"\w[\w.-]{0,99}", re.ASCII)
ACTIONS = ("redrive", "discard")
SELECTING = {"reason": "--reason", "id": "--message-id"}


class DataPages:
    """What is read and changed, by path."""

    def __init__(self, observatory: Observatory) -> None:
        self._observatory = observatory
        self._queues = QueueViews(observatory)
        self._traffic = Traffic(observatory)
        self.operator = Operator(observatory)
        self.answers: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "/queues": self._all_queues,
            "/queue": self._queue,
            "/queue-message": self._queue_message,
            "/items": self._items,
            "/clients": self._clients,
        }
        self.changes = {
            "/send": Change(self._send, max(BODY_MAX_BYTES, EVENT_MAX_BYTES)),
            "/try": Change(self._try),
            "/dead-letters": Change(self._change_dead_letters),
            "/stop": Change(self._stop),
        }

    def _all_queues(self, scope: dict[str, Any]) -> Answer:
        parameters(scope)
        return answer_json(self._queues.all() | {"run": self.operator.last()})

    def _queue(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "name", "place", "text", "start")
        start = given.get("start", "0")
        if not _NUMBER.fullmatch(start):
            raise HttpError(HTTPStatus.BAD_REQUEST, "Parameter start is a number.")
        found = self._queues.messages(
            required(given, "name"), place=given.get("place"), text=given.get("text"), start=int(start)
        )
        return answer_json(found | {"run": self.operator.last()})

    def _queue_message(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "name", "id")
        return answer_json(self._queues.message(required(given, "name"), required(given, "id")))

    def _items(self, scope: dict[str, Any]) -> Answer:
        given = parameters(scope, "name", "key", "after")
        found = table.items(self._observatory, given.get("name"), key=given.get("key"), after=given.get("after"))
        return answer_json(found)

    def _clients(self, scope: dict[str, Any]) -> Answer:
        parameters(scope)
        return answer_json(self._traffic.clients())

    def _send(self, wanted: dict[str, Any]) -> Answer:
        body = wanted.get("body")
        if not isinstance(body, str) or len(wanted) != 1:
            raise HttpError(HTTPStatus.BAD_REQUEST, "Send the body of an event, a text.")
        return answer_json(self._traffic.send(body))

    def _try(self, wanted: dict[str, Any]) -> Answer:
        user, client, authorization = (wanted.get(name) for name in ("user", "client", "authorization"))
        if not (isinstance(user, str) and isinstance(client, str) and len(wanted) == 3) or authorization not in list(
            Authorization
        ):
            choices = ", ".join(Authorization)
            raise HttpError(HTTPStatus.BAD_REQUEST, f"Send a user, a client and an authorization ({choices}).")
        return answer_json(self._traffic.try_api(user, client, Authorization(authorization)))

    def _change_dead_letters(self, wanted: dict[str, Any]) -> Answer:
        """Redrive or discard all dead letters, those of a reason, or one."""
        action, force = wanted.get("action"), wanted.get("force", False)
        selected = {name: value for name, value in wanted.items() if name not in ("action", "force")}
        if action not in ACTIONS or not isinstance(force, bool):
            raise HttpError(HTTPStatus.BAD_REQUEST, f"An action is {' or '.join(ACTIONS)}, with or without force.")
        forced = ["--force"] if force and action == "redrive" else []
        self.operator.start(["dead-letters", action, _selection(selected), *forced, "--yes"])
        return answer_json({})

    def _stop(self, wanted: dict[str, Any]) -> Answer:
        if wanted:
            raise HttpError(HTTPStatus.BAD_REQUEST, "Send an empty object.")
        self.operator.stop()
        return answer_json({})


def _selection(selected: dict[str, Any]) -> str:
    """The option that names the dead letters; HttpError unless exactly one kind of choice is given."""
    for name, value in selected.items() if len(selected) == 1 else ():
        if name == "all" and value is True:
            return "--all"
        if name in SELECTING and isinstance(value, str) and _WORD.fullmatch(value):
            return f"{SELECTING[name]}={value}"
    raise HttpError(HTTPStatus.BAD_REQUEST, "Select dead letters by a reason, an ID, or all of them.")
