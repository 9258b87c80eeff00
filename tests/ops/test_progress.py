"""A command that takes long shows how far it is, how fast, and how long it still takes."""

import io
import sys

import pytest

from ops.commands.output import MANY, MANY_BYTES, progress_bar
from ops.event_files import EventFile
from ops.events import PROGRESS_EVERY, count_events
from tests.ops.simulated_stack import login


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, total: int | None, *, in_bytes: bool = False) -> str:
    """What a bar prints that moves by quarters of the total, one each second."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    now = [0.0]
    monkeypatch.setattr("rich.console.monotonic", lambda: now[0])
    with progress_bar("Sending", total, in_bytes=in_bytes) as advance:
        for _ in range(3):
            now[0] += 1
            advance(int(now[0]) * (total or 4_000) // 4)
    return terminal.getvalue()


def test_bar_shows_rate_and_time_left(monkeypatch: pytest.MonkeyPatch):
    events = shown(monkeypatch, 50_000)
    assert "37500/50000" in events
    assert "12,500/s" in events
    assert "00:01" in events
    data = shown(monkeypatch, 8_000_000, in_bytes=True)
    assert "6.0/8.0 MB" in data
    assert "2.0 MB/s" in data
    assert "3000/?" in shown(monkeypatch, None)


def test_short_task_has_no_bar(monkeypatch: pytest.MonkeyPatch):
    assert shown(monkeypatch, MANY - 1) == ""
    assert shown(monkeypatch, MANY_BYTES - 1, in_bytes=True) == ""
    assert "Sending" in shown(monkeypatch, MANY)


@pytest.mark.parametrize("check", [True, False], ids=["checked", "raw"])
def test_reading_a_file_shows_every_thousand_events(check: bool):
    line = f"{login('ada')}\n".encode()
    positions: list[int] = []

    count = count_events(
        EventFile(io.BytesIO(line * (3 * PROGRESS_EVERY + 1)), "many"), check=check, on_progress=positions.append
    )
    assert count == 3 * PROGRESS_EVERY + 1
    assert positions == [PROGRESS_EVERY * len(line) * thousands for thousands in (1, 2, 3)]
