"""A surprise on any step of the path fails the smoke test in one sentence, and the user is removed all the same."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sqs.models import sqs_backends

from ops import dead_letter_queue, smoke, smoke_dead_letter
from ops.api import ApiResponse
from ops.errors import OperatorError
from ops.events import Failure, Sent
from ops.stack import ApiClient
from tests.ops.queues import login, stamps
from tests.ops.simulated_stack import PREFIX, REGION, SimulatedStack, simulated_stack

CLIENT = ApiClient(client_id="id", client_secret="secret")
REMOVE = smoke._remove
DEADLINE_SECONDS = 10


class Path:
    """The path of a stack that works, as long as a test leaves it as it is."""

    def __init__(self, stack: SimulatedStack) -> None:
        self.stack = stack
        self.stored: dict[str, dict[str, str]] = {}
        self.fold: Callable[[str, str], str] = max
        self.refused_status = 401
        self.failures: list[Failure] = []
        self.quarantine: Callable[[str, str], object] = self.bury
        self.now = 0.0
        self.returns = 0
        self.removals = 0
        self.told: list[str] = []

    def send(self, outputs: Any, bodies: list[str]) -> Sent:
        self._quarantine_what_is_invalid()
        for event in map(json.loads, bodies):
            logins = self.stored.setdefault(event["user_id"], {})
            service = event["service_id"]
            logins[service] = self.fold(logins.get(service, ""), event["timestamp"])
            self._store(event["user_id"])
        return Sent(1, self.failures)

    def query(self, outputs: Any, user: str, token: str | None) -> ApiResponse:
        if token is None:
            return ApiResponse(self.refused_status, None)
        newest_first = sorted(self.stored[user].items(), key=lambda login: login[1], reverse=True)
        return ApiResponse(
            200, {"services": [{"service_id": service, "last_accessed": at} for service, at in newest_first]}
        )

    def remove(self, outputs: Any, user: str) -> bool:
        """The record is removed, and comes back as often as events are still on their way."""
        was_there = REMOVE(outputs, user)
        self.removals += was_there
        if self.returns:
            self.returns -= 1
            self._store(user)
        return was_there

    def bury(self, message_id: str, body: str, code: str = "timestamp_malformed") -> None:
        """Put a message among the dead letters as the event handler does."""
        self.stack.client("sqs").send_message(
            QueueUrl=self.stack.queues["events-dead-letters"],
            MessageBody=body,
            MessageAttributes=stamps(code, message_id),
        )

    def letters(self) -> list[tuple[str, bool, int]]:
        """Body, whether it can be seen, and how often it was received; looking this way is no receive."""
        queue = sqs_backends[DEFAULT_ACCOUNT_ID][REGION].queues[f"{PREFIX}-events-dead-letters"]
        return [(one.body, one.visible, one.approximate_receive_count) for one in queue._messages]

    def _store(self, user: str) -> None:
        item = {"user_id": {"S": user}}
        self.stack.client("dynamodb").put_item(TableName=self.stack.outputs.table_name, Item=item)

    def _quarantine_what_is_invalid(self) -> None:
        sqs, url = self.stack.client("sqs"), self.stack.queues["events"]
        for message in sqs.receive_message(QueueUrl=url).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            self.quarantine(message["MessageId"], message["Body"])

    def smoke(self, *, dead_letter: bool = False) -> None:
        smoke.smoke(
            self.stack.outputs,
            CLIENT,
            DEADLINE_SECONDS,
            report=self.told.append,
            warn=self.told.append,
            dead_letter=dead_letter,
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

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
        monkeypatch.setattr(smoke, "_remove", path.remove)
        # Time passes while the test waits, and not while this machine is busy.
        clock = SimpleNamespace(monotonic=lambda: path.now, sleep=path.sleep)
        monkeypatch.setattr(smoke, "time", clock)
        monkeypatch.setattr(smoke_dead_letter, "time", clock)
        monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
        yield path


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_a_path_that_works_with_health_that_is_not_in_alarm_passes(path: Path, state: str):
    path.stack.alarm("service-health", None, state)
    path.smoke()
    assert path.told[-1] == f"service-health is {state}"
    assert path.left() == []


def test_a_stack_without_the_composite_says_so(path: Path):
    path.smoke()
    assert "setting `alarms` of this stack omits it" in path.told[-1]


def test_health_in_alarm_fails_with_what_pages(path: Path):
    path.stack.alarm("service-health", None, "ALARM")
    path.stack.alarm("api-down", "p1", "ALARM")
    path.stack.alarm("dlq-not-empty", "p2", "ALARM")
    with pytest.raises(OperatorError, match=r"service-health is in alarm: api-down. See"):
        path.smoke()
    assert path.left() == []


def test_a_late_login_that_wins_is_a_surprise(path: Path):
    path.fold = lambda before, after: after
    with pytest.raises(OperatorError, match=r"should return .* but returns .*smoke-test-.* may still appear"):
        path.smoke()
    assert path.left() == []


def test_an_open_api_is_a_surprise(path: Path):
    path.refused_status = 200
    with pytest.raises(OperatorError, match="should return 401 without a token, but returns 200"):
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


def test_a_failed_test_leaves_no_record_either_that_comes_back(path: Path):
    path.fold = lambda before, after: after
    path.returns = 2
    with pytest.raises(OperatorError, match="should return"):
        path.smoke()
    assert (path.removals, path.left()) == (3, [])


def test_an_event_still_on_its_way_brings_the_record_back_for_a_moment_only(path: Path):
    path.returns = 2
    path.smoke()
    assert (path.removals, path.left()) == (3, [])
    assert "The test user was removed and did not come back" in path.told


def test_a_record_that_comes_back_for_ever_is_a_surprise(path: Path):
    path.returns = 1_000_000
    with pytest.raises(OperatorError, match=r"still comes back .* after it was removed"):
        path.smoke()


def test_the_invalid_event_becomes_the_dead_letter_that_is_taken_out(path: Path):
    path.smoke(dead_letter=True)
    assert "The invalid event became a dead letter with its reason and its bytes, and was deleted" in path.told
    assert (path.letters(), path.left()) == ([], [])


def test_dead_letters_of_others_stay_and_are_seen_as_rarely_as_can_be(path: Path):
    others = [login(f"user-{number}") for number in range(12)]
    for body in others:
        path.bury("of another", body)
    path.smoke(dead_letter=True)
    assert [body for body, _, _ in path.letters()] == others
    assert all(visible and received <= 1 for _, visible, received in path.letters())
    assert any(received for _, _, received in path.letters())  # the control: a look is seen here


BROKEN: dict[str, tuple[Callable[[Path, str, str], object], str]] = {
    "never quarantined": (
        lambda path, id_, body: None,
        "is not among the dead letters. See: python -m ops logs --mess",
    ),
    "read and written again": (
        lambda path, id_, body: path.bury(id_, json.dumps(json.loads(body))),
        "The body of the dead letter should be",
    ),
    "one blank less": (
        lambda path, id_, body: path.bury(id_, body.replace("  ", " ", 1)),
        "The body of the dead letter",
    ),
    "another body": (lambda path, id_, body: path.bury(id_, "{}"), "The body of the dead letter should be"),
    "another reason": (
        lambda path, id_, body: path.bury(id_, body, "field_blank"),
        "The reason of the dead letter should be 'timestamp_malformed', but is 'field_blank'",
    ),
    "the id of another": (lambda path, id_, body: path.bury("other", body), "The source message of the dead letter"),
    "given up": (
        lambda path, id_, body: path.stack.client("sqs").send_message(
            QueueUrl=path.stack.queues["events-dead-letters"], MessageBody=body
        ),
        "but is 'gave-up'",
    ),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_quarantine_that_is_broken_is_a_surprise(path: Path, defect: str):
    break_, sentence = BROKEN[defect]
    path.quarantine = lambda message_id, body: break_(path, message_id, body)
    path.bury("of another", login("ada"))
    with pytest.raises(OperatorError) as surprise:
        path.smoke(dead_letter=True)
    assert sentence in str(surprise.value)
    assert "among the dead letters" in str(surprise.value)
    ((body, visible, received),) = path.letters()
    assert (body, visible, received <= 2, path.left()) == (login("ada"), True, True, [])


def test_a_surprise_before_leaves_no_dead_letter(path: Path):
    path.refused_status = 200
    with pytest.raises(OperatorError, match="should return 401"):
        path.smoke(dead_letter=True)
    assert (path.letters(), path.left()) == ([], [])


def test_nothing_invalid_is_sent_unless_asked_for(path: Path):
    path.smoke()
    assert path.letters() == []
    assert not any("violates the contract" in line for line in path.told)
