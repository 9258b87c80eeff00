"""What ships of the handlers, as it is in the working tree at one moment, and a project to build it in."""

import errno
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from components.packaging.artifact import LOCK

BUILT = ".build"
LOCK_NAME = LOCK.as_posix()
Sources = Mapping[str, bytes]
"""Content by name; the names are relative to the project, with `/`."""


def read(project: Path) -> Sources:
    """Return what is there now; raises OSError while an editor or git replaces a file.

    Whatever else lies in the folder (bytecode, swap files, backups) does not ship, so it changes nothing here.
    """
    paths = [project / LOCK, *(path for path in (project / LOCK.parent).rglob("*.py") if path.name[0] != ".")]
    return {path.relative_to(project).as_posix(): _content(path) for path in sorted(paths)}


def _content(path: Path) -> bytes:
    # Opening a pipe would wait for a process that writes to it.
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "It is not a regular file", str(path))
    return path.read_bytes()


def settled(looks: Iterable[Sources | None], known: Sources) -> Iterator[tuple[Sources, Sources]]:
    """Yield each edit, as what was known and what was found, once two looks in a row find the same."""
    seen = None
    for found in looks:
        if found is not None and found == seen and found != known:
            yield known, found
            known = found
        seen = found


def changed(before: Sources, after: Sources) -> list[str]:
    """Return the names of the files that were added, removed or changed."""
    return sorted({name for name, _ in before.items() ^ after.items()})


def in_short(names: Iterable[str]) -> str:
    """Return the first of the names, and how many more there are."""
    first, *more = names
    return f"{first} and {len(more)} more" if more else first


class Copy:
    """A project that has one moment's sources, and the built files of the project it was copied from.

    Files built in it end with its folder: each edit builds one, and `.build/` of the real project would keep them.
    """

    def __init__(self, folder: Path, original: Path) -> None:
        self.folder = folder
        built = folder / BUILT
        built.mkdir(parents=True)
        for path in (original / BUILT).glob("*.zip"):
            (built / path.name).symlink_to(path)

    def write(self, sources: Sources) -> None:
        """Replace the sources."""
        shutil.rmtree(self.folder / LOCK.parent, ignore_errors=True)
        for name, content in sources.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def forget_built(self) -> None:
        """Remove what was built here, and not what belongs to the original."""
        for path in (self.folder / BUILT).iterdir():
            if not path.is_symlink():
                path.unlink()
