"""The processes that are alive, read from /proc.

A process that has ended stays as a zombie until its parent reads its exit code. A process with several threads can be
shown as a zombie while a thread still runs and holds its open files and locks.
"""

from collections.abc import Callable
from pathlib import Path

IDS = "[0-9]*"
IsMeant = Callable[[Path], bool]
"""Whether a process is selected, given its folder in /proc."""


def living(is_meant: IsMeant) -> list[int]:
    """Return the IDs of the selected processes that still have a running thread."""
    return [int(folder.name) for folder in Path("/proc").glob(IDS) if _reads(folder, is_meant) and _runs(folder)]


def in_group(group: int) -> IsMeant:
    """Select every member of the process group."""
    return lambda folder: _state_and_ids(folder)[2] == str(group)


def with_environment(text: str) -> IsMeant:
    """Select every process with that text in its environment, which its children inherit."""
    return lambda folder: text.encode() in (folder / "environ").read_bytes()


def with_command(*texts: str) -> IsMeant:
    """Select every process with all these texts in its command line."""
    return lambda folder: all(text.encode() in (folder / "cmdline").read_bytes() for text in texts)


def _runs(folder: Path) -> bool:
    return any(
        _reads(thread, lambda task: _state_and_ids(task)[0] not in "ZX") for thread in (folder / "task").glob(IDS)
    )


def _state_and_ids(folder: Path) -> list[str]:
    """Return the fields after the name in `stat`: the state, the parent's ID, the group's ID."""
    return (folder / "stat").read_text().rpartition(")")[2].split()


def _reads(folder: Path, is_so: IsMeant) -> bool:
    try:
        return is_so(folder)
    except OSError:  # the process has ended
        return False
