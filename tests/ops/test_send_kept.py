"""Whatever ends `send`, no event is lost."""

import errno
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from pathlib import Path
from threading import Event, Thread, Timer, main_thread
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError
from typer.testing import CliRunner

from ops import clients, event_files, files, requests_ahead
from ops import events as events_module
from ops.__main__ import app
from ops.event_files import Event as LoginEvent
from ops.event_files import EventFile, copy_input
from ops.events import RejectedEvents, Sender
from ops.signals import STOPPING_SIGNALS, Stopped, stopping_signals
from tests.fakes.strangers import outputs_at, recording
from tests.fakes.waiting import HANG_SECONDS, eventually
from tests.ops.simulated_stack import Stack, accept_none, answer_with, assert_fails, lines, login, small_files


@pytest.fixture
def handlers() -> Iterator[None]:
    """Signal handlers as before, after a command that a signal has stopped."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in STOPPING_SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", STOPPING_SIGNALS)
@pytest.mark.parametrize("moment", ["reading", "sending", "answered"])
def test_events_of_an_interrupted_pipe_are_sent_or_kept(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, moment: str
):
    """The signal arrives while the producer still holds the pipe open, or with a request.

    Requests under way then are answered a moment later, or not at all.
    """
    os.mkfifo("pipe")
    has_ended, kept = Event(), Path("again.jsonl")

    def produce() -> None:
        with Path("pipe").open("wb") as pipe:
            pipe.write(events.read_bytes())
            pipe.flush()
            if moment == "reading":
                eventually(lambda: kept.exists() and kept.stat().st_size == events.stat().st_size)
                signal.pthread_kill(main_thread().ident or 0, number)
                has_ended.wait(HANG_SECONDS)

    def one_is_interrupted(request: dict[str, Any], real: Any) -> Any:
        assert lines("again.jsonl") == lines(events), "even SIGKILL would lose nothing"
        first = lines(events).index(request["Entries"][0]["MessageBody"])
        if first == (20 if moment == "answered" else 10):
            os.kill(os.getpid(), number)
        if first and moment == "sending":
            has_ended.wait(HANG_SECONDS)
            raise EndpointConnectionError(endpoint_url="http://sqs")
        return real(**request)

    monkeypatch.setattr(requests_ahead, "LAST_ANSWERS_SECONDS", HANG_SECONDS if moment == "answered" else 0.01)
    answer_with(monkeypatch, send_message_batch=one_is_interrupted)
    producer = Thread(target=produce)
    producer.start()
    result = queues.run("send", "--file", "pipe", "--failed", "again.jsonl")
    has_ended.set()
    producer.join()
    assert result.exit_code == 128 + number
    assert result.stderr.endswith(f"Interrupted ({number.name}).\n")
    if moment == "answered":
        assert "Sent 25 events, then stopped." in result.stderr
        assert not kept.exists()
        assert sorted(queues.bodies("events")) == sorted(lines(events))
        return
    if moment == "sending":
        assert "Sent 10 of 25 events, then stopped." in result.stderr
        assert "15 of 25 events kept in again.jsonl" in result.stderr
        assert lines("again.jsonl") == lines(events)[10:]
    else:
        assert "25 events kept in again.jsonl; nothing was sent." in result.stderr
        assert lines("again.jsonl") == lines(events)
        assert queues.bodies("events") == []
    assert {path.name for path in Path().iterdir()} == {"outputs.json", "events.jsonl", "again.jsonl", "pipe"}


DENIED = ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessageBatch")


def send_interrupted(at: int, folder: Path, *, is_denied: bool) -> tuple[int, list[str]]:
    """Copy and send 12 events with a signal before the `at`th line; return how many lines ran, and what is lost.

    With `is_denied`, the queue rejects the second batch and every one after it.
    """
    (folder / "input").write_text("".join(f"{n}\n" for n in range(12)))
    sent: list[str] = []
    count = 0

    def accept(QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        if is_denied and sent:
            raise DENIED
        sent.extend(entry["MessageBody"] for entry in Entries)
        return {"Successful": Entries}

    def trace(frame: Any, event: str, argument: object) -> Any:
        nonlocal count
        if Path(frame.f_code.co_filename).name not in (
            "events.py",
            "event_files.py",
            "batches.py",
            "files.py",
            "requests_ahead.py",
        ):
            return None
        count += event == "line"
        if event == "line" and count == at:
            os.kill(os.getpid(), signal.SIGTERM)
        return trace

    with files.NewFile(folder / f"kept-{at}") as kept, (folder / "input").open("rb") as source:
        rejected = RejectedEvents(kept, is_copy=True)
        sender = Sender(SimpleNamespace(send_message_batch=accept), "url", rejected.add)
        consumed, copied = 0, None
        with suppress(Stopped, ClientError), stopping_signals():
            sys.settrace(trace)
            try:
                copied = copy_input(source, "input", kept)
                try:
                    sender.send(copied)
                finally:
                    rejected.close(is_complete=sender.is_complete)
            finally:
                sys.settrace(None)
        for number in STOPPING_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        consumed = source.tell()
        found = sent + (kept.path.read_text().splitlines() if kept.path.exists() else [])
    read = (folder / "input").read_text()[:consumed].splitlines()
    return count, [body for body in read if body not in found]


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("is_denied", [False, True], ids=["accepted", "denied"])
def test_signal_before_any_line_loses_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_denied: bool):
    total, lost = send_interrupted(0, tmp_path, is_denied=is_denied)
    assert (total > 100, lost) == (True, [])
    assert [at for at in range(1, total + 1) if send_interrupted(at, tmp_path, is_denied=is_denied)[1]] == []
    for number in range(total + 1):
        (tmp_path / f"kept-{number}").unlink(missing_ok=True)
    monkeypatch.setattr(requests_ahead, "LAST_ANSWERS_SECONDS", 0.01)  # for a request that a signal kept from starting
    for module in (events_module, event_files):
        monkeypatch.setattr(module, "hold_signals", nullcontext)  # the control
    assert any(send_interrupted(at, tmp_path, is_denied=is_denied)[1] for at in range(1, total + 1))


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("is_pipe", [True, False], ids=["pipe", "file"])
def test_signal_while_a_denied_command_keeps_events_loses_none(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch, is_pipe: bool
):
    def deny_second(request: dict[str, Any], real: Any) -> Any:
        if queues.bodies("events"):
            raise DENIED
        return real(**request)

    def add(self: RejectedEvents, event: LoginEvent, code: str) -> None:
        if self.count == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        add_(self, event, code)

    add_ = RejectedEvents.add
    monkeypatch.setattr(RejectedEvents, "add", add)
    answer_with(monkeypatch, send_message_batch=deny_second)
    path, answers = ("-", events.read_text()) if is_pipe else (str(events), "")
    result = queues.run("send", "--file", path, "--failed", "again.jsonl", answers=answers)
    assert result.exit_code == 128 + signal.SIGTERM
    assert "Sent 10 of 25 events, then stopped." in result.stderr
    assert "15 of 25 events kept in again.jsonl" in result.stderr
    assert queues.bodies("events") == lines(events)[:10]
    assert lines("again.jsonl") == lines(events)[10:]


@pytest.mark.parametrize(
    ("is_pipe", "sentence"),
    [(True, "All 25 events are in again.jsonl, sent ones included"), (False, "Not every unsent event was kept. Send ")],
    ids=["pipe", "file"],
)
def test_incomplete_list_of_unsent_events_replaces_no_copy(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch, is_pipe: bool, sentence: str
):
    """What is left cannot be read to its end."""
    is_denied = False

    def deny_second(request: dict[str, Any], real: Any) -> Any:
        nonlocal is_denied
        if is_denied := bool(queues.bodies("events")):
            raise DENIED
        return real(**request)

    def read(self: EventFile) -> Iterator[LoginEvent]:
        for event in read_(self):
            if is_denied and event.number == 15:
                raise OSError(errno.EIO, "Input/output error")
            yield event

    read_ = EventFile.__iter__
    monkeypatch.setattr(EventFile, "__iter__", read)
    answer_with(monkeypatch, send_message_batch=deny_second)
    path, answers = ("-", events.read_text()) if is_pipe else (str(events), "")
    result = queues.run("send", "--file", path, "--failed", "again.jsonl", answers=answers)
    assert "Sent 10 of 25 events, then stopped." in result.stderr
    assert sentence in result.stderr
    assert lines("again.jsonl") == (lines(events) if is_pipe else lines(events)[10:14])
    assert {path.name for path in Path().iterdir()} == {"outputs.json", "events.jsonl", "again.jsonl"}


@pytest.mark.parametrize("chunk_bytes", [70, 300, 64 * 1024], ids=["part of a line", "lines", "all"])
def test_pipe_whose_copy_cannot_be_written_is_kept_in_whole_events(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
):
    monkeypatch.setattr(event_files, "CHUNK_BYTES", chunk_bytes)
    with small_files():
        result = queues.run("send", "--file", "-", "--failed", "again.jsonl", answers=events.read_text())
    kept = lines("again.jsonl")
    assert 0 < len(kept) < 25
    assert kept == lines(events)[: len(kept)]
    assert_fails(result, f"{len(kept)} events kept in again.jsonl; nothing was sent.")
    again = f"again.jsonl cannot be written: File too large. Free some space, then send event {len(kept) + 1} and"
    assert again in result.stderr


def test_data_that_another_process_takes_blocks_no_signal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    reader, writer = os.pipe()
    unblock = Timer(2, os.write, [writer, b"late\n"])  # ends the control, a read that waits
    waits: list[str] = []

    def take_first(*_: object) -> None:
        waits.append(os.read(reader, 100).decode() if not waits else "ready")
        if len(waits) == 2:
            unblock.cancel()
            os.write(writer, b"second\n")
            os.close(writer)

    os.write(writer, b"first\n")
    monkeypatch.setattr(event_files.select, "select", take_first)
    with files.NewFile(tmp_path / "copy") as copy, os.fdopen(reader, "rb") as source:
        unblock.start()
        copied = copy_input(source, "input", copy)
        assert [event.body for event in copied] == ["second"]
        assert os.get_blocking(reader)


def test_pipe_is_kept_when_nothing_is_sent(queues: Stack):
    result = queues.run("send", "--file", "-", "--failed", "again.jsonl", answers=f"{login('ada')}\n{{}}\n")
    assert_fails(result, "1 of 2 events violates the contract")
    assert "2 events kept in again.jsonl; nothing was sent." in result.stderr
    assert lines("again.jsonl") == [login("ada"), "{}"]


def test_full_disk_leaves_the_whole_copy_of_a_pipe(queues: Stack, monkeypatch: pytest.MonkeyPatch):
    accept_none(monkeypatch)
    content = "".join(f"{login(f'user-{number}')}\n" for number in range(9))

    def fail(self: files.NewFile, data: bytes) -> None:
        if self.path.name != "again.jsonl":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(self, data)

    write = files.NewFile.write
    monkeypatch.setattr(files.NewFile, "write", fail)
    result = queues.run("send", "--file", "-", "--failed", "again.jsonl", answers=content)
    assert_fails(result, "All 9 events are in again.jsonl, sent ones included")
    assert Path("again.jsonl").read_text() == content
    assert {path.name for path in Path().iterdir()} == {"outputs.json", "again.jsonl"}


def test_silent_server_is_not_called_an_unreadable_file(tmp_path: Path, events: Path, monkeypatch: pytest.MonkeyPatch):
    impatient = Config(read_timeout=0.2, retries={"total_max_attempts": 1})
    monkeypatch.setattr(clients, "CLIENT_CONFIG", impatient)
    monkeypatch.chdir(tmp_path)
    with recording(None) as server:
        Path("outputs.json").write_text(json.dumps(outputs_at(server.url)))
        result = CliRunner().invoke(app, ["send", "--file", str(events), "--outputs", "outputs.json"])
    assert_fails(result, f'Read timeout on endpoint URL: "{server.url}')
    assert "cannot be read" not in result.stderr
