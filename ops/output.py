"""What commands print: tables for people, tab-separated lines for programs; and files that only their owner reads."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table
from rich.text import Text

from ops.errors import OperatorError

KEPT = Path(".localcloud", "kept")
MANY = 100  # fewer are done before a bar would be seen


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on a terminal; elsewhere a line a row, tab-separated, under a line of names."""
    if not sys.stdout.isatty():
        for row in (header, *rows):
            print("\t".join(printable(cell) for cell in row))
        return
    table = Table(*header)
    for row in rows:
        # Text, not str: what looks like Rich markup is still only text.
        table.add_row(*(Text(printable(cell)) for cell in row))
    Console().print(table)


def printable(text: str) -> str:
    """`text` on one line, and without a character by which a terminal could be told what to do."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def tell(sentence: str) -> None:
    """Say something to the person, not to the program that reads the output."""
    print(sentence, file=sys.stderr)


def counted(count: int, noun: str) -> str:
    """`1 message`, `2 messages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def instant(value: datetime) -> str:
    """RFC 3339, to the second."""
    return value.strftime("%Y-%m-%dT%H:%M:%SZ")


def kept_file(kind: str) -> Path:
    """Where to keep what a command must not lose, unless a file is named: in a folder that git ignores."""
    return KEPT / f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"


def new_private_file(path: Path) -> IO[str]:
    """A new file of mode 600, which was not there before; raises OperatorError when it cannot be made."""
    try:
        if path.parent == KEPT:
            KEPT.mkdir(parents=True, exist_ok=True)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except FileExistsError:
        raise OperatorError(f"{path} is there already, and may be what is left of something: name another.") from None
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}.") from None


@contextmanager
def progress_bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Calls with how many are done move a bar, on a terminal and when there are many; else they do nothing."""
    if total < MANY or not sys.stderr.isatty():
        yield lambda done: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.update(task, completed=done)
