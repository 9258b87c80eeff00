"""Whatever ends `send`, no event is lost, and no file that is not its own is touched."""

import errno
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from threading import Event, Thread, main_thread
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ops import connections, files
from ops import events as events_module
from ops.__main__ import app
from ops.events import RejectedEvents, copy_input, send_events
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


def send_interrupted(at: int, folder: Path) -> tuple[int, list[str]]:
    """Copy and send 12 events with a signal before the `at`th line; return how many lines ran, and what is lost."""
    (folder / "input").write_text("".join(f"{n}\n" for n in range(12)))
    sent: list[str] = []
    count = 0

    def accept(QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        sent.extend(entry["MessageBody"] for entry in Entries)
        return {"Successful": Entries}

    def trace(frame: Any, event: str, argument: object) -> Any:
        nonlocal count
        if Path(frame.f_code.co_filename).name not in ("events.py", "batches.py", "files.py"):
            return None
        count += event == "line"
        if event == "line" and count == at:
            os.kill(os.getpid(), signal.SIGTERM)
        return trace

    with files.NewFile(folder / f"kept-{at}") as kept, (folder / "input").open("rb") as source:
        rejected = RejectedEvents(kept, is_copy=True)
        consumed = 0
        with suppress(Stopped), stopping_signals():
            sys.settrace(trace)
            try:
                copied = copy_input(source, "input", kept)
                send_events(SimpleNamespace(send_message_batch=accept), "url", copied, rejected.add)
            finally:
                sys.settrace(None)
        for number in STOPPING_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        consumed = source.tell()
        if sent or rejected.count:
            rejected.close()
        found = sent + (kept.path.read_text().splitlines() if kept.path.exists() else [])
    read = (folder / "input").read_text()[:consumed].splitlines()
    return count, [body for body in read if body not in found]


@pytest.mark.usefixtures("handlers")
def test_signal_before_any_line_loses_no_event(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    total, lost = send_interrupted(0, tmp_path)
    assert (total > 100, lost) == (True, [])
    assert [at for at in range(1, total + 1) if send_interrupted(at, tmp_path)[1]] == []
    for number in range(total + 1):
        (tmp_path / f"kept-{number}").unlink(missing_ok=True)
    monkeypatch.setattr(events_module, "hold_signals", nullcontext)  # the control
    assert any(send_interrupted(at, tmp_path)[1] for at in range(1, total + 1))


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
