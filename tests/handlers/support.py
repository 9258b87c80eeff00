"""Records, faults and stand-ins the handlers' tests are written with."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

NOW = datetime(2022, 8, 4, 12, tzinfo=UTC)
TABLE = "records"


def login(user_id="u", service_id="mail", service_name="Mail", timestamp="2022-08-04T08:50:39Z", **more: Any) -> dict:
    return {
        "user_id": user_id,
        "service_id": service_id,
        "service_name": service_name,
        "timestamp": timestamp,
        **more,
    }


def sqs_record(body: Any, message_id: str = "m-1", *, receive_count: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "messageId": message_id,
        "receiptHandle": "handle",
        "body": body if isinstance(body, str) else json.dumps(body),
        "attributes": {
            "ApproximateReceiveCount": str(receive_count),
            "SentTimestamp": str(int(NOW.timestamp() * 1000) - 1500),
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
    } | more


def sqs_event(*bodies: Any, receive_count: int = 1) -> dict[str, Any]:
    return {
        "Records": [sqs_record(body, f"m-{i}", receive_count=receive_count) for i, body in enumerate(bodies, start=1)]
    }


class LambdaContext:
    function_name = "event-handler"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:event-handler"
    aws_request_id = "request-1"

    def __init__(self, remaining_milliseconds: int = 10_000):
        self._remaining_milliseconds = remaining_milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining_milliseconds


def plenty() -> float:
    return 10.0


def services_of(client: Any, user_id: str = "u") -> dict[str, tuple[str, str]]:
    """What the table holds of a user, by service id."""
    item = client.get_item(TableName=TABLE, Key={"user_id": {"S": user_id}}, ConsistentRead=True).get("Item", {})
    entries = [entry["M"] for entry in item.get("services", {"L": []})["L"]]
    return {entry["service_id"]["S"]: (entry["service_name"]["S"], entry["last_accessed"]["S"]) for entry in entries}


class Calls:
    """Watches a client's calls, and answers some of them in the service's place."""

    def __init__(self, client: Any):
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self._answers: dict[str, list[Any]] = {}
        client.meta.events.register_first("before-call.*.*", self._before)

    def count(self, operation: str) -> int:
        return sum(name == operation for name, _ in self.requests)

    def fail(self, operation: str, code: str, *, times: int = 1000, message: str = "", **more: Any) -> None:
        """Answer `operation` with an error of the service."""
        answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {}, **more}
        self._script(operation, lambda _: (SimpleNamespace(status_code=400), answer), times)

    def answer(self, operation: str, respond: Callable[[dict[str, Any]], dict[str, Any]], *, times: int = 1000) -> None:
        """Answer `operation` with what `respond` makes of the request."""
        self._script(operation, lambda request: (SimpleNamespace(status_code=200), respond(request)), times)

    def first(self, operation: str, act: Callable[[dict[str, Any]], Any], *, times: int = 1) -> None:
        """Before `operation` reaches the service, do something; raise to keep it from arriving."""
        self._script(operation, act, times)

    def _script(self, key: str, step: Any, times: int) -> None:
        self._answers.setdefault(key, []).extend([step] * times)

    def _before(self, model: Any, params: dict[str, Any], **_: Any) -> Any:
        body = params["body"]
        request = json.loads(body) if isinstance(body, str | bytes) and body else {}
        self.requests.append((model.name, request))
        steps = self._answers.get(model.name)
        return steps.pop(0)(request) if steps else None
