"""Runs `python -m ops dead-letters` for the console, as a child process: one command at a time, and never for ever.

The console changes dead letters by the operator's own code, which neither imports this package nor is imported by it.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

from localcloud.console.http import HttpError
from localcloud.console.times import write_time
from localcloud.observatory.facts import DeployedStack
from localcloud.observatory.observatory import Observatory

PROGRAM = (sys.executable, "-m", "ops")
RUN_SECONDS = 300
ENDING_SECONDS = 10
"""How long a command that is stopped may take to make the messages that it holds visible again."""
LINES_MAX = 500
LINE_MAX = 1_000


@dataclass
class _Run:
    """A command, what it printed, and how it ended."""

    command: str
    process: subprocess.Popen[str]
    began: float
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LINES_MAX))
    stopped: str = ""
    """Why this process stopped the command, if it did."""
    ended: float | None = None
    end: str = ""
    ok: bool = False
    timers: list[threading.Timer] = field(default_factory=list)

    def end_after(self, seconds: float, end: Callable[[], object]) -> None:
        """Call that after a while, unless the command has ended by then."""
        timer = threading.Timer(seconds, end)
        timer.daemon = True
        self.timers.append(timer)
        timer.start()


class Operator:
    """The operator's command line in the console. Its methods may be called from any thread."""

    def __init__(self, observatory: Observatory, program: Sequence[str] = PROGRAM) -> None:
        self._observatory, self._program = observatory, program
        self._lock = threading.Lock()
        self._run: _Run | None = None

    def start(self, arguments: Sequence[str]) -> None:
        """Start a command; HttpError while another one runs, or if no stack was deployed here."""
        stack = self._observatory.stack
        command = shlex.join(("python", "-m", "ops", *arguments))
        if stack is None:
            raise HttpError(
                HTTPStatus.CONFLICT,
                f"The console knows no stack here. If the Pulumi CLI deployed one, run: {command} --stack local",
            )
        with self._lock:
            if self._run is not None and self._run.ended is None:
                raise HttpError(HTTPStatus.CONFLICT, f"Another command still runs: {self._run.command}")
            outputs = _write_outputs(stack)
            try:
                process = self._spawn([*arguments, "--outputs", str(outputs)], stack)
            except OSError as error:
                outputs.unlink()
                raise HttpError(
                    HTTPStatus.INTERNAL_SERVER_ERROR, f"`{command}` did not start: {error.strerror}."
                ) from None
            self._run = _Run(command, process, self._observatory.clock.now())
            # The thread ends with the child, and the child ends with the process group of the emulator.
            threading.Thread(target=self._follow, args=(self._run, outputs), name="operator", daemon=True).start()
        self._observatory.feed.publish()

    def stop(self) -> None:
        """Stop the running command; it ends in order. HttpError if none runs."""
        with self._lock:
            if self._run is None or self._run.ended is not None:
                raise HttpError(HTTPStatus.CONFLICT, "No command runs.")
            run = self._run
        self._end(run, "It was stopped here.")

    def last(self) -> dict[str, Any] | None:
        """The command that runs or ran last, with the newest lines that it printed; None if there was none."""
        with self._lock:
            run = self._run
            if run is None:
                return None
            return {
                "command": run.command,
                "began": write_time(run.began),
                "ended": None if run.ended is None else write_time(run.ended),
                "ok": run.ok,
                "end": run.end,
                "lines": list(run.lines),
            }

    def _spawn(self, arguments: Sequence[str], stack: DeployedStack) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._program, *arguments],
            cwd=stack.project,  # where Python finds `ops`, and where `discard` keeps its copies
            env=os.environ | {"PYTHONSAFEPATH": "", "PYTHONUNBUFFERED": "1", "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )

    def _follow(self, run: _Run, outputs: Path) -> None:
        late = f"It did not end within {RUN_SECONDS} s, and was stopped."
        run.end_after(RUN_SECONDS, lambda: self._end(run, late))
        try:
            with run.process:  # at the end, it is waited for and its pipe closed
                for line in run.process.stdout or ():
                    with self._lock:
                        run.lines.append(line.rstrip("\n")[:LINE_MAX])
                    self._observatory.feed.publish()
        finally:
            for timer in run.timers:
                timer.cancel()
            outputs.unlink()
        code = run.process.returncode
        with self._lock:
            run.ended, run.ok = self._observatory.clock.now(), code == 0 and not run.stopped
            run.end = f"{run.stopped} {_describe(code)}".strip()
        self._observatory.feed.publish()

    def _end(self, run: _Run, reason: str) -> None:
        """Ask a command to end, and let it be killed if it does not."""
        with self._lock:
            run.stopped = run.stopped or reason
        run.process.terminate()
        run.end_after(ENDING_SECONDS, run.process.kill)


def _write_outputs(stack: DeployedStack) -> Path:
    """Write the outputs, secrets included, for one command: a file of mode 600 in the emulator's directory."""
    with tempfile.NamedTemporaryFile("w", prefix="console-outputs-", suffix=".json", delete=False) as file:
        json.dump(dict(stack.outputs), file)
        return Path(file.name)


def _describe(code: int) -> str:
    if code < 0:
        return f"It was ended by {signal.Signals(-code).name}; what it had not printed is unknown."
    return "Done." if code == 0 else f"It failed with exit code {code}."
