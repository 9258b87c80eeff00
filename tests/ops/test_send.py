"""Every event is accepted by the queue once, or kept in a file to be sent again, however sending ends."""

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from handlers.vocabulary import PROBE_USER
from ops.event_files import Event, EventFile, open_input
from ops.events import RejectedEvents, Sender, count_events
from tests.fakes.checkout import ROOT
from tests.ops.simulated_stack import Stack, accept_none, answer_with, assert_fails, lines, login, small_files


def test_every_line_is_sent_once(queues: Stack, events: Path):
    assert queues.run("send", "--file", str(events)).stdout == "Sent 25 events.\n"
    assert sorted(queues.bodies("events")) == sorted(lines(events))
    assert {path.name for path in Path().iterdir()} == {"outputs.json", "events.jsonl"}


def test_blank_lines_and_other_line_ends_are_accepted(queues: Stack):
    odd = login("grace").replace("Mail", "Web\u2028mail")
    assert queues.run("send", "--file", "-", answers=f"{odd}\r\n\n  \n{login('ada')}").stdout == "Sent 2 events.\n"
    assert queues.bodies("events") == [odd, login("ada")]


def test_event_from_options_is_sent(queues: Stack):
    when = ["--timestamp", "2024-03-01T00:00:00Z"]
    assert queues.run("send", "--user-id", "ada", "--service-id", "m", "--service-name", "M", *when).exit_code == 0
    (body,) = queues.bodies("events")
    assert json.loads(body) == json.loads(login("ada")) | {"service_id": "m", "service_name": "M"}


@pytest.mark.parametrize("user", ["ada", PROBE_USER])
def test_user_of_the_probe_is_named_as_that(queues: Stack, user: str):
    result = queues.run("send", "--user-id", user, "--service-id", "mail")
    assert (result.exit_code, "is the user of the probe" in result.stderr) == (0, user == PROBE_USER)


def test_rejected_event_from_options_is_not_kept(queues: Stack, monkeypatch: pytest.MonkeyPatch):
    answer_with(monkeypatch, send_message_batch=lambda request, real: {"Failed": [{"Id": "0", "Code": "Busy"}]})
    assert_fails(queues.run("send", "--user-id", "ada", "--service-id", "mail"), "  event 1: Busy")
    assert [path.name for path in Path().iterdir()] == ["outputs.json"]


def test_invalid_events_are_sent_only_with_raw(queues: Stack, events: Path):
    with events.open("a") as file:
        file.write("{}\n" * 12)
    result = queues.run("send", "--file", str(events))
    assert_fails(result, "12 of 37 events violate the contract")
    assert "event 26: " in result.stderr
    assert len(result.stderr.splitlines()) == 12
    assert queues.bodies("events") == []
    assert queues.run("send", "--file", str(events), "--raw").stdout == "Sent 37 events.\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "contains no event"),
        (b"\n \n", "contains no event"),
        (b"{}\n\xff\n", "Line 2 of events.jsonl is not UTF-8"),
    ],
)
def test_file_without_events_is_reported(queues: Stack, content: bytes, sentence: str):
    Path("events.jsonl").write_bytes(content)
    assert_fails(queues.run("send", "--file", "events.jsonl", "--raw"), sentence)
    assert_fails(queues.run("send", "--file", "."), ". cannot be read: Is a directory.")
    assert_fails(queues.run("send", "--file", "events.jsonl", "--user-id", "ada"), "Use either --file or")


