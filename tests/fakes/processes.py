"""Which processes are alive, as Linux tells it.

A process that has ended may stay as a zombie for as long as nobody asks for its exit code, and a process of several
threads may be shown as a zombie while one of them still runs, with every file and lock that is open.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

IDS = "[0-9]*"
IsMeant = Callable[[Path], bool]
"""Whether a process is meant, told by its folder in /proc."""


def living(is_meant: IsMeant) -> list[int]:
    """Return the ids of the processes that are meant and of which a thread still runs."""
    return [int(folder.name) for folder in Path("/proc").glob(IDS) if _reads(folder, is_meant) and _runs(folder)]


def in_group(group: int) -> IsMeant:
    """Meant is every member of the process group."""
    return lambda folder: _state_and_ids(folder)[2] == str(group)


def with_environment(text: str) -> IsMeant:
    """Meant is every process with that text in its environment, which all that it starts inherits."""
    return lambda folder: text.encode() in (folder / "environ").read_bytes()


def with_command(*texts: str) -> IsMeant:
    """Meant is every process with all these texts in its command line."""
    return lambda folder: all(text.encode() in (folder / "cmdline").read_bytes() for text in texts)


@contextmanager
def heard(*numbers: signal.Signals) -> Iterator[None]:
    """Within this, what is started hears these signals, even if the tests were started to ignore them.

    A shell does that to what it starts in the background of a script, and nohup to everything; it is inherited.
    """
    ignored = [number for number in numbers if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.SIG_DFL)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


def _runs(folder: Path) -> bool:
    return any(
        _reads(thread, lambda task: _state_and_ids(task)[0] not in "ZX") for thread in (folder / "task").glob(IDS)
    )


def _state_and_ids(folder: Path) -> list[str]:
    """Return what follows the name in `stat`: the state, the parent's id, the group's id."""
    return (folder / "stat").read_text().rpartition(")")[2].split()


def _reads(folder: Path, is_so: IsMeant) -> bool:
    try:
        return is_so(folder)
    except OSError:  # it has ended meanwhile
        return False
