"""SQS moves a queue by itself only when every message goes back; otherwise the command sends the messages."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops import redrive
from tests.ops.simulated_stack import Stack, answer_with, assert_fails, login, stamps


class Tasks:
    """SQS's message move tasks, which can fail in several ways."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, error_code: str = "", ends: str = "COMPLETED", listed_at: float = 2
    ) -> None:
        self.error_code, self.ends, self.polls, self.listed_at = error_code, ends, 0, listed_at
        self.started: list[dict[str, Any]] = []
        self.clock = 0.0
        monkeypatch.setattr(redrive, "time", SimpleNamespace(sleep=self.sleep, monotonic=lambda: self.clock))
        operations = {"start_message_move_task": self.start, "list_message_move_tasks": self.seen}
        recorded = dict.fromkeys(("send_message_batch", "receive_message"), lambda request, real: real(**request))
        self.calls = answer_with(monkeypatch, **operations, **recorded)

    def start(self, request: dict[str, Any], real: Any) -> dict[str, str]:
        if self.error_code:
            raise ClientError({"Error": {"Code": self.error_code, "Message": ""}}, "StartMessageMoveTask")
        self.started.append(request)
        return {"TaskHandle": "handle"}

    def seen(self, request: dict[str, Any], real: Any) -> dict[str, Any]:
        old = {"Status": "FAILED", "StartedTimestamp": 1}
        if not self.started:
            return {"Results": [old]}
        self.polls += 1
        running = {"Status": "RUNNING", "StartedTimestamp": 2, "ApproximateNumberOfMessagesMoved": 1}
        ended = running | {"Status": self.ends, "FailureReason": "AWS.AccessDenied"}
        if self.polls < self.listed_at:
            return {"Results": [old]}
        return {"Results": [running if self.polls == self.listed_at else ended]}

    def sleep(self, seconds: float) -> None:
        self.clock += seconds


@pytest.fixture
def given_up(queues: Stack) -> Stack:
    queues.bury(login("ada"))
    queues.bury(login("grace"))
    return queues


def test_sqs_moves_a_whole_queue_to_a_named_destination(given_up: Stack, monkeypatch: pytest.MonkeyPatch):
    tasks = Tasks(monkeypatch)
    result = given_up.redrive("--all", "--rate", "7", "--yes")
    assert result.exit_code == 0, result.stderr
    (request,) = tasks.started
    assert request["SourceArn"].endswith(":event-processing-dev-dead-letters")
    assert request["DestinationArn"].endswith(":event-processing-dev-events")
    assert request["MaxNumberOfMessagesPerSecond"] == 7
    assert "send_message_batch" not in {name for name, _ in tasks.calls}
    assert tasks.polls == 3
    assert given_up.visible_letters() == 2


def test_forced_move_of_everything_receives_nothing(filled: Stack, monkeypatch: pytest.MonkeyPatch):
    tasks = Tasks(monkeypatch)
    assert filled.redrive("--all", "--force", "--yes").exit_code == 0
    assert len(tasks.started) == 1
    assert "receive_message" not in {name for name, _ in tasks.calls}


@pytest.mark.parametrize("arguments", [["--all"], ["--reason", "gave-up"], ["--all", "--limit", "2"]])
def test_sqs_does_not_move_part_of_a_queue(filled: Stack, monkeypatch: pytest.MonkeyPatch, arguments: list[str]):
    tasks = Tasks(monkeypatch)
    assert filled.redrive(*arguments, "--yes").exit_code == 0
    assert tasks.started == []
    assert filled.bodies("events")


def test_quarantine_attributes_are_removed_instead_of_moved(queues: Stack, monkeypatch: pytest.MonkeyPatch):
    queues.bury(login("margaret"), **stamps("field_blank", "source-3"))
    tasks = Tasks(monkeypatch)
    assert queues.redrive("--all", "--yes").exit_code == 0
    assert (tasks.started, queues.bodies("events")) == ([], [login("margaret")])


@pytest.mark.parametrize("error_code", ["UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation"])
def test_messages_are_sent_here_where_sqs_cannot_move(
    given_up: Stack, monkeypatch: pytest.MonkeyPatch, error_code: str
):
    Tasks(monkeypatch, error_code=error_code)
    result = given_up.redrive("--all", "--yes")
    assert result.exit_code == 0
    assert "Receiving, sending and deleting instead" in result.stderr
    assert (len(given_up.bodies("events")), given_up.bodies("dead-letters")) == (2, [])


