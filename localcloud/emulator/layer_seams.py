"""Unpacks code and layers once for all processes of functions, which find what is in them by links.

Creating their 750 files takes a tenth of a second and more of each start. Bytecode is among the files.
"""

import tempfile
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

from ministack.core import lambda_runtime

from localcloud.emulator.seams import SeamChangedError


class UnpackedArchives:
    """The archives that were unpacked, each in a folder that is removed with the emulator's.

    An edit of a function has other content, and so another folder.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folders: dict[tuple[tuple[str, int, int], ...], Path] = {}

    def folder(self, archive: zipfile.ZipFile) -> Path:
        """The folder with what is in this archive. Processes share it and must not write there; on AWS they cannot."""
        content = tuple((member.filename, member.file_size, member.CRC) for member in archive.infolist())
        with self._lock:
            if content not in self._folders:
                folder = Path(tempfile.mkdtemp(prefix="unpacked-"))
                archive.extractall(folder)
                self._folders[content] = folder  # only now: an archive that cannot be unpacked fails each start
            return self._folders[content]


def unpack_archives_once() -> None:
    """Let each process of a function link code and layers that were unpacked before."""
    # A process of a function unpacks its code and its layers by this name, which nothing else of the module uses.
    if getattr(lambda_runtime, "zipfile", None) is not zipfile:
        raise SeamChangedError("ministack.core.lambda_runtime.zipfile is not there. Install the pinned ministack")
    archives = UnpackedArchives()

    def opened(path: str) -> LinkedArchive:
        return LinkedArchive(path, archives)

    # `LargeFileError` is what ministack calls it.
    errors = {"BadZipFile": zipfile.BadZipFile, "LargeFileError": zipfile.LargeZipFile}
    lambda_runtime.zipfile = SimpleNamespace(ZipFile=opened, **errors)  # pyrefly: ignore[bad-assignment]


class LinkedArchive:
    """An archive whose content is linked where it would be unpacked."""

    def __init__(self, path: str, archives: UnpackedArchives) -> None:
        self._path, self._archives = path, archives

    def __enter__(self) -> "LinkedArchive":
        with zipfile.ZipFile(self._path) as archive:
            self._folder = self._archives.folder(archive)
        return self

    def __exit__(self, *_: object) -> None: ...

    def namelist(self) -> list[str]:
        """What is linked."""
        return [entry.name for entry in self._folder.iterdir()]

    def extractall(self, folder: str) -> None:
        """Link the first level: files, and folders such as `handlers` or `python`."""
        for entry in self._folder.iterdir():
            Path(folder, entry.name).symlink_to(entry)
