"""Whatever ends `send`, no event is lost, and no file that is not its own is touched."""

import errno
import gzip
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from threading import Event, Thread, Timer, main_thread
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ops import connections, event_files, files
from ops import events as events_module
from ops.__main__ import app
from ops.event_files import Event as LoginEvent
from ops.event_files import EventFile, copy_input
from ops.events import RejectedEvents, Sender
from ops.signals import STOPPING_SIGNALS, Stopped, stopping_signals
from tests.fakes.strangers import outputs_at, recording
from tests.fakes.waiting import HANG_SECONDS, eventually
from tests.ops.simulated_stack import Stack, accept_none, answer_with, assert_fails, lines, login

KINDS = ("file", "link", "dangling link", "folder", "fifo", "device", "no folder", "read-only")


@pytest.mark.parametrize("option", ["--failed", "--copy"])
@pytest.mark.parametrize(
    "kind", ["file", "link", "dangling link", "folder", "fifo", "device", "no folder", "read-only"]
)
def test_unusable_file_is_rejected_before_the_first_request(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch, kind: str, option: str
):
    path = make_unusable(kind)
    before = sorted(path_.name for path_ in Path().iterdir())
    calls = answer_with(monkeypatch, **dict.fromkeys(OPERATIONS, lambda request, real: real(**request)))
    command = {"--failed": ["send", "--file", str(events)], "--copy": ["dead-letters", "discard", "--all", "--yes"]}
    result = queues.run(*command[option], option, str(path))
    wanted = "cannot be written" if kind in ("no folder", "read-only") else "already exists and will not be overwritten"
    assert_fails(result, f"{path} {wanted}")
    assert len(result.stderr.splitlines()) == 1
    assert calls == []
    assert sorted(path_.name for path_ in Path().iterdir()) == before
    assert kind != "file" or path.read_text() == "evidence"


OPERATIONS = ("get_queue_attributes", "send_message_batch", "receive_message", "delete_message_batch")


def make_unusable(kind: str) -> Path:
    path = Path("unusable")
    if kind == "file":
        path.write_text("evidence")
    elif kind == "link":
        Path("target").write_text("evidence")
        path.symlink_to("target")
    elif kind == "dangling link":
        path.symlink_to("nothing")
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "device":
        return Path(os.devnull)
    elif kind == "no folder":
        return path / "file"
    else:  # also for root, whom no mode stops
        return Path("/proc/unusable")
    return path


def test_unusable_folder_of_kept_files_is_rejected_before_the_first_request(queues: Stack, events: Path):
    Path(".localcloud").write_text("evidence")
    result = queues.run("send", "--file", str(events))
    assert_fails(result, "cannot be written: Not a directory. Choose another file with --failed.")
    assert queues.bodies("events") == []
    assert Path(".localcloud").read_text() == "evidence"


def test_two_runs_in_one_second_never_use_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(files, "datetime", SimpleNamespace(now=lambda zone: datetime(2026, 1, 1, tzinfo=zone)))
    with ExitStack() as stack:
        kept = [stack.enter_context(files.create_file(None, "kind", "--copy")) for _ in range(3)]
        assert [file.path.name for file in kept] == [f"kind-20260101T000000{n}.jsonl" for n in ("", "-2", "-3")]
        kept[1].is_needed = True
    assert list(Path(".localcloud", "kept").iterdir()) == [kept[1].path]


def test_file_that_replaced_ours_is_not_removed(tmp_path: Path):
    with files.NewFile(tmp_path / "a") as ours:
        ours.path.unlink()
        ours.path.write_text("evidence")
    assert ours.path.read_text() == "evidence"


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
@pytest.mark.parametrize("is_sending", [False, True], ids=["reading", "sending"])
def test_events_of_an_interrupted_pipe_are_sent_or_kept(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, is_sending: bool
):
    """The signal arrives while the producer still holds the pipe open, or with the second batch."""
    os.mkfifo("pipe")
    has_ended, kept = Event(), Path("again.jsonl")

    def produce() -> None:
        with Path("pipe").open("wb") as pipe:
            pipe.write(events.read_bytes())
            pipe.flush()
            if not is_sending:
                eventually(lambda: kept.exists() and kept.stat().st_size == events.stat().st_size)
                signal.pthread_kill(main_thread().ident or 0, number)
                has_ended.wait(HANG_SECONDS)

    def second_is_interrupted(request: dict[str, Any], real: Any) -> Any:
        assert lines("again.jsonl") == lines(events), "even SIGKILL would lose nothing"
        if queues.bodies("events"):
            os.kill(os.getpid(), number)
        return real(**request)

    answer_with(monkeypatch, send_message_batch=second_is_interrupted)
    producer = Thread(target=produce)
    producer.start()
    result = queues.run("send", "--file", "pipe", "--failed", "again.jsonl")
    has_ended.set()
    producer.join()
    assert result.exit_code == 128 + number
    assert result.stderr.endswith(f"Interrupted ({number.name}).\n")
    if is_sending:
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
        if Path(frame.f_code.co_filename).name not in ("events.py", "event_files.py", "batches.py", "files.py"):
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