def test_denied_or_failed_task_is_reported(given_up: Stack, monkeypatch: pytest.MonkeyPatch):
    with monkeypatch.context() as patch:
        Tasks(patch, error_code="AccessDenied")
        assert_fails(given_up.redrive("--all", "--yes"), "may not call StartMessageMoveTask")
    assert given_up.visible_letters() == 2
    Tasks(monkeypatch, ends="FAILED")
    assert_fails(given_up.redrive("--all", "--yes"), "FAILED after moving 1 message (AWS.AccessDenied)")


def test_task_that_is_listed_late_is_followed_and_an_unlisted_task_given_up(
    given_up: Stack, monkeypatch: pytest.MonkeyPatch
):
    with monkeypatch.context() as patch:
        Tasks(patch, listed_at=redrive.LISTED_WITHIN_SECONDS // redrive.POLL_SECONDS)
        assert given_up.redrive("--all", "--yes").exit_code == 0
    tasks = Tasks(monkeypatch, listed_at=float("inf"))
    assert_fails(given_up.redrive("--all", "--yes"), "60 s ago but does not list it")
    assert redrive.LISTED_WITHIN_SECONDS < tasks.clock <= redrive.LISTED_WITHIN_SECONDS + redrive.POLL_SECONDS
    assert given_up.visible_letters() == 2


class Elsewhere(Tasks):
    """A task that was started in the console; SQS rejects a second one, with any of several codes."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, *, code: str = "InvalidParameterValue", hidden: int = 0
    ) -> None:
        super().__init__(monkeypatch, error_code=code)
        self.hidden = hidden
        """How many times the task is not listed yet."""

    def seen(self, request: dict[str, Any], real: Any) -> dict[str, Any]:
        self.polls += 1
        if self.polls <= self.hidden:
            return {"Results": []}
        moved = self.polls - self.hidden
        status = "RUNNING" if moved < 3 else "COMPLETED"
        task = {"Status": status, "StartedTimestamp": 1, "ApproximateNumberOfMessagesMoved": moved}
        return {"Results": [task]}


REDRIVES = (["--all"], ["--all", "--force"], ["--reason", "gave-up"])


@pytest.mark.parametrize("arguments", [*REDRIVES, ["discard", "--all"]], ids=" ".join)
def test_task_that_runs_already_is_followed_and_nothing_else_is_done(
    given_up: Stack, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
):
    tasks = Elsewhere(monkeypatch)
    command = arguments if arguments[0] == "discard" else ["redrive", *arguments]
    result = given_up.run("dead-letters", *command, "--yes")
    assert "SQS already moves the dead letters, by a task started elsewhere" in result.stderr
    assert "SQS moved about 3 messages." in result.stdout
    assert {name for name, _ in tasks.calls} == {"list_message_move_tasks"}
    assert (len(given_up.bodies("dead-letters")), given_up.bodies("events")) == (2, [])
    assert [path.name for path in Path().iterdir()] == ["outputs.json"]
    if "--all" in command and "redrive" in command:
        assert result.exit_code == 0
    else:
        assert_fails(result, "This command changed nothing. Run it again")


@pytest.mark.parametrize("code", ["InvalidParameterValue", "AWS.SimpleQueueService.UnsupportedOperation"])
@pytest.mark.parametrize(("arguments", "hidden"), [(["--all"], 3), (["--all", "--force"], 2)])
def test_task_that_starts_meanwhile_is_followed(
    given_up: Stack, monkeypatch: pytest.MonkeyPatch, code: str, arguments: list[str], hidden: int
):
    tasks = Elsewhere(monkeypatch, code=code, hidden=hidden)
    assert "SQS moved about 3 messages." in given_up.redrive(*arguments, "--yes").stdout
    assert "send_message_batch" not in {name for name, _ in tasks.calls}
    assert given_up.bodies("events") == []


@pytest.mark.parametrize("command", ["redrive", "discard"])
def test_task_that_starts_during_the_question_stops_the_command(
    given_up: Stack, monkeypatch: pytest.MonkeyPatch, command: str
):
    Elsewhere(monkeypatch, hidden=1)
    result = given_up.run("dead-letters", command, "--reason", "gave-up", "--yes")
    assert_fails(result, "by a task started elsewhere, so nothing was changed")
    assert (given_up.visible_letters(), given_up.bodies("events")) == (2, [])
    assert [path.name for path in Path().iterdir()] == ["outputs.json"]
