"""Measures this tree's functions and those of another revision in one run, in turns of a few seconds."""

import io
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.functions import OURS, QUERY, ROOT, Measurable, installed, start, unpacked
from benchmarks.latency import Progress
from benchmarks.measure import CHUNK_FRAMES, LATENCY_SECONDS, Load, Turn, loads, turn
from benchmarks.runtime import RUNTIME_CLIENT, start_in_runtime
from benchmarks.table_server import TableServer
from components.packaging.artifact import Artifact

# What a revision needs to build its artifact with its own builder.
BUILT_FROM = ("components", "handlers")
BUILD = """
from pathlib import Path
from components.packaging.artifact import Target, build_artifact
artifact = build_artifact(Path.cwd(), Target.host())
print(artifact.code, artifact.layer, artifact.version, sep="\\n")
"""


class RevisionError(Exception):
    """The other revision has no artifact to compare with; the message is one sentence."""


@dataclass(frozen=True)
class Pairs:
    """A measure of both trees, turn by turn."""

    this: list[float] = field(default_factory=list)
    other: list[float] = field(default_factory=list)

    def add(self, this: float, other: float) -> None:
        """Add the figures of one turn."""
        self.this.append(this)
        self.other.append(other)

    @property
    def ratios(self) -> list[float]:
        """This tree's figure relative to that of the other one, in ascending order."""
        return sorted(this / other for this, other in zip(self.this, self.other, strict=True))

    @property
    def medians(self) -> tuple[float, float]:
        """The median of this tree and that of the other one."""
        return statistics.median(self.this), statistics.median(self.other)

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def middle_half(self) -> tuple[float, float]:
        """The bounds of half of the ratios, without the smallest and the largest quarter."""
        ratios = self.ratios
        quarter = len(ratios) // 4
        return ratios[quarter], ratios[-1 - quarter]


@dataclass(frozen=True)
class Comparison:
    """Every measure: seconds of CPU for each event or query, requests for each, and the measures of starts."""

    cpu: dict[Load, Pairs]
    requests: dict[Load, Pairs]
    starts: dict[tuple[str, str], Pairs]


def compare(
    revision: str, *, turns: int, starts: int, in_runtime: bool = False, progress: Progress = lambda message: None
) -> Comparison:
    """Measure this tree, as it is in the working tree, and another one: a revision, or the folder of a checkout.

    `in_runtime` adds what Lambda's runtime costs to every figure.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, TableServer() as server:
        server.latency_seconds = LATENCY_SECONDS
        progress("building this tree")
        this = unpacked(built(ROOT), Path(scratch, "this"))
        progress(f"building {revision}")
        other = unpacked(built(checkout(revision, Path(scratch, "checkout"))), Path(scratch, "other"))
        begin = start_in_runtime if in_runtime else start
        if in_runtime:
            runtime = installed(Path(scratch, "runtime"), RUNTIME_CLIENT)
            this, other = this + runtime, other + runtime
        measured_starts = _starts(begin, (this, other), server, starts, progress)
        cpu, requests = ({load: Pairs() for load in loads(in_runtime=in_runtime)} for _ in range(2))
        with ExitStack() as stack:

            def started(paths: list[Path]) -> dict[tuple[str, bool], Measurable]:
                return {
                    (module, sampled): stack.enter_context(begin(module, server, paths, sampled=sampled))
                    for module in (OURS, QUERY)
                    for sampled in (True, False)
                }

            trees = [started(this), started(other)]
            for load in cpu:
                _turns(trees, server, load, swapped=False)  # the first invocations open connections and fill caches
            for number in range(turns):
                progress(f"turn {number + 1} of {turns}")
                for load in cpu:
                    mine, theirs = _turns(trees, server, load, swapped=number % 2 == 1)
                    cpu[load].add(mine.run.cpu / load.events, theirs.run.cpu / load.events)
                    requests[load].add(*(sum(done.requests.values()) / load.events for done in (mine, theirs)))
    return Comparison(cpu, requests, measured_starts)


def _turns(
    trees: list[dict[tuple[str, bool], Measurable]], server: TableServer, load: Load, *, swapped: bool
) -> list[Turn]:
    """A turn of both trees, one after the other; every other time the other tree begins."""
    order = [1, 0] if swapped else [0, 1]
    done = {tree: turn(trees[tree][load.module, load.sampled], server, load.events, load.batch) for tree in order}
    return [done[0], done[1]]


def _starts(
    begin: Callable[..., AbstractContextManager[Measurable]],
    trees: tuple[list[Path], list[Path]],
    server: TableServer,
    count: int,
    progress: Progress,
) -> dict[tuple[str, str], Pairs]:
    found = {(module, measure): Pairs() for module in (OURS, QUERY) for measure in ("cpu", "wall", "peak_memory")}
    for number in range(count):
        progress(f"start {number + 1} of {count}")
        for module in (OURS, QUERY):
            inits: dict[int, dict[str, float]] = {}
            for tree in (0, 1) if number % 2 == 0 else (1, 0):
                # Both trees start at the same depth of calls; see `worker.handler_of`.
                with begin(module, server, trees[tree], depth=number * CHUNK_FRAMES // count) as function:
                    inits[tree] = function.init
            for measure in inits[0]:
                found[module, measure].add(inits[0][measure], inits[1][measure])
    return found


def checkout(revision: str, folder: Path) -> Path:
    """The folder itself, or a new one with what the revision's artifact is built from."""
    if Path(revision, "handlers").is_dir():
        return Path(revision).resolve()
    command = ["git", "-C", str(ROOT), "archive", revision, *BUILT_FROM]
    archive = subprocess.run(command, capture_output=True, check=False)
    if archive.returncode:
        raise RevisionError(f"{revision} is neither a checkout nor a revision: {archive.stderr.decode().strip()}.")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    # Files in it are named by what they were built from, so a layer that both have is built once.
    (ROOT / ".build").mkdir(exist_ok=True)
    (folder / ".build").symlink_to(ROOT / ".build")
    return folder


def built(project: Path) -> Artifact:
    """The artifact of a tree, built by that tree's own builder."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(project), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-c", BUILD]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RevisionError(f"The artifact of {project} could not be built: {done.stderr.strip()[-2000:]}")
    code, layer, version = done.stdout.splitlines()
    return Artifact(code=Path(code), layer=Path(layer), version=version)
