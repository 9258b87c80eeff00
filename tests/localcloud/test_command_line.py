"""What `python -m localcloud` prints about itself, and which files and streams its commands leave alone."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from localcloud import command_line, own_files
from localcloud.__main__ import app
from localcloud.cloud import LocalCloud, is_outputs
from localcloud.drills.catalogue import DRILLS
from localcloud.own_files import ClaimedError, FileError
from localcloud.progress import Progress
from simulation import drill
from tests.fakes.checkout import ROOT
from tests.fakes.command_lines import walk
from tests.fakes.strangers import outputs_at

HELP = [[*line.names, "--help"] for line in walk("localcloud")] + [["--help"]]


@pytest.mark.parametrize("words", HELP, ids=" ".join)
def test_options_with_a_value_show_its_type_and_flags_none(words: list[str]):
    command: Any = typer.main.get_command(app)
    for word in words[:-1]:
        command = command.commands[word]
    shown = CliRunner().invoke(app, words, env={"COLUMNS": "200"}).stdout
    for parameter in command.get_params(typer.Context(command)):
        row = re.search(rf"^│ (?:\*)? *{re.escape(parameter.opts[0])} +(<\w)?", shown, re.MULTILINE)
        assert row
        assert bool(row[1]) != getattr(parameter, "is_flag", False), parameter.opts


def end_with_closed_reader(words: list[str], monkeypatch: pytest.MonkeyPatch, app: typer.Typer = app) -> Any:
    """Return the exit code of a command whose standard output is a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        with pytest.raises(SystemExit) as ended:
            app(words, prog_name="python -m localcloud")
    return ended.value.code


@pytest.mark.parametrize("words", [*HELP, ["--version"], []], ids=lambda words: " ".join(words) or "no arguments")
def test_help_into_a_closed_pipe_is_no_error(words: list[str], monkeypatch: pytest.MonkeyPatch):
    assert end_with_closed_reader(words, monkeypatch) == 0


def test_help_of_the_drill_into_a_closed_pipe_is_no_error(monkeypatch: pytest.MonkeyPatch):
    assert end_with_closed_reader(["--help"], monkeypatch, drill.app) == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", [*HELP, ["--version"], ["up"], ["demo"], ["drill", "consumer-stopped"]], ids=" ".join)
