"""Files that a command writes where its user says: claimed by one process, and never over what is not ours."""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

HEAD_BYTES = 1_000_000
"""How much of a file is read to recognize it."""


class FileError(Exception):
    """Why a file is not written, and how to fix it."""


class ClaimedError(FileError):
    """Another process has claimed the file."""


def require_own(path: Path, is_ours: Callable[[str], bool], option: str) -> None:
    """Raise FileError unless nothing is at `path`, or a regular file with content of ours.

    Links are not followed, devices and pipes not opened. `option` is where the user named the path.
    """
    fix = f"Choose another place with {option}."
    try:
        if not stat.S_ISREG(mode := path.lstat().st_mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "a link" if stat.S_ISLNK(mode) else "no regular file"
            raise FileError(f"{path} is {kind}, and will not be overwritten. {fix}")
        # Meanwhile it could have become a link or a pipe.
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
            head = file.read(HEAD_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}. {fix}") from None
    if not is_ours(head.decode(errors="replace")):
        raise FileError(f"{path} was not written by this command, and will not be overwritten. {fix}")


@contextmanager
def claimed(path: Path, option: str) -> Iterator[None]:
    """Hold a lock beside `path`; raises ClaimedError while another process holds it, and FileError when it cannot.

    The lock ends with this process, however it ends. Created folders are removed again, if they are empty.
    """
    lock_file = path.with_name(f".{path.name}.lock")
    created = [folder for folder in path.parents if not folder.exists()]
    fix = f"Choose another place with {option}."
    lock = None
    try:
        try:
            lock = _lock(lock_file)
        except BlockingIOError:
            raise ClaimedError from None
        except OSError as error:
            raise FileError(f"{path} cannot be written: {error.strerror}. {fix}") from None
        if not _is_lock(lock):
            raise FileError(f"{lock_file} is not a lock of this command, and will not be overwritten. {fix}")
        yield
    finally:
        if lock is not None:
            with suppress(FileNotFoundError):
                if _is_lock(lock) and os.path.samestat(os.fstat(lock), lock_file.lstat()):
                    lock_file.unlink()  # before the lock is released, so that no other process holds it
            os.close(lock)
        for folder in created:
            with suppress(OSError):
                folder.rmdir()


def _lock(file: Path) -> int:
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # a process that ends has removed the file or its folder
            lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(lock), file.lstat()):
                    return lock
            except BaseException:
                os.close(lock)
                raise
            os.close(lock)


def _is_lock(descriptor: int) -> bool:
    """Whether this is a file as `_lock` creates it, and nothing that anybody would miss."""
    status = os.fstat(descriptor)
    return stat.S_ISREG(status.st_mode) and status.st_size == 0 and status.st_uid == os.geteuid()
