"""Any unexpected result fails the smoke test in a sentence, and the test user is removed anyway."""

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from ops import smoke, smoke_dead_letter, smoke_events
from ops.api import ApiResponse, Token
from ops.errors import OperatorError
from ops.health.commands import Commands
from ops.signals import Stopped
from ops.stack import ApiClient
from tests.fakes.aws import create_table
from tests.ops.simulated_stack import Stack, login, stamps

CLIENT = ApiClient(client_id="id", client_secret="secret")
COMMANDS = Commands(options="", region="eu-west-1", stack="dev")
REMOVE = smoke._remove
DEADLINE_SECONDS = 10


class FakeStack(Stack):
    """A stack that works, until a test breaks a part of it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.deploy()
        self.dynamodb = self.client("dynamodb")
        create_table(self.dynamodb, self.outputs.table_name)
        self.stored: dict[str, dict[str, str]] = {}
        self.fold: Callable[[str, str], str] = max
        self.unauthorized_status = 401
        self.rejected: list[str] = []
        self.quarantine: Callable[[str, str], object] = self.stamp
        self.now = 0.0
        self.returns = 0
        self.removals = 0
        self.reports: list[str] = []
        self.waits: list[str] = []

    def send(self, outputs: Any, bodies: list[str]) -> tuple[list[str], list[str]]:
        self._quarantine_what_is_invalid()
        for event in map(json.loads, bodies):
            logins = self.stored.setdefault(event["user_id"], {})
            service = event["service_id"]
            logins[service] = self.fold(logins.get(service, ""), event["timestamp"])
            self._store(event["user_id"])
        return [f"message-{number}" for number in range(len(bodies) - len(self.rejected))], self.rejected

    def query(self, outputs: Any, user: str, token: str | None) -> ApiResponse:
        if token is None:
            return ApiResponse(self.unauthorized_status, None)
        newest_first = sorted(self.stored[user].items(), key=lambda login: login[1], reverse=True)
        name = {"service_name": "Smoke test"}
        services = [name | {"service_id": id_, "last_accessed": at} for id_, at in newest_first]
        return ApiResponse(200, {"services": services})

    def remove(self, outputs: Any, user: str) -> bool:
        """Remove the record, and restore it as often as events are still on their way."""
        was_there = REMOVE(outputs, user)
        self.removals += was_there
        if self.returns:
            self.returns -= 1
            self._store(user)
        return was_there

    def stamp(self, message_id: str, body: str, code: str = "timestamp_malformed") -> None:
        """Quarantine a message as the event handler does."""
        self.bury(body, **stamps(code, message_id))

    def letters(self) -> list[tuple[str, bool, int]]:
        """Return body, visibility and receive count of every dead letter, without a receive."""
        messages = self.messages("dead-letters")
        return [(message.body, message.visible, message.approximate_receive_count) for message in messages]

    def _store(self, user: str) -> None:
        item = {"user_id": {"S": user}}
        self.dynamodb.put_item(TableName=self.outputs.table_name, Item=item)

    def _quarantine_what_is_invalid(self) -> None:
        sqs, url = self.sqs, self.outputs.queue_url
        for message in sqs.receive_message(QueueUrl=url).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            self.quarantine(message["MessageId"], message["Body"])

    def smoke(self, *, dead_letter: bool = False) -> None:
        report, wait = self.reports.append, self.waits.append
        smoke.smoke(
            self.outputs,
            CLIENT,
            DEADLINE_SECONDS,
            report=report,
            wait=wait,
            warn=report,
            commands=COMMANDS,
            dead_letter=dead_letter,
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def left(self) -> list[Any]:
        return self.dynamodb.scan(TableName=self.outputs.table_name)["Items"]


@pytest.fixture
def fake(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    fake = FakeStack(tmp_path)
    monkeypatch.setattr(smoke, "request_token", lambda outputs, client: Token("token", 3600))
    monkeypatch.setattr(smoke_events, "_send", fake.send)
    monkeypatch.setattr(smoke, "query_services", fake.query)
    monkeypatch.setattr(smoke, "_remove", fake.remove)
    # Time passes only while the test waits, not while this machine is busy.
    clock = SimpleNamespace(monotonic=lambda: fake.now, sleep=fake.sleep)
    for module in (smoke, smoke_dead_letter):
        monkeypatch.setattr(module, "time", clock)
    return fake


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_working_stack_passes(fake: FakeStack, state: str):
    fake.alarm("service-health", None, state)
    fake.smoke()
    assert fake.reports[-1] == f"service-health is {state}"
    assert fake.waits == [
        "the API to return these logins, at most 10 s",
        "3 s, in which no late event may bring the record of the test user back",
    ]
    assert fake.left() == []


def test_missing_composite_alarm_is_reported(fake: FakeStack):
    fake.smoke()
    assert "setting `alarms` of this stack omits it" in fake.reports[-1]


def test_health_in_alarm_fails_and_names_paging_alarms(fake: FakeStack):
    fake.alarm("service-health", None, "ALARM")
    fake.alarm("api-down", "p1", "ALARM")
    fake.alarm("dlq-not-empty", "p2", "ALARM")
    with pytest.raises(OperatorError, match=r"service-health is in alarm: api-down. See"):
        fake.smoke()
    assert fake.left() == []


def newest_sent(before: str, after: str) -> str:
    return after


@pytest.mark.parametrize(
    ("changes", "sentence", "removals"),
    [
        (
            {"fold": newest_sent},
            r"should return mail at \S+, wiki at \S+, but returns mail at [^\[(]*smoke-test-.* may still appear",
            1,
        ),
        ({"unauthorized_status": 200}, "should return 401 without a token, but returns 200", 1),
        ({"rejected": ["InternalError"]}, "did not accept 1 of 5 events: InternalError", 1),
        ({"fold": newest_sent, "returns": 2}, "should return", 3),
    ],
    ids=["late login wins", "no authorization", "queue rejects", "record comes back after a failure"],
)
def test_defect_fails_and_leaves_no_record(fake: FakeStack, changes: dict[str, Any], sentence: str, removals: int):
    vars(fake).update(changes)
    with pytest.raises(OperatorError, match=sentence):
        fake.smoke()
    assert (fake.removals, fake.left()) == (removals, [])


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), Stopped(signal.SIGHUP), ReadTimeoutError(endpoint_url="http://x")], ids=repr
)
@pytest.mark.parametrize("dead_letter", [False, True])
def test_interruption_names_the_user_and_leaves_no_record(fake: FakeStack, error: BaseException, dead_letter: bool):
    def interrupt() -> Any:
        raise error

    fake.fold = lambda before, after: interrupt() if before else after
    with pytest.raises(type(error)):
        fake.smoke(dead_letter=dead_letter)
    assert fake.left() == []
    assert re.match(r"The test user was smoke-test-\S+, who may still appear in the table", fake.reports[-1])
    assert ("or among the dead letters" in fake.reports[-1]) is dead_letter


def test_interruption_after_the_last_step_names_the_user(fake: FakeStack, monkeypatch: pytest.MonkeyPatch):
    def interrupt(*_: Any) -> Any:
        raise Stopped(signal.SIGTERM)

    monkeypatch.setattr(smoke, "_keep_removed", interrupt)
    with pytest.raises(Stopped):
        fake.smoke()
    assert "The test user was smoke-test-" in fake.reports[-1]


def test_failure_before_the_first_event_names_no_user(fake: FakeStack, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: Any) -> Any:
        raise OperatorError("No token.")

    monkeypatch.setattr(smoke, "request_token", fail)
    with pytest.raises(OperatorError, match=r"^No token\.$"):
        fake.smoke()
    assert fake.reports == []


def test_record_brought_back_by_a_late_event_is_removed(fake: FakeStack):
    fake.returns = 2
    fake.smoke()
    assert (fake.removals, fake.left()) == (3, [])
    assert "The test user was removed and did not come back" in fake.reports


def test_record_that_keeps_coming_back_fails(fake: FakeStack):
    fake.returns = 1_000_000
    with pytest.raises(OperatorError, match=r"still comes back .* after it was removed"):
        fake.smoke()


def test_only_the_own_dead_letter_is_deleted_and_others_are_received_at_most_once(fake: FakeStack):
    others = [login(f"user-{number}") for number in range(12)]
    for body in others:
        fake.stamp("of another", body)
    fake.smoke(dead_letter=True)
    assert "The invalid event became a dead letter with its reason and its bytes, and was deleted" in fake.reports
    assert ([body for body, _, _ in fake.letters()], fake.left()) == (others, [])
    assert all(visible and received <= 1 for _, visible, received in fake.letters())
    assert any(received for _, _, received in fake.letters())  # the control: a receive is counted here


Defect = Callable[[FakeStack, str, str], object]
BROKEN: dict[str, tuple[Defect, str]] = {
    "never quarantined": (lambda *_: None, "is not among the dead letters. See: python -m ops logs --mess"),
    "read and written again": (
        lambda fake, id_, body: fake.stamp(id_, json.dumps(json.loads(body))),
        "The body of the",
    ),
    "one blank less": (lambda fake, id_, body: fake.stamp(id_, body.replace("  ", " ", 1)), "The body of the"),
    "another body": (lambda fake, id_, body: fake.stamp(id_, "{}"), "The body of the dead letter should be"),
    "another reason": (
        lambda fake, id_, body: fake.stamp(id_, body, "field_blank"),
        "The reason of the dead letter should be 'timestamp_malformed', but is 'field_blank'",
    ),
    "the id of another": (lambda fake, id_, body: fake.stamp("other", body), "The source message of the dead letter"),
    "given up": (lambda fake, id_, body: fake.bury(body), "but is 'gave-up'"),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_broken_quarantine_fails(fake: FakeStack, defect: str):
    break_, sentence = BROKEN[defect]
    fake.quarantine = lambda message_id, body: break_(fake, message_id, body)
    fake.stamp("of another", login("ada"))
    with pytest.raises(OperatorError) as surprise:
        fake.smoke(dead_letter=True)
    assert sentence in str(surprise.value)
    assert "among the dead letters" in str(surprise.value)
    ((body, visible, received),) = fake.letters()
    assert (body, visible, received <= 2, fake.left()) == (login("ada"), True, True, [])


def test_earlier_failure_leaves_no_dead_letter(fake: FakeStack):
    fake.unauthorized_status = 200
    with pytest.raises(OperatorError, match="should return 401"):
        fake.smoke(dead_letter=True)
    assert (fake.letters(), fake.left()) == ([], [])


def test_invalid_event_is_sent_only_with_dead_letter(fake: FakeStack):
    fake.smoke()
    assert fake.letters() == []
    assert not any("violates the contract" in line for line in fake.reports)
