"""`python -m ops erase` removes a user from the table and from both queues, and says what it cannot reach."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from handlers.vocabulary import PROBE_USER
from ops import queue_wait
from ops.dead_letters import DeadLetter
from ops.erasure import is_event_of, mentions
from tests.fakes.aws import create_table, entry, key
from tests.fakes.outputs import outputs_file
from tests.ops.simulated_stack import ORIGIN, Stack, assert_fails, login, stamps

USER = "auth0|ursula@example.com"
TABLE = "event-processing-dev-user-services"


class Erasing:
    """A stack with a table, and the command whose pauses a test fills."""

    def __init__(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stack = stack
        self.dynamodb = stack.client("dynamodb")
        create_table(self.dynamodb, TABLE)
        self.at_pause: Callable[[], None] = lambda: None
        monkeypatch.setattr(queue_wait, "SETTLE_SECONDS", 0)
        pauses = SimpleNamespace(monotonic=lambda: 0.0, sleep=lambda seconds: self.at_pause())
        monkeypatch.setattr(queue_wait, "time", pauses)

    def store(self, user: str, *services: dict[str, Any]) -> None:
        self.dynamodb.put_item(TableName=TABLE, Item=key(user) | {"services": {"L": list(services or [entry()])}})

    def users(self) -> set[str]:
        return {item["user_id"]["S"] for item in self.dynamodb.scan(TableName=TABLE)["Items"]}

    def run(self, *options: str) -> Any:
        result = self.stack.run("erase", USER, *options)
        assert "ursula" not in result.stdout + result.stderr
        return result

    def send(self, user: str) -> None:
        self.stack.sqs.send_message(QueueUrl=self.stack.outputs.queue_url, MessageBody=login(user))

    def handle_at_pause(self) -> None:
        """Receive the events as a handler that is slow, and store them when the command waits."""
        url = self.stack.outputs.queue_url
        in_flight = self.stack.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]

        def handle() -> None:
            while in_flight:
                message = in_flight.pop()
                self.store(json.loads(message["Body"])["user_id"])
                self.stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

        self.at_pause = handle


def test_user_of_the_probe_is_not_erased_while_there_is_a_probe(erasing: Erasing):
    erasing.store(PROBE_USER)
    assert_fails(erasing.stack.run("erase", PROBE_USER, "--yes"), "This is the user of the probe, and no person")
    assert erasing.users() == {PROBE_USER}
    outputs_file(erasing.stack.file.parent, probeFunction=None)
    assert "Deleted the record" in erasing.stack.run("erase", PROBE_USER, "--yes").stdout
    assert erasing.users() == set()


@pytest.fixture
def erasing(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Erasing:
    return Erasing(stack, monkeypatch)


def test_record_and_dead_letters_of_the_user_alone_are_deleted(erasing: Erasing):
    erasing.store(USER, entry(), entry("wiki"))
    erasing.store("grace")
    for user in (USER, "grace", USER):
        erasing.stack.bury(login(user))
    erasing.stack.bury(login(USER, "yesterday"), **stamps("timestamp_malformed", "s"))
    result = erasing.run("--yes")
    assert result.exit_code == 0, result.stderr
    assert "The table has a record with 2 services.\n" in result.stdout
    assert "Deleted the record (2 services) and 3 dead letters.\n" in result.stdout
    assert "Erased: neither queue has an event of this user" in result.stdout
    assert erasing.users() == {"grace"}
    assert erasing.stack.bodies("dead-letters") == [login("grace")]
    assert erasing.stack.visible_letters() == 1


def test_event_in_flight_does_not_bring_the_record_back(erasing: Erasing):
    erasing.store(USER)
    erasing.send(USER)
    erasing.send("grace")
    erasing.handle_at_pause()
    result = erasing.run("--yes")
    assert result.exit_code == 0, result.stderr
    assert "Deleted the record (2 services), 2 times because events brought it back, and 0 dead letters." in (
        result.stdout
    )
    assert erasing.users() == {"grace"}


def test_event_given_up_meanwhile_is_deleted_from_the_dead_letters(erasing: Erasing):
    def give_up() -> None:
        if not erasing.stack.bodies("dead-letters"):
            erasing.stack.bury(login(USER))
            erasing.at_pause = lambda: None

    erasing.at_pause = give_up
    assert erasing.run("--yes").exit_code == 0
    assert erasing.stack.bodies("dead-letters") == []


def test_control_without_the_wait_the_record_comes_back(erasing: Erasing, monkeypatch: pytest.MonkeyPatch):
    erasing.store(USER)
    erasing.send(USER)
    erasing.handle_at_pause()
    monkeypatch.setattr("ops.erasure.wait_until_handled", lambda *_: None)
    assert erasing.run("--yes").exit_code == 0
    erasing.at_pause()
    assert erasing.users() == {USER}


def test_source_queue_is_never_received_from(erasing: Erasing, monkeypatch: pytest.MonkeyPatch):
    erasing.send("grace")

    def handled() -> None:
        erasing.stack.messages("events").clear()

    erasing.at_pause = handled
    received: list[str] = []
    make = type(erasing.stack.outputs).client

    def client(self: Any, service: str) -> Any:
        made = make(self, service)
        made.meta.events.register(
            "provide-client-params.sqs.ReceiveMessage", lambda params, **_: received.append(params["QueueUrl"])
        )
        return made

    monkeypatch.setattr(type(erasing.stack.outputs), "client", client)
    assert erasing.run("--yes").exit_code == 0
    assert set(received) == {erasing.stack.outputs.dead_letter_queue_url}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [((), "Dry run: nothing was changed."), (("--dry-run", "--yes"), "Nothing was changed (--dry-run).")],
    ids=["no terminal", "dry run"],
)
def test_without_confirmation_nothing_changes(erasing: Erasing, options: tuple[str, ...], sentence: str):
    erasing.store(USER)
    erasing.stack.bury(login(USER))
    result = erasing.run(*options)
    assert result.exit_code == 0
    assert sentence in result.stdout
    assert "The dead-letter queue has 1 event of this user." in result.stdout
    assert "What is left elsewhere:" in result.stdout
    assert erasing.users() == {USER}
    assert erasing.stack.visible_letters() == 1


def test_interrupted_erasure_is_finished_by_a_second_run(erasing: Erasing):
    erasing.store(USER)
    erasing.stack.bury(login(USER))
    erasing.send(USER)
    erasing.handle_at_pause()
    handle = erasing.at_pause

    def interrupt() -> None:
        handle()
        raise KeyboardInterrupt

    erasing.at_pause = interrupt
    result = erasing.run("--yes")
    assert result.exit_code == 130
    assert "Deleted the record (1 service) and 1 dead letter. The user is not erased yet. Run the command again" in (
        result.stderr
    )
    assert erasing.users() == {USER}
    erasing.at_pause = lambda: None
    assert erasing.run("--yes").exit_code == 0
    assert erasing.users() == set()


def test_dead_letters_of_another_process_are_not_called_erased(erasing: Erasing):
    erasing.stack.bury(login(USER))
    erasing.stack.sqs.receive_message(QueueUrl=erasing.stack.outputs.dead_letter_queue_url)
    result = erasing.run("--yes")
    assert_fails(result, "Another process holds about 1 dead letter, which can be this user's.")
    assert "Erased:" not in result.stdout


def test_dead_letter_that_only_mentions_the_user_is_left_to_the_operator(erasing: Erasing):
    message_id = erasing.stack.bury(f"not JSON, {USER}", **stamps("body_not_json", "s"))
    result = erasing.run("--yes")
    assert_fails(result, "Decide about the dead letters above")
    assert f"  {message_id}\n" in result.stdout
    assert erasing.stack.visible_letters() == 1
    assert erasing.stack.run("dead-letters", "discard", "--message-id", message_id, "--yes").exit_code == 0
    # The copy that `discard` keeps is found too.
    result = erasing.run("--yes")
    assert result.exit_code == 0
    assert "file .localcloud/kept/" in result.stdout


def test_redrive_of_the_whole_queue_is_waited_for(erasing: Erasing, monkeypatch: pytest.MonkeyPatch):
    erasing.store(USER)
    monkeypatch.setattr("ops.erasure.running_move_task", lambda queues: object())
    assert_fails(erasing.run("--yes"), "SQS moves dead letters back")
    assert erasing.users() == {USER}


def test_letter_that_sqs_does_not_delete_is_reported(erasing: Erasing, monkeypatch: pytest.MonkeyPatch):
    erasing.stack.bury(login(USER))
    monkeypatch.setattr("ops.dead_letter_queue.HeldLetters.delete", lambda self, letters: [])
    assert_fails(erasing.run("--yes"), "1 dead letter of this user could not be deleted.")


@pytest.mark.parametrize("user", ["", "x" * 2049], ids=["empty", "too long"])
def test_user_id_that_is_no_key_is_rejected(stack: Stack, user: str):
    assert_fails(stack.run("erase", user, "--yes"), "A user ID has 1 to 2048 bytes.")


def letter(body: str, **attributes: Any) -> DeadLetter:
    return DeadLetter({"MessageId": "m", "ReceiptHandle": "r", "Body": body, "MessageAttributes": attributes})


@pytest.mark.parametrize(
    ("found", "is_own", "is_mentioned"),
    [
        (letter(login("ada")), True, True),
        (letter(login("ada", "yesterday")), True, True),
        (letter('{"user_id": "\\u0061da"}'), True, True),
        (letter('{"user_id": "ada", "user_id": "grace"}'), False, True),
        (letter('["\\u0061da"]'), False, True),
        (letter("user ada logged in"), False, True),
        (letter(login("grace"), origin=ORIGIN | {"StringValue": "ada"}), False, True),
        (letter(login("adam")), False, False),
        (letter(login("ada-2")), False, False),
        (letter("ada-2"), False, False),
        (letter("[" * 100_000), False, False),
        (letter(login("grace"), origin=ORIGIN), False, False),
    ],
    ids=[
        "valid",
        "invalid",
        "escaped",
        "twice",
        "list",
        "text",
        "attribute",
        "longer ID",
        "ID with a suffix",
        "text with a suffix",
        "too deep",
        "other",
    ],
)
def test_dead_letters_of_a_user_are_found(found: DeadLetter, is_own: bool, is_mentioned: bool):
    assert is_event_of(found, "ada") == is_own
    assert mentions(found, "ada") == is_mentioned


def test_remains_are_named_with_their_end(erasing: Erasing):
    erasing.dynamodb.update_continuous_backups(
        TableName=TABLE, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    backup = erasing.dynamodb.create_backup(TableName=TABLE, BackupName="monthly")["BackupDetails"]["BackupArn"]
    erasing.stack.client("logs").put_retention_policy(logGroupName="/event-processing/dev/query", retentionInDays=14)
    rows = [line.split("\t") for line in erasing.run("--dry-run").stdout.splitlines() if "\t" in line]
    until = {place: end for place, _, end in rows}
    assert until[f"point-in-time recovery of {TABLE}"].endswith("(35 days)")
    assert backup in until["backup monthly"]
    assert until["log group /event-processing/dev/query"] == "each line for 14 days"
    assert until["log group /event-processing/dev/event-handler"] == "each line for ever"
    assert "30 days" in until["X-Ray"]
