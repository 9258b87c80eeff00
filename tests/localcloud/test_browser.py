"""A picture is taken by a browser that leaves nothing, also when the command that waits for it is killed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from localcloud.boards import browser
from tests.fakes.checkout import ROOT
from tests.fakes.waiting import eventually


def fake_browser(folder: Path, script: str) -> str:
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_browser_profile_is_removed_after_the_picture(tmp_path: Path) -> None:
    write = '--screenshot=*) echo "TMPDIR=$TMPDIR $@" > "${option#*=}"'
    script = f'for option in "$@"; do case "$option" in {write};; esac; done'
    picture = tmp_path / "page.png"
    browser.take_picture(fake_browser(tmp_path, script), tmp_path / "page.html", picture, 1280, 900)
    arguments = picture.read_text()
    assert "--window-size=1280,900" in arguments
    profile = re.search(r"--user-data-dir=(\S+)", arguments)
    assert profile
    assert f"TMPDIR={profile[1]}" in arguments
    assert not Path(profile[1]).exists()


@pytest.mark.parametrize(
    ("script", "error"), [("echo broken >&2; exit 3", r"exit code 3\): broken"), ("exit 0", "no error output")]
)
def test_browser_that_takes_no_picture_is_an_error(tmp_path: Path, script: str, error: str) -> None:
    with pytest.raises(browser.BrowserError, match=error):
        browser.take_picture(fake_browser(tmp_path, script), tmp_path / "page.html", tmp_path / "page.png", 10, 10)


def test_browser_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "TIMEOUT_SECONDS", 0.1)
    with pytest.raises(browser.BrowserError, match=r"within 0\.1 s"):
        browser.take_picture(fake_browser(tmp_path, "sleep 60"), tmp_path / "a", tmp_path / "b.png", 10, 10)


def test_browser_is_found_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert browser.find() is None
    installed = fake_browser(tmp_path, "")
    assert browser.find() == installed


KILLED = """
import sys
from pathlib import Path
from localcloud.boards import browser

if "control" in sys.argv:
    browser.AND_REMOVE = '"$@"'
browser.take_picture(sys.argv[1], Path("page.html"), Path("page.png"), 10, 10)
"""


@pytest.mark.parametrize("arguments", [[], ["control"]], ids=["removed", "control"])
def test_profile_is_removed_when_the_command_is_killed(tmp_path: Path, arguments: list[str]) -> None:
    os.mkfifo(tmp_path / "goes on")
    goes_on = fake_browser(tmp_path, f"echo $TMPDIR $$ > '{tmp_path / 'begun'}'; cat '{tmp_path / 'goes on'}'")
    with subprocess.Popen([sys.executable, "-c", KILLED, goes_on, *arguments], cwd=ROOT) as command:
        profile, number = eventually(lambda: begun(tmp_path)).split()
        command.kill()
    assert Path(profile).is_dir()
    (tmp_path / "goes on").write_text("")
    if arguments:
        eventually(lambda: not Path(f"/proc/{number}").exists())
        assert Path(profile).is_dir()
        Path(profile).rmdir()
    else:
        eventually(lambda: not Path(profile).exists())


def begun(folder: Path) -> str:
    file = folder / "begun"
    return file.read_text() if file.exists() else ""