@pytest.mark.usefixtures("small_files")
@pytest.mark.parametrize("chunk_bytes", [70, 300, 64 * 1024], ids=["part of a line", "lines", "all"])
def test_pipe_whose_copy_cannot_be_written_is_kept_in_whole_events(
    queues: Stack, events: Path, monkeypatch: pytest.MonkeyPatch, chunk_bytes: int
):
    monkeypatch.setattr(event_files, "CHUNK_BYTES", chunk_bytes)
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
    monkeypatch.setattr(connections, "CLIENT_CONFIG", impatient)
    monkeypatch.chdir(tmp_path)
    with recording(None) as server:
        Path("outputs.json").write_text(json.dumps(outputs_at(server.url)))
        result = CliRunner().invoke(app, ["send", "--file", str(events), "--outputs", "outputs.json"])
    assert_fails(result, f'Read timeout on endpoint URL: "{server.url}')
    assert "cannot be read" not in result.stderr


def test_byte_order_mark_is_skipped(queues: Stack):
    Path("marked.jsonl").write_text(f"{login('ada')}\n", encoding="utf-8-sig")
    assert queues.run("send", "--file", "marked.jsonl").stdout == "Sent 1 event.\n"
    assert queues.bodies("events") == [login("ada")]


@pytest.mark.parametrize(
    "content",
    [f"[{login('ada')}]", f"[\n{login('ada')}\n]", json.dumps(json.loads(login("ada")), indent=2), login("ada") * 2],
    ids=["array", "array over lines", "object over lines", "two objects in a line"],
)
def test_other_json_is_rejected_with_the_format(queues: Stack, content: str):
    Path("other.json").write_text(content)
    result = queues.run("send", "--file", "other.json")
    assert_fails(result, "Line 1 of other.json is not a JSON object, so nothing was sent. Write one event per line")
    assert "jq -c '.[]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"more": [' * 100_000, "event 1: The body nests deeper than 500 levels."),
        (login("ada")[:-1] + f', "more": {{"a": {"[" * 600}{"]" * 600}}}}}', "The body nests deeper than 500 levels."),
        (login("ada")[:-1] + ', "user_id": "b"}', "event 1: The body contains user_id more than once in one object."),
        (login("ada").replace('"ada"', "5" * 5_000), "event 1: user_id is a number; it must be a string."),
    ],
    ids=["open objects", "arrays", "doubled key", "number"],
)
def test_object_on_the_first_line_is_judged_by_the_contract(queues: Stack, content: str, sentence: str):
    Path("odd.jsonl").write_text(content)
    result = queues.run("send", "--file", "odd.jsonl")
    assert_fails(result, sentence)
    assert "not a JSON object" not in result.stderr


def test_long_integer_in_an_ignored_field_is_sent(queues: Stack):
    body = login("ada")[:-1] + f', "more": {"7" * 5_000}}}'
    Path("long.jsonl").write_text(body)
    assert queues.run("send", "--file", "long.jsonl").stdout == "Sent 1 event.\n"
    assert queues.bodies("events") == [body]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (login("ada").encode("utf-16"), "Line 1 of odd is not UTF-8. It is UTF-16. Convert it: `iconv -f UTF-16 "),
        (login("ada").encode("utf-16-le"), "Line 1 of odd is not a JSON object, so nothing was sent. It is UTF-16. "),
        (gzip.compress(login("ada").encode()), "Line 1 of odd is not UTF-8. It is compressed by gzip. Decompress it: "),
        (f"{login('ada')}\n{{".encode() + b"\xe9}", "Line 2 of odd is not UTF-8. Save it as UTF-8."),
        (f"{login('ada')}\r{login('bob')}\r".encode(), "Its lines end in CR alone. Convert them: `tr '\\r' '\\n'`."),
    ],
    ids=["UTF-16", "UTF-16 without mark", "gzip", "Latin-1", "CR"],
)
def test_file_in_another_format_is_explained(queues: Stack, content: bytes, sentence: str):
    Path("odd").write_bytes(content)
    result = queues.run("send", "--file", "odd")
    assert_fails(result, sentence)
    assert len(result.stderr.splitlines()) == 1


def test_event_over_the_limit_of_the_queue_is_invalid_and_never_to_be_sent_again(queues: Stack):
    attributes = {"MaximumMessageSize": "1024"}
    queues.sqs.set_queue_attributes(QueueUrl=queues.outputs.queue_url, Attributes=attributes)
    large = login("ada")[:-1] + ", " + json.dumps({"more": "x" * 2000})[1:]
    Path("some.jsonl").write_text(f"{login('ada')}\n{large}\n{login('grace')}\n")
    size = f"{len(large)} bytes; the queue accepts 1024"
    assert_fails(queues.run("send", "--file", "some.jsonl"), f"event 2: It has {size}.")
    assert queues.bodies("events") == []
    result = queues.run("send", "--file", "some.jsonl", "--raw", "--failed", "again.jsonl")
    assert_fails(result, f"event 2: InvalidParameterValue ({size})")
    assert "1 event larger than the queue accepts, which would be rejected again." in result.stderr
    assert "To send again" not in result.stderr
    assert queues.bodies("events") == [login("ada"), login("grace")]
    assert lines("again.jsonl") == [large]


def test_producer_needs_permission_to_send_alone(queues: Stack, monkeypatch: pytest.MonkeyPatch):
    def deny(request: dict[str, Any], real: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetQueueAttributes")

    answer_with(monkeypatch, get_queue_attributes=deny)
    assert queues.run("send", "--user-id", "ada", "--service-id", "mail").stdout == "Sent 1 event.\n"
