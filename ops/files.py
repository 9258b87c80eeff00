"""New files that only their owner can read: whatever exists is neither overwritten nor removed."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import IO

from ops.errors import OperatorError

KEPT = Path(".localcloud", "kept")


class NewFile:
    """A file of mode 600 that this process created. The end of its block removes it, unless it `is_needed`."""

    def __init__(self, path: Path) -> None:
        """Create the file; raises FileExistsError when anything is at the path, even a link to nothing."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self.path = path
        self.file: IO[bytes] = os.fdopen(self._descriptor, "rb")
        """For reading; `write` is not buffered, so that nothing is held back."""
        self.is_needed = False

    def __enter__(self) -> "NewFile":
        return self

    def __exit__(self, *_: object) -> None:
        if not self.is_needed:
            self._unlink()
        self.file.close()

    def write(self, data: bytes) -> None:
        """Append all of `data`; raises OSError when there is space for a part of it only."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]

    def sync(self) -> None:
        """Return when the disk has it; raises OSError when it cannot."""
        os.fsync(self._descriptor)

    def size(self) -> int:
        """Return how many bytes it contains."""
        return os.fstat(self._descriptor).st_size

    def truncate(self, size: int) -> None:
        """Cut off what is after so many bytes."""
        os.ftruncate(self._descriptor, size)

    def become(self, other: "NewFile") -> None:
        """Be replaced by another new file in the same folder, at once and completely."""
        if self._is_at_path():
            other.path.replace(self.path)

    def _unlink(self) -> None:
        if self._is_at_path():
            self.path.unlink()
            if self.path.parent == KEPT:
                with suppress(OSError):  # not empty
                    KEPT.rmdir()
                    KEPT.parent.rmdir()

    def _is_at_path(self) -> bool:
        """Whether the path still leads to this file, which another process can have moved or removed."""
        try:
            return os.path.samestat(os.fstat(self._descriptor), os.lstat(self.path))
        except FileNotFoundError:
            return False


def create_file(named: Path | None, kind: str, option: str) -> NewFile:
    """Create the file that the user named with `option`, or one with a name of its own in a folder that git ignores.

    Commands call this before they change anything; raises OperatorError when the file exists or cannot be created.
    """
    name = f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    try:
        return NewFile(named) if named else _create_numbered(name)
    except OSError as error:
        if named and isinstance(error, FileExistsError):
            raise OperatorError(f"{named} already exists and will not be overwritten. Choose another name.") from None
        path = named or KEPT / f"{name}.jsonl"
        raise OperatorError(f"{path} cannot be written: {error.strerror}. Choose another file with {option}.") from None


def _create_numbered(name: str) -> NewFile:
    """Create a file of that name, or with a number after it when other processes chose the name in the same second."""
    for number in count(1):
        KEPT.mkdir(parents=True, exist_ok=True)  # in the loop, because another process removes it when it is empty
        with suppress(FileExistsError, FileNotFoundError):
            return NewFile(KEPT / (f"{name}-{number}.jsonl" if number > 1 else f"{name}.jsonl"))
    raise AssertionError("unreachable")
