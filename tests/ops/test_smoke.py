"""A surprise on any step of the path fails the smoke test in one sentence, and the user is removed all the same."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ops import smoke
from ops.api import Answer
from ops.errors import OperatorError
from ops.events import Failure, Sent
from ops.stack import ApiClient
from tests.ops.simulated_stack import SimulatedStack, simulated_stack

CLIENT = ApiClient(client_id="id", client_secret="secret")


class Path:
    """The path of a stack that works, as long as a test leaves it as it is."""

    def __init__(self, stack: SimulatedStack) -> None:
        self.stack = stack
        self.stored: dict[str, dict[str, str]] = {}
        self.fold: Callable[[str, str], str] = max
        self.refused_status = 401
        self.failures: list[Failure] = []
        self.told: list[str] = []

    def send(self, outputs: Any, bodies: list[str]) -> Sent:
        for event in map(json.loads, bodies):
            logins = self.stored.setdefault(event["user_id"], {})
            service = event["service_id"]
            logins[service] = self.fold(logins.get(service, ""), event["timestamp"])
            item = {"user_id": {"S": event["user_id"]}}
            self.stack.client("dynamodb").put_item(TableName=self.stack.outputs.table_name, Item=item)
        return Sent(1, self.failures)

    def query(self, outputs: Any, user: str, token: str | None) -> Answer:
        if token is None:
            return Answer(self.refused_status, None)
        newest_first = sorted(self.stored[user].items(), key=lambda login: login[1], reverse=True)
        return Answer(200, {"services": [{"service_id": one, "last_accessed": at} for one, at in newest_first]})

    def smoke(self) -> None:
        smoke.smoke(self.stack.outputs, CLIENT, 0.01, self.told.append)

    def left(self) -> list[Any]:
        return self.stack.client("dynamodb").scan(TableName=self.stack.outputs.table_name)["Items"]


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with simulated_stack() as stack:
        stack.client("dynamodb").create_table(
            TableName=stack.outputs.table_name,
            KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        path = Path(stack)
        monkeypatch.setattr(smoke, "fetch_token", lambda outputs, client: "token")
        monkeypatch.setattr(smoke, "send_bodies", path.send)
        monkeypatch.setattr(smoke, "query_services", path.query)
        yield path


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_a_path_that_works_with_health_that_is_not_in_alarm_passes(path: Path, state: str):
    path.stack.alarm("service-health", None, state)
    path.smoke()
    assert path.told[-1] == f"service-health is {state}"
    assert path.left() == []


def test_a_stack_without_the_composite_says_so(path: Path):
    path.smoke()
    assert "no service-health" in path.told[-1]


def test_health_in_alarm_fails_with_what_pages(path: Path):
    path.stack.alarm("service-health", None, "ALARM")
    path.stack.alarm("api-down", "p1", "ALARM")
    path.stack.alarm("dlq-not-empty", "p2", "ALARM")
    with pytest.raises(OperatorError, match=r"service-health is in alarm: api-down. See"):
        path.smoke()
    assert path.left() == []


def test_a_late_login_that_wins_is_a_surprise(path: Path):
    path.fold = lambda before, after: after
    with pytest.raises(OperatorError, match=r"should answer .* but answers .*smoke-test-.* may still appear"):
        path.smoke()
    assert path.left() == []


def test_an_open_api_is_a_surprise(path: Path):
    path.refused_status = 200
    with pytest.raises(OperatorError, match="should answer 401 without a token, but answers 200"):
        path.smoke()
    assert path.left() == []


def test_a_queue_that_does_not_accept_is_a_surprise(path: Path):
    path.failures = [Failure("body", "InternalError")]
    with pytest.raises(OperatorError, match="did not accept 1 of 5 events: InternalError"):
        path.smoke()


def test_an_interruption_leaves_nothing_either(path: Path):
    def interrupt(*_: Any) -> Any:
        raise KeyboardInterrupt

    path.fold = lambda before, after: interrupt() if before else after
    with pytest.raises(KeyboardInterrupt):
        path.smoke()
    assert path.left() == []
