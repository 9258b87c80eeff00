"""Unpacks a layer once for all processes of functions, which find its folders by links: a tenth of a second each."""

import tempfile
import threading
import zipfile
from pathlib import Path, PurePath
from types import SimpleNamespace
from typing import Any

from ministack.core import lambda_runtime

from localcloud.emulator.seams import SeamChangedError


class UnpackedLayers:
    """The layers that were unpacked, each in a folder that is removed with the emulator's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._folders: dict[tuple[tuple[str, int], ...], Path] = {}

    def folder(self, layer: zipfile.ZipFile) -> Path:
        """The folder with what is in this layer. Processes share it, so they must not write there; Lambda's cannot."""
        content = tuple((member.filename, member.CRC) for member in layer.infolist())
        with self._lock:
            if content not in self._folders:
                folder = Path(tempfile.mkdtemp(prefix="layer-"))
                layer.extractall(folder)
                self._folders[content] = folder  # only now: a layer that cannot be unpacked fails each start
            return self._folders[content]


def unpack_layers_once() -> None:
    """Let each process of a function link a layer that was unpacked before."""
    # A process of a function unpacks its code and its layers by this name, which nothing else of the module uses.
    if getattr(lambda_runtime, "zipfile", None) is not zipfile:
        raise SeamChangedError("ministack.core.lambda_runtime.zipfile is not there. Install the pinned ministack")
    layers = UnpackedLayers()

    def opened(path: str) -> Any:
        return zipfile.ZipFile(path) if PurePath(path).name == "code.zip" else LinkedLayer(path, layers)

    # `LargeFileError` is what ministack calls it.
    errors = {"BadZipFile": zipfile.BadZipFile, "LargeFileError": zipfile.LargeZipFile}
    lambda_runtime.zipfile = SimpleNamespace(ZipFile=opened, **errors)  # pyrefly: ignore[bad-assignment]


class LinkedLayer:
    """A layer whose content is linked where it would be unpacked."""

    def __init__(self, path: str, layers: UnpackedLayers) -> None:
        self._path, self._layers = path, layers

    def __enter__(self) -> "LinkedLayer":
        with zipfile.ZipFile(self._path) as layer:
            self._folder = self._layers.folder(layer)
        return self

    def __exit__(self, *_: object) -> None: ...

    def namelist(self) -> list[str]:
        """What is linked."""
        return [entry.name for entry in self._folder.iterdir()]

    def extractall(self, folder: str) -> None:
        """Link everything in the layer; its first level is folders such as `python`."""
        for entry in self._folder.iterdir():
            Path(folder, entry.name).symlink_to(entry)