def test_events_rejected_in_a_successful_response_are_kept(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch
):
    def all_but_the_first(request: dict[str, Any], real: Any) -> Any:
        answer = real(QueueUrl=request["QueueUrl"], Entries=request["Entries"][1:])
        return answer | {"Failed": [{"Id": "0", "Code": "InternalError", "SenderFault": False}]}

    with monkeypatch.context() as patch:
        answer_with(patch, send_message_batch=all_but_the_first)
        result = queues.run("send", "--file", str(events), "--failed", "again.jsonl")
    assert result.stdout == "Sent 22 of 25 events.\n"
    assert_fails(result, "  event 11: InternalError")
    assert Path("again.jsonl").stat().st_mode & 0o777 == 0o600
    assert lines("again.jsonl") == lines(events)[::10]
    assert queues.run("send", "--file", "again.jsonl").exit_code == 0
    assert sorted(queues.bodies("events")) == sorted(lines(events))


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (KeyboardInterrupt(), 130, "Interrupted."),
        (EndpointConnectionError(endpoint_url="http://sqs"), 1, "Is the stack still there"),
        (ClientError({"Error": {"Code": "ExpiredToken"}}, "SendMessageBatch"), 1, "credentials have expired"),
    ],
)
def test_interrupted_send_keeps_the_unsent_events(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, sentence: str
):
    def second_fails(request: dict[str, Any], real: Any) -> Any:
        if queues.bodies("events"):
            raise error
        return real(**request)

    answer_with(monkeypatch, send_message_batch=second_fails)
    result = queues.run("send", "--file", str(events), "--failed", "again.jsonl")
    assert (result.exit_code, result.stdout) == (code, "")
    assert sentence in result.stderr
    assert "15 of 25 events kept in again.jsonl" in result.stderr
    assert sorted(queues.bodies("events") + lines("again.jsonl")) == sorted(lines(events))


@pytest.mark.parametrize("code", ["InvalidMessageContents", "AWS.SimpleQueueService.BatchRequestTooLong"])
def test_batch_rejected_for_a_body_does_not_stop_the_others(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch, code: str
):
    def reject_first(request: dict[str, Any], real: Any) -> Any:
        if request["Entries"][0]["MessageBody"] == lines(events)[0]:
            raise ClientError({"Error": {"Code": code}}, "SendMessageBatch")
        return real(**request)

    answer_with(monkeypatch, send_message_batch=reject_first)
    assert queues.run("send", "--file", str(events), "--failed", "again.jsonl").stdout == "Sent 15 of 25 events.\n"
    assert lines("again.jsonl") == lines(events)[:10]


def test_full_disk_is_reported_and_kept_events_are_whole(queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch):
    accept_none(monkeypatch)
    with small_files():
        result = queues.run("send", "--file", str(events), "--failed", "again.jsonl")
    kept = lines("again.jsonl")
    assert 0 < len(kept) < 25
    assert kept == lines(events)[: len(kept)]
    lost = f"again.jsonl ends before event {len(kept) + 1}, because the rest could not be written (File too large)"
    assert_fails(result, lost)
    assert "kept in" not in result.stderr


def test_existing_file_is_not_overwritten(queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch):
    Path("again.jsonl").write_text("evidence")
    accept_none(monkeypatch)
    result = queues.run("send", "--file", str(events), "--failed", "again.jsonl")
    assert_fails(result, "already exists and will not be overwritten")
    assert Path("again.jsonl").read_text() == "evidence"


def test_rejected_events_are_kept_by_default_in_a_private_file_that_git_ignores(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch
):
    accept_none(monkeypatch)
    result = queues.run("send", "--file", str(events))
    (kept,) = Path(".localcloud", "kept").iterdir()
    assert f"25 events kept in {kept}" in result.stderr
    assert kept.stat().st_mode & 0o777 == 0o600
    assert lines(kept) == lines(events)
    assert f"{kept.parts[0]}/" in (ROOT / ".gitignore").read_text().splitlines()


class Accepting:
    """A queue that accepts everything and keeps only the sizes of batches."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.sizes.append(len(Entries))
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


def test_memory_does_not_grow_with_file_size(tmp_path: Path):
    count = 5_000
    with (tmp_path / "many.jsonl").open("w") as file:
        file.writelines(f"{login('x' * 200)}\n" for _ in range(count))
    size = (tmp_path / "many.jsonl").stat().st_size

    def peak(hold: bool) -> int:
        tracemalloc.start()
        with open_input(tmp_path / "many.jsonl") as file:
            events = EventFile(file, "many.jsonl")
            held: Any = list(events) if hold else events  # the control: memory of a list of all events
            assert count_events(held, check=False) == count
            sender = Sender(Accepting(), "url", RejectedEvents(None).add)
            sender.send(held)
        assert sender.accepted == count
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    assert peak(hold=False) < size / 10
    assert peak(hold=True) > size


def test_oversized_body_is_sent_alone():
    bodies = [Event(number, "x" * size) for number, size in enumerate([10, 2_000_000, 10, 600_000, 600_000])]
    sqs = Accepting()
    Sender(sqs, "url", RejectedEvents(None).add).send(bodies)
    assert sqs.sizes == [1, 1, 2, 1]
