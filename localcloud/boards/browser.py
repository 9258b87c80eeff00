"""Pictures of pages, taken by a headless Chromium if one is installed."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path

# The first is the same browser without windows, which take a third of its CPU.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
TIMEOUT_SECONDS = 120
AND_REMOVE = '"$@"; code=$?; rm -rf -- "$0"; exit $code'
"""Runs a command, then removes a directory: the shell does when the process that waits for it was killed."""
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-lcd-text"),
)


class BrowserError(Exception):
    """The browser did not take a picture."""


def find() -> str | None:
    """The path of the installed Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def take_picture(browser: str, page: Path, picture: Path, width: int, height: int) -> None:
    """Take a picture of the whole page; the browser's processes and profile are always removed."""
    with tempfile.TemporaryDirectory(prefix="chromium-") as profile:
        command = [
            *("/bin/sh", "-c", AND_REMOVE, profile),
            *(browser, *OPTIONS, f"--user-data-dir={profile}", f"--window-size={width},{height}"),
            *(f"--screenshot={picture}", page.resolve().as_uri()),
        ]
        process = subprocess.Popen(
            command,
            env=os.environ | {"TMPDIR": profile},  # where it leaves a folder of its own when it is killed
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with process:
            try:
                _, errors = process.communicate(timeout=TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                raise BrowserError(f"{browser} took no picture of {page.name} within {TIMEOUT_SECONDS} s") from None
            finally:
                # Kills the processes that the browser started, too: they are in its process group.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
    if process.returncode or not picture.exists():
        last = errors.strip().splitlines()[-1:] or ["no error output"]
        raise BrowserError(f"{browser} took no picture of {page.name} (exit code {process.returncode}): {last[0]}")
