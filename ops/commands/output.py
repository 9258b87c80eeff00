"""How commands print: tables for people, tab-separated lines for programs, notes on standard error."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime

import typer

MANY = 100  # a shorter task ends before a bar could be seen
MANY_BYTES = 1_000_000


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on a terminal; elsewhere a header line and one tab-separated line per row."""
    if not sys.stdout.isatty():
        for row in (header, *rows):
            print("\t".join(escape_unprintable(cell) for cell in row))
        return
    from rich.console import Console  # Rich is imported where it is needed, because it is slow to import
    from rich.table import Table
    from rich.text import Text

    table = Table(*header)
    for row in rows:
        # Text, because Rich would interpret markup in a str.
        table.add_row(*(Text(escape_unprintable(cell)) for cell in row))
    Console().print(table)


def print_pages(lines: Sequence[str]) -> None:
    """Print the lines; on a terminal that cannot show them all at once, by the program that PAGER names, or less."""
    columns, rows = shutil.get_terminal_size()
    height = sum(1 + max(0, len(line) - 1) // columns for line in lines)
    if height < rows or not (sys.stdin.isatty() and sys.stdout.isatty()) or not _page(lines):
        for line in lines:
            print(line)


def _page(lines: Sequence[str]) -> bool:
    """Show the lines page by page until the reader leaves; return False when there is no such program."""
    command = shlex.split(os.environ.get("PAGER") or "less")
    try:
        pager = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, errors="backslashreplace")
    except (OSError, IndexError):
        return False
    try:
        pager.communicate("".join(f"{line}\n" for line in lines))
    except BaseException:
        pager.terminate()  # not killed, so that it can restore the terminal
        pager.wait()
        raise
    return True


def escape_unprintable(text: str) -> str:
    """Return `text` on one line, with the characters escaped that could control a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def paint(text: str, color: str) -> str:
    """Return the text in a color, on a terminal that has colors or with FORCE_COLOR; in none for an empty `color`."""
    if not color or not (sys.stdout.isatty() or "FORCE_COLOR" in os.environ):
        return text
    from rich.console import Console

    console = Console()
    return typer.style(text, fg=color) if console.color_system and not console.no_color else text


def print_note(sentence: str) -> None:
    """Print a sentence for the person on standard error, so that programs can read standard output.

    A note that nobody can read any more must not change what the command does.
    """
    with suppress(OSError):
        print(sentence, file=sys.stderr, flush=True)


def print_line(text: str) -> None:
    """Print a line at once; without a reader print nothing, because what the command does and its exit code count."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def format_time(value: datetime) -> str:
    """Return the time as RFC 3339, to the second."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def progress_bar(title: str, total: int | None, *, in_bytes: bool = False) -> Iterator[Callable[[int], None]]:
    """Return a function that moves a progress bar, with rate and time left, to a count or to a number of bytes.

    Without a total it shows the count. A short task, or no terminal, gets no bar.
    """
    least = MANY_BYTES if in_bytes else MANY
    if (total is not None and total < least) or not sys.stderr.isatty():
        yield lambda done: None
        return
    from ops.commands.bar import moving_bar

    with moving_bar(title, total, in_bytes=in_bytes) as move:
        yield move
