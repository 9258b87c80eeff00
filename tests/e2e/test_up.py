"""`python -m localcloud up` as people and scripts use it, and how it ends."""

import json
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from components.packaging.artifact import Target, build_artifact
from localcloud.command_line import USUAL_PORT
from tests.fakes.checkout import ROOT, link_checkout
from tests.fakes.processes import living, with_command
from tests.fakes.runs import Run
from tests.fakes.waiting import HANG_SECONDS, eventually

KEYS = {
    "queueUrl", "deadLetterQueueUrl", "tableName", "apiUrl", "tokenUrl", "apiScope", "apiClients", "functions",
    "alarmTopics", "dashboardUrls", "release", "versionsKept", "userPoolId", "endpoint", "region", "accessKeyId",
    "secretAccessKey",
}  # fmt: skip
Up = Callable[..., Run]


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    return tmp_path / "outputs" / "outputs.json"


@pytest.fixture
def up(checkout: Path, tmp_path: Path, outputs: Path) -> Iterator[Up]:
    """Start `up` with these outputs, unless the arguments name others."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "localcloud", "up", "--outputs", str(outputs)]
    with ExitStack() as runs:

        def start(*arguments: str, closed: str = "", folder: Path = checkout) -> Run:
            closing = ["sh", "-c", f'exec "$@" {closed}', "sh"]
            return runs.enter_context(Run([*closing, *command, *arguments], folder, scratch))

        yield start


def is_open(endpoint: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(endpoint.rpartition(":")[2]))) == 0


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    """A checkout whose handlers can be edited, and whose packages need no pip."""
    build_artifact(ROOT, Target.host())
    folder = tmp_path / "edited"
    folder.mkdir()
    link_checkout(folder, copied=("components", "handlers"))
    (folder / ".build").mkdir()
    for layer in (ROOT / ".build").glob("layer-host-*.zip"):
        (folder / ".build" / layer.name).symlink_to(layer)
    return folder


def test_up_reports_progress_and_edits_and_leaves_nothing_after_sigterm(up: Up, outputs: Path, edited: Path):
    run = up(closed="2>&-", folder=edited)
    printed = run.watch(until="\nready ")
    written = json.loads(outputs.read_text())
    assert written.keys() == KEYS
    assert outputs.stat().st_mode & 0o777 == 0o600
    assert set(outputs.parent.iterdir()) == {outputs, outputs.with_name(".outputs.json.lock")}
    assert written["apiUrl"] in printed
    assert written["apiClients"]["example-client"]["clientSecret"] not in printed
    assert written["secretAccessKey"] not in printed
    assert re.search(r"\[1/2\] .* done in [\d.]+ s", printed)
    assert requests.get(f"{written['apiUrl']}/users/anybody/services", timeout=HANG_SECONDS).status_code == 401
    assert len(run.processes()) >= 2, "the command and the emulator"
    status, printed, error = up().end()
    assert (status, printed) == (1, ""), "the second cloud does not start"
    assert re.fullmatch(rf".* already running at {written['endpoint']}\. .* --outputs\.", error.strip()), error
    assert json.loads(outputs.read_text()) == written

    handler = edited / "handlers" / "query.py"
    before = handler.read_text()
    for text, said in (
        (f"{before}\nimport absent\n", "No module named 'absent'"),
        (before, "Fixed. handlers/query.py: nothing to load"),
    ):
        handler.write_text(text)
        assert said in run.watch(until=said)

    run.process.send_signal(signal.SIGTERM)
    status, _, _ = run.end()
    assert status == 0
    assert not outputs.parent.exists(), "the folder was created by this command"
    eventually(run.left_over, lambda found: not found)
    assert not is_open(written["endpoint"])


def test_dead_emulator_is_reported_also_where_streams_are_closed(up: Up, outputs: Path):
    run = up("--empty", closed="<&- >&-")  # a stack in it changes nothing, and takes seconds
    eventually(outputs.exists)
    descriptors = [Path(f"/proc/{run.process.pid}/fd/{number}").resolve() for number in (0, 1)]
    assert descriptors == [Path(os.devnull)] * 2
    (emulator,) = living(with_command("localcloud.emulator.server", str(run.scratch)))
    os.kill(emulator, signal.SIGKILL)
    status, _, error = run.end()
    assert status == 1
    assert error.strip().splitlines() == [error.strip()]
    assert "ended unexpectedly" in error
    eventually(run.left_over, lambda found: not found)


def test_help_names_options_and_next_commands(up: Up):
    status, printed, _ = up("--help").end()
    assert status == 0
    for word in ("--stack", "--outputs", "--port", "ops", "Ctrl-C"):
        assert word in printed


def test_user_errors_print_one_sentence(up: Up, tmp_path: Path):
    for arguments, expected in {
        ("--port", "70000"): r"Port 70000 on 127\.0\.0\.1 cannot be used: .*",
        ("--stack", "nowhere"): r"Stack nowhere does not exist: .*",
        ("--outputs", str(tmp_path)): r".* is a folder, and will not be overwritten\. .* --outputs\.",
    }.items():
        run = up(*arguments)
        status, printed, error = run.end()
        assert status == 1
        assert not printed or "--outputs" not in arguments, "before anything was started"
        assert re.fullmatch(expected, error.strip()), error
        assert run.left_over() == []


def test_console_is_on_the_usual_port_unless_that_is_taken(up: Up, tmp_path: Path):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", USUAL_PORT))
            taken.listen()
        except OSError:
            pass  # by another program: as good
        other = up("--empty")
        printed = other.watch(until="/_console")
        other.process.send_signal(signal.SIGTERM)
        assert other.end()[0] == 0
    found = re.search(r"live: http://127\.0\.0\.1:(\d+)/_console", printed)
    assert found
    assert int(found[1]) != USUAL_PORT
    assert f"Port {USUAL_PORT} is taken" in printed


def test_failed_deployment_says_why_and_leaves_nothing(up: Up, outputs: Path):
    run = up("--stack", "prod")
    status, _, error = run.end()
    assert status == 1
    assert "apiClients" in error
    assert "Traceback" not in error
    assert not outputs.parent.exists()
    eventually(run.left_over, lambda found: not found)
