"""Numbered steps with their durations: live on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text


class Step:
    """A step under way."""

    def __init__(self, console: Console, heading: str) -> None:
        self._heading = heading
        # FORCE_COLOR makes rich take a pipe for a terminal.
        self._live = console.status(Text(heading)) if console.is_terminal and console.file.isatty() else None
        self.noted = ""

    def note(self, text: str) -> None:
        """Add a text to the line of the finished step."""
        self.noted = text

    def update(self, text: str) -> None:
        """Show what is being done now; on a terminal only."""
        if self._live is not None:
            self._live.update(Text(f"{self._heading}: {text}"))


class Progress:
    """A known number of steps, each printed with its duration when it ends."""

    def __init__(self, steps: int, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._steps = steps
        self._done = 0
        self._started = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Run a step; a step that raises is printed as failed, and its error propagates."""
        self._done += 1
        heading = f"[{self._done}/{self._steps}] {title}"
        started = time.monotonic()
        step = Step(self._console, heading)
        if step._live is None:
            # A log file has no live line, so print the heading first to show where a run hangs.
            self._console.print(Text(f"{heading} ..."), end="")
        else:
            step._live.start()
        outcome = "failed"
        try:
            yield step
            outcome = "done"
        finally:
            if step._live is not None:
                step._live.stop()
            line = Text("" if step._live is None else heading)
            line.append(f" {outcome}", style="green" if outcome == "done" else "red")
            line.append(f" in {time.monotonic() - started:.1f} s{': ' + step.noted if step.noted else ''}")
            self._console.print(line)

    def show(self, *paragraphs: str) -> None:
        """Print paragraphs, indented under the step before."""
        self._console.print(Text("\n".join(f"      {line}" for line in "\n".join(paragraphs).splitlines())))

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(Text(text))

    def total_seconds(self) -> float:
        """Return the seconds since this was created."""
        return time.monotonic() - self._started
