"""Takes edited sources from the working tree to the functions, if they start."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from components.packaging.artifact import Artifact, ArtifactError, Target, build_artifact
from localcloud.reload import sources
from localcloud.reload.check import Problem, find_problems, unpack_layer
from localcloud.reload.release import Releases
from localcloud.reload.sources import Sources


class NotLoadedError(Exception):
    """Why an edit does not run, on a few lines."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines


class Edits:
    """The way of an edit to the functions of a cloud. Works in a folder of its own, and leaves the project as it is.

    The layer stays what was deployed: another one would need pip, and with it a network and minutes.
    """

    def __init__(
        self, project: Path, releases: Releases, folder: Path, *, start_seconds: float, stopped: threading.Event
    ) -> None:
        self._releases = releases
        self._start_seconds, self._stopped = start_seconds, stopped
        self._copy = sources.Copy(folder / "project", project)
        now = sources.read(project)
        self._lock = {sources.LOCK_NAME: now[sources.LOCK_NAME]}
        self._copy.write(now)
        artifact = self._build()
        self._layer = unpack_layer(artifact.layer, folder)
        self.loaded: Sources = now if releases.is_current(artifact.version) else {}
        """What was deployed; nothing, if it was edited since."""

    def load(self, found: Sources) -> tuple[str, dict[str, str]]:
        """Let the functions run these sources; return their VERSION, and the published versions unless they run it.

        Raises NotLoadedError.
        """
        try:
            self._copy.write({**found, **self._lock})
            # Both at once: together they take most of the time.
            with ThreadPoolExecutor(1) as executor:
                building = executor.submit(self._build)
                problems = self._problems()
            if problems:
                raise NotLoadedError(*(line for problem in problems for line in problem.lines()))
            artifact = building.result()
            if self._releases.is_current(artifact.version):
                return artifact.version, {}
            return artifact.version, self._releases.publish(artifact)
        except ArtifactError as error:
            raise NotLoadedError(str(error)) from None
        except (BotoCoreError, ClientError, OSError) as error:
            raise NotLoadedError(f"{type(error).__name__}: {error}. The next edit tries again.") from None
        finally:
            self._copy.forget_built()

    def _problems(self) -> list[Problem]:
        return find_problems(
            self._releases.starts(), self._copy.folder, self._layer, self._start_seconds, stopped=self._stopped
        )

    def _build(self) -> Artifact:
        return build_artifact(self._copy.folder, Target.host())
