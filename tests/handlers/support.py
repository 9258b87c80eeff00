"""Helpers of the handlers' tests: the table's content, and the calls of a client."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from botocore.loaders import create_loader

from handlers.clients import Session, error_code_of
from handlers.dynamodb_requests import DynamoDbRequests
from tests.fakes.aws import TABLE, key, services_in

Ours = Callable[..., DynamoDbRequests]
Theirs = Callable[..., Any]
# Longer than any answer takes, except one that never comes.
READ_SECONDS = 60
_LOADER = create_loader()


def new_session() -> Session:
    """A session that shares the models of the services, which take a tenth of a second to load, with the others."""
    session: Any = Session()
    session.register_component("data_loader", _LOADER)
    return session


def services_of(client: Any, user_id: str = "u") -> dict[str, tuple[str, str]]:
    """The stored name and time of a user's services, by service ID."""
    item = client.get_item(TableName=TABLE, Key=key(user_id), ConsistentRead=True).get("Item", {})
    return {entry["service_id"]: (entry["service_name"], entry["last_accessed"]) for entry in services_in(item)}


class Calls:
    """Records a client's calls, and responds to some in place of the service."""

    def __init__(self, client: Any):
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._answers: dict[str, list[Any]] = {}
        client.meta.events.register_first("before-call.*.*", self._before)

    def count(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.requests)

    def fail(self, operation: str, code: str, *, times: int = 1000, message: str = "", **more: Any) -> None:
        """Respond to `operation` with an error of the service."""
        answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {}, **more}
        self._script(operation, lambda _: (SimpleNamespace(status_code=400), answer), times)

    def answer(self, operation: str, respond: Callable[[dict[str, Any]], dict[str, Any]], *, times: int = 1000) -> None:
        """Respond to `operation` with what `respond` returns for the request."""
        self._script(operation, lambda request: (SimpleNamespace(status_code=200), respond(request)), times)

    def first(self, operation: str, act: Callable[[dict[str, Any]], Any], *, times: int = 1) -> None:
        """Call `act` before `operation` reaches the service; if `act` raises, the request never arrives."""
        self._script(operation, act, times)

    def _script(self, operation: str, step: Any, times: int) -> None:
        self._answers.setdefault(operation, []).extend([step] * times)

    def _before(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        body = params["body"]
        request = json.loads(body) if isinstance(body, str | bytes) and body else {}
        self.requests.append((model.name, request))
        steps = self._answers.get(model.name)
        return steps.pop(0)(request) if steps else None


def outcome_of(client: Any, operation: str, request: dict[str, Any]) -> Any:
    """What a call returns or raises, without what differs between two calls."""
    try:
        response = getattr(client, operation)(**request)
    except ClientError as error:
        response = error.response
    except Exception as error:  # noqa: BLE001 - compared with that of botocore
        return type(error), error_code_of(error)
    metadata = response["ResponseMetadata"]
    compared = metadata["HTTPStatusCode"], metadata.get("RetryAttempts", 0), metadata["RequestId"]
    return {**response, "ResponseMetadata": compared}
