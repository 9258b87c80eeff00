"""Watches the handlers of a running cloud, and lets each saved edit run there or says why it cannot."""

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from localcloud.reload import sources
from localcloud.reload.check import START_SECONDS
from localcloud.reload.edits import Edits, NotLoadedError
from localcloud.reload.release import Releases
from localcloud.reload.sources import Sources

LOOK_SECONDS = 0.15
"""How often the sources are read, which takes a millisecond. An edit counts when two looks in a row find the same."""
UNREADABLE_LOOKS = 20
"""For so many looks in a row, a file that cannot be read can be in the middle of a checkout."""
END_SECONDS = 5
LAYER_STAYS = f"{sources.LOCK_NAME} changed: the layer stays as it is until the cloud is started again."
PUBLISHED_ONLY = " To make it live: python -m ops release"


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What became of an edit: a sentence, and the lines that belong below it."""

    ok: bool
    sentence: str
    details: tuple[str, ...] = ()


class Reloader:
    """Reloads as long as it is entered. Whatever an edit does, the cloud keeps running, with the last code that starts.

    `tell` is called with each notice, in a thread of this object.
    """

    def __init__(
        self,
        project: Path,
        releases: Releases,
        folder: Path,
        tell: Callable[[Notice], object],
        *,
        start_seconds: float = START_SECONDS,
    ) -> None:
        self._project, self._releases, self._tell = project, releases, tell
        self._folder, self._start_seconds = folder, start_seconds
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reload", daemon=True)
        self._is_broken = False

    def __enter__(self) -> "Reloader":
        try:
            self._thread.start()
        except BaseException:  # a signal, perhaps after the start
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)

    def _run(self) -> None:
        if self._stopped.is_set():
            return
        try:
            with tempfile.TemporaryDirectory(prefix="reload-", dir=self._folder, ignore_cleanup_errors=True) as folder:
                self._watch(Path(folder))
        except Exception as error:  # noqa: BLE001 - the cloud is as good as before, without reloading
            self._say(f"Edits of handlers/ are not loaded: {type(error).__name__}: {error}", ok=False)

    def _watch(self, folder: Path) -> None:
        edits = Edits(self._project, self._releases, folder, start_seconds=self._start_seconds, stopped=self._stopped)
        for before, found in sources.settled(self._looks(), edits.loaded):
            self._try(edits, before, found)

    def _looks(self) -> Iterator[Sources | None]:
        """Yield the sources, or None while they cannot be read; say so if that lasts."""
        unreadable = 0
        while not self._stopped.wait(LOOK_SECONDS):
            try:
                found = sources.read(self._project)
            except OSError as error:
                unreadable += 1
                if unreadable == UNREADABLE_LOOKS:
                    self._say("handlers/: not loaded; the code before it keeps running.", _cannot_read(error), ok=False)
                yield None
                continue
            if unreadable >= UNREADABLE_LOOKS:
                self._say("Fixed. handlers/ can be read again.", ok=not self._is_broken)
            unreadable = 0
            yield found

    def _try(self, edits: Edits, before: Sources, found: Sources) -> None:
        began, changed = time.monotonic(), sources.changed(before, found) if before else []
        names = sources.in_short(changed) if changed else "handlers/"
        notes = [LAYER_STAYS] if sources.LOCK_NAME in changed else []
        fixed = "Fixed. " if self._is_broken else ""
        try:
            version, versions = edits.load(found)
        except NotLoadedError as error:
            self._is_broken = True
            self._say(f"{names}: not loaded; the code before it keeps running.", *error.lines, *notes, ok=False)
            return
        self._is_broken = False
        if versions:
            shown = " and ".join(f"{role} version {number}" for role, number in versions.items())
            verb, then = ("loaded", "") if self._releases.moves_alias else ("published", PUBLISHED_ONLY)
            seconds = f"{time.monotonic() - began:.1f} s"
            self._say(f"{fixed}{names}: {verb} as {shown} (VERSION {version}) in {seconds}.{then}", *notes, ok=True)
        elif fixed or notes:
            self._say(f"{fixed}{names}: nothing to load, VERSION {version} runs already.", *notes, ok=True)

    def _say(self, sentence: str, *details: str, ok: bool) -> None:
        if not self._stopped.is_set():
            self._tell(Notice(ok=ok, sentence=sentence, details=details))


def _cannot_read(error: OSError) -> str:
    return f"{error.filename} cannot be read: {error.strerror}. Restore, rename or remove it."