def test_full_disk_prints_one_sentence(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def start(*_: object, progress: Progress, **__: object) -> None:
        progress.say("Started.")

    monkeypatch.setattr(LocalCloud, "start", start)
    monkeypatch.setattr(command_line.lifetime, "stop_when_orphaned", lambda: None)
    monkeypatch.setattr(command_line.signal, "signal", lambda *_: None)  # of the tests' own process
    if words == ["up"]:
        words = ["up", "--outputs", str(tmp_path / "out.json")]
    if words[0] == "drill" and words[-1] != "--help":
        words = [*words, "--out", str(tmp_path)]
    with Path("/dev/full").open("w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        with pytest.raises(SystemExit) as ended:
            app(words, prog_name="python -m localcloud")
    assert ended.value.code == 1
    assert capsys.readouterr().err == "The output could not be written: No space left on device.\n"


OURS = outputs_at("http://127.0.0.1:9") | {"accessKeyId": "LOCAL0"}


def make_folder(path: Path) -> None:
    path.mkdir()


def make_foreign(path: Path) -> None:
    path.write_text('{"endpoint": "http://127.0.0.1:9"}')


def make_empty(path: Path) -> None:
    path.touch()


def make_link(path: Path) -> None:
    (path.parent / "linked").write_text("theirs")
    path.symlink_to(path.parent / "linked")


def make_dangling_link(path: Path) -> None:
    path.symlink_to(path.parent / "nothing")


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")  # the path may be too long for a socket's address
    os.close(folder)


STRANGERS = [make_folder, make_foreign, make_empty, make_link, make_dangling_link, make_fifo, make_socket]
DRILL = ["drill", "consumer-stopped"]
# Every command that writes where its user says, and the file it would write there.
WRITERS: dict[str, tuple[Callable[[Path], list[str]], Callable[[list[str]], object], str]] = {
    "up": (lambda folder: ["up", "--outputs", str(folder / "out.json")], app, "out.json"),
    "drill page": (lambda folder: [*DRILL, "--out", str(folder)], app, "consumer-stopped-overview.html"),
    "drill neighbour": (lambda folder: [*DRILL, "--out", str(folder)], app, "consumer-stopped-ingest.html"),
    "drill picture": (lambda folder: [*DRILL, "--out", str(folder)], app, "consumer-stopped-overview.png"),
    "simulated page": (lambda folder: ["--out", str(folder)], lambda words: run_drill(words), "drill-overview.html"),
    "simulated neighbour": (lambda folder: ["--out", str(folder)], lambda words: run_drill(words), "drill-ingest.html"),
    "simulated picture": (lambda folder: ["--out", str(folder)], lambda words: run_drill(words), "drill-overview.png"),
}


@pytest.mark.usefixtures("nothing_starts")
def test_second_drill_with_the_same_boards_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    page = tmp_path / "consumer-stopped-overview.html"
    with own_files.claimed(page, "--out"), pytest.raises(SystemExit) as ended:
        app([*DRILL, "--out", str(tmp_path)])
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"Another drill is running, and will write {page}. Wait for its end, or pass another --out.\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["consumer", "", "consumer-stopped ", "../consumer-stopped"])
def test_unknown_drill_is_rejected_with_the_known_ones(name: str):
    result = CliRunner().invoke(app, ["drill", name])
    assert result.exit_code == 2
    assert "consumer-stopped" in result.stderr.replace(f"'{name}'", "")


def test_unknown_drill_is_answered_with_the_nearest_names():
    result = CliRunner().invoke(app, ["drill", "table"])
    text = " ".join(result.stderr.replace("│", " ").split())
    assert "No drill is named 'table'. Did you mean table-slow or" in text
    assert "consumer-stopped" not in text


def test_list_and_help_name_every_drill():
    listed, helped = (CliRunner().invoke(app, ["drill", option]) for option in ("--list", "--help"))
    assert listed.exit_code == helped.exit_code == 0
    text = "".join(helped.stdout.replace("│", " ").split())
    for found in DRILLS.values():
        assert found.name in text
        assert f"{found.name}: {found.begins}. About " in listed.stdout
        assert f"{found.until[0]} " in listed.stdout


@pytest.mark.parametrize("control", [[], ["--control"]], ids=["drill", "control"])
def test_drill_on_an_occupied_port_is_one_sentence(
    control: list[str],
    checkout: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
):
    monkeypatch.setattr(command_line, "PROJECT", checkout)
    monkeypatch.setattr(command_line.lifetime, "stop_when_orphaned", lambda: None)
    monkeypatch.setattr(command_line.signal, "signal", lambda *_: None)  # of the tests' own process
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SystemExit) as ended:
            app([*DRILL, *control, "--port", str(port), "--out", str(tmp_path)])
    assert ended.value.code == 1
    assert re.fullmatch(rf"Port {port} on 127\.0\.0\.1 cannot be used: .*\.\n", capfd.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def run_drill(words: list[str]) -> None:
    drill.run(Path(words[-1]))


def snapshot(folder: Path) -> dict[str, Any]:
    return {
        path.name: (path.lstat().st_ino, path.lstat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in folder.iterdir()
    }


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(*_: object, **__: object) -> None:
        raise AssertionError("started before the file was checked")

    for module, name in ((LocalCloud, "start"), (drill, "record"), (drill.lifetime, "stop_when_orphaned")):
        monkeypatch.setattr(module, name, start if name != "stop_when_orphaned" else lambda: None)
    monkeypatch.setattr(command_line.signal, "signal", lambda *_: None)  # of the tests' own process


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda make: make.__name__.removeprefix("make_"))
@pytest.mark.parametrize("writer", WRITERS)
def test_what_is_not_ours_is_left_alone(
    writer: str, stranger: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    words, run, name = WRITERS[writer]
    stranger(tmp_path / name)
    before = snapshot(tmp_path)
    with pytest.raises(SystemExit) as ended:
        run(words(tmp_path))
    assert ended.value.code == 1
    sentence = (
        rf"{tmp_path}/{name} (is|was) .*, and will not be overwritten\. Choose another place with --out(puts)?\.\n"
    )
    assert re.fullmatch(sentence, capsys.readouterr().err)
    assert snapshot(tmp_path) == before


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("path", ["/dev/null", "{file}/out.json", "{folder}/" + "x" * 250, "/proc/deep/out.json"])
def test_path_that_cannot_be_written_is_one_sentence(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        app(["up", "--outputs", path.format(file=tmp_path / "file", folder=tmp_path / "new")])
    assert ended.value.code == 1
    assert re.fullmatch(r"[^\n]+\. Choose another place with --outputs\.\n", capsys.readouterr().err)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"], "created folders are removed"


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize(("make", "owner"), [(make_foreign, 0), (make_fifo, 0), (make_empty, 1)])
def test_what_is_no_lock_of_ours_is_left_alone(
    make: Callable[[Path], None],
    owner: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    user = os.geteuid() + owner
    monkeypatch.setattr(os, "geteuid", lambda: user)
    lock = tmp_path / ".out.json.lock"
    make(lock)
    before = snapshot(tmp_path)
    with pytest.raises(SystemExit) as ended:
        app(["up", "--outputs", str(tmp_path / "out.json")])
    assert ended.value.code == 1
    assert capsys.readouterr().err == (
        f"{lock} is not a lock of this command, and will not be overwritten. Choose another place with --outputs.\n"
    )
    assert snapshot(tmp_path) == before


def test_what_replaced_the_lock_is_left_alone(tmp_path: Path):
    lock = tmp_path / ".out.json.lock"
    with own_files.claimed(tmp_path / "out.json", "--outputs"):
        lock.write_text("precious")
    assert lock.read_text() == "precious"
    lock.unlink()
    with own_files.claimed(tmp_path / "out.json", "--outputs"):
        lock.rename(tmp_path / "moved")
        lock.touch()
    assert lock.exists()


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("path", ["", ".", "/"])
def test_outputs_that_name_no_file_are_one_sentence(path: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        app(["up", "--outputs", path])
    assert ended.value.code == 1
    assert capsys.readouterr().err == "--outputs is empty or a folder. Name a file, such as outputs.json.\n"


def test_control_own_files_are_recognized(tmp_path: Path):
    outputs = tmp_path / "out.json"
    outputs.write_text(command_line.json.dumps(OURS))
    own_files.require_own(outputs, is_outputs, "--outputs")
    with pytest.raises(FileError):
        own_files.require_own(outputs, lambda _: False, "--outputs")
    for text in ("[" * 100_000, "null", "[]", "{}", '{"endpoint": 1, "accessKeyId": 2}'):
        assert not is_outputs(text)


HOLDER = """
import sys
from pathlib import Path
from localcloud.own_files import claimed
with claimed(Path(sys.argv[1]), "--outputs"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_claim_is_exclusive_and_ends_with_its_process(tmp_path: Path):
    outputs = tmp_path / "new" / "deep" / "out.json"
    command = [sys.executable, "-c", HOLDER, str(outputs)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(ClaimedError), own_files.claimed(outputs, "--outputs"):
            pass
        holder.kill()
    with own_files.claimed(outputs, "--outputs"), pytest.raises(ClaimedError), own_files.claimed(outputs, "--outputs"):
        pass
    assert list(outputs.parent.iterdir()) == [], (
        "the lock is removed, and the folder that the killed process created stays"
    )
    with own_files.claimed(tmp_path / "other" / "out.json", "--outputs"):
        assert (tmp_path / "other").exists()
    assert not (tmp_path / "other").exists()
