"""Measures everything in docs/benchmarks.md in one run: the functions take turns, and results are medians."""

import statistics
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.functions import (
    BENCH,
    LEAST_QUERY,
    NAIVE,
    ONE_BY_ONE,
    OURS,
    QUERY,
    ROOT,
    Function,
    Measurable,
    Run,
    installed,
    start,
    unpacked,
)
from benchmarks.latency import Latency, Progress, measure_latency
from benchmarks.runtime import RUNTIME_CLIENT, start_in_runtime
from benchmarks.table_server import LATENCY_SECONDS, TableServer
from components.packaging.artifact import Target, build_artifact

SQS_ENTRIES = 10
# About the number of frames of `worker.handler_of` in one of Python's frame chunks; starts are spread over a chunk.
CHUNK_FRAMES = 160


@dataclass(frozen=True)
class Load:
    """What a function does in a turn, and where: called by a process of ours, or in Lambda's runtime."""

    module: str
    batch: int
    events: int
    sampled: bool = True
    in_runtime: bool = False

    @property
    def process(self) -> tuple[str, bool, bool]:
        """Equal for loads that one process handles."""
        return self.module, self.sampled, self.in_runtime


# Batches by size, with the events of a turn; a query is an event.
SIZES = ((OURS, 100, 400), (OURS, 10, 200), (OURS, 1, 40), (QUERY, 1, 60))
LEAST = Load(LEAST_QUERY, 1, 60, in_runtime=True)
CONTROLS = (Load(NAIVE, 10, 100), Load(NAIVE, 100, 100), Load(ONE_BY_ONE, 1, 100), LEAST)


def loads(*, in_runtime: bool) -> list[Load]:
    """Everything our functions do in a turn, in traces that are sampled and in others."""
    return [Load(*size, sampled, in_runtime) for sampled in (True, False) for size in SIZES]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A turn of a function."""

    events: int
    run: Run
    requests: dict[str, int]
    connections: int
    """How many the function opened to the table."""


@dataclass(kw_only=True)
class Steady:
    """The turns of a load."""

    batch: int
    turns: list[Turn] = field(default_factory=list)

    @property
    def cpu_milliseconds(self) -> float:
        """The median over the turns, for each event or query."""
        return 1000 / self.events_per("cpu")

    def cpu_milliseconds_above(self, other: "Steady") -> float:
        """The median of what each event or query takes more than one of `other`, turn by turn."""
        pairs = zip(self.turns, other.turns, strict=True)
        return (
            statistics.median(mine.run.cpu / mine.events - their.run.cpu / their.events for mine, their in pairs) * 1000
        )

    @property
    def walls(self) -> list[float]:
        """Wall-clock seconds of all invocations, in ascending order."""
        return sorted(wall for done in self.turns for wall in done.run.walls)

    @property
    def requests_per_event(self) -> float:
        """The exact number, equal in every turn."""
        [requests] = {sum(turn.requests.values()) / turn.events for turn in self.turns}
        return requests

    def events_per(self, measure: str) -> float:
        """The median over the turns: per CPU second ("cpu") or per wall-clock second ("seconds")."""
        return statistics.median(turn.events / getattr(turn.run, measure) for turn in self.turns)

    def times(self, other: "Steady", measure: str) -> float:
        """The same relative to `other`, turn by turn."""
        return statistics.median(
            (mine.events * getattr(their.run, measure)) / (their.events * getattr(mine.run, measure))
            for mine, their in zip(self.turns, other.turns, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class Starts:
    """The cost of each start of a function; `first` is the duration of the first request after it, if there was one."""

    inits: list[dict[str, float]]
    first: list[float]

    def median(self, measure: str) -> float:
        """The median over all starts."""
        return statistics.median(init[measure] for init in self.inits)

    @property
    def median_until_first(self) -> float:
        """Seconds until the first response."""
        return statistics.median(init["wall"] + first for init, first in zip(self.inits, self.first, strict=True))

    def share(self, other: "Starts", measure: str) -> float:
        """The cost relative to `other`, start by start."""
        pairs = zip(self.inits, other.inits, strict=True)
        return statistics.median(mine[measure] / their[measure] for mine, their in pairs)


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The results."""

    layer_bytes: int
    code_bytes: int
    starts: dict[str, Starts]
    runtime_starts: dict[str, Starts]
    steady: dict[Load, Steady]
    hot: dict[str, int]
    unchanged: dict[str, int]
    connections: int
    """The most that one process of the event handler opened to the table."""
    latency: Latency

    def load(self, module: str, batch: int, *, sampled: bool = True, in_runtime: bool = False) -> Steady:
        """The turns of one load."""
        [found] = [
            steady
            for load, steady in self.steady.items()
            if (load.module, load.batch, load.sampled, load.in_runtime) == (module, batch, sampled, in_runtime)
        ]
        return found

    @property
    def cold_query_seconds(self) -> float:
        """From the start to the first response, without the time that Lambda takes to fetch code and start Python."""
        return self.starts[QUERY].median_until_first

    @property
    def cold_query_seconds_in_runtime(self) -> float:
        """From the start of Python to the first response."""
        return self.runtime_starts[QUERY].median_until_first


def measure(*, starts: int = 15, turns: int = 9, progress: Progress = lambda message: None) -> Measured:
    """Measure everything; takes minutes, mostly for the controls."""
    progress("building")
    artifact = build_artifact(ROOT, Target.host())
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, TableServer() as server:
        server.latency_seconds = LATENCY_SECONDS
        ours, theirs = unpacked(artifact, Path(scratch)), installed(Path(scratch, "installed"))
        runtime = installed(Path(scratch, "runtime"), RUNTIME_CLIENT)
        in_runtime = ours + runtime
        started = _starts({OURS: ours, QUERY: ours, NAIVE: theirs, ONE_BY_ONE: theirs}, server, starts, progress)
        runtime_started = _runtime_starts(in_runtime, server, starts, progress)
        with ExitStack() as stack:
            steady = {
                load: Steady(batch=load.batch)
                for load in (*loads(in_runtime=False), *loads(in_runtime=True), *CONTROLS)
            }
            functions: dict[tuple[str, bool, bool], Measurable] = {}
            connections: Counter[tuple[str, bool, bool]] = Counter()
            for load in steady:
                if load.process not in functions:
                    paths = ours if load.module in (OURS, QUERY) else theirs
                    if load.in_runtime:
                        paths = [BENCH, *runtime] if load == LEAST else in_runtime
                    begin, opened = start_in_runtime if load.in_runtime else start, server.connections
                    function = stack.enter_context(begin(load.module, server, paths, sampled=load.sampled))
                    function.run(5, 20)
                    functions[load.process] = function
                    connections[load.process] = server.connections - opened
            for number in range(turns):
                for load, results in steady.items():
                    progress(f"turn {number + 1} of {turns}: {load.module}, {load.batch}")
                    results.turns.append(turn(functions[load.process], server, load.events, load.batch))
                    connections[load.process] += results.turns[-1].connections
            _compare_requests(steady)
            handlers = {
                module: function
                for (module, sampled, real), function in functions.items()
                if isinstance(function, Function) and sampled and not real and module != QUERY
            }
            hot = {module: _requests(handler, server, again=False) for module, handler in handlers.items()}
            unchanged = {module: _requests(handler, server, again=True) for module, handler in handlers.items()}
        latency = measure_latency(in_runtime, progress=progress)
    return Measured(
        layer_bytes=artifact.layer.stat().st_size,
        code_bytes=artifact.code.stat().st_size,
        starts=started,
        runtime_starts=runtime_started,
        steady=steady,
        hot=hot,
        unchanged=unchanged,
        connections=max(opened for (module, *_), opened in connections.items() if module == OURS),
        latency=latency,
    )


def _compare_requests(steady: dict[Load, Steady]) -> None:
    """Fail if one function does different work in two of its loads: then their CPU is not comparable."""
    found: dict[tuple[str, int], set[float]] = {}
    for load, results in steady.items():
        found.setdefault((load.module, load.batch), set()).add(results.requests_per_event)
    different = {load: counts for load, counts in found.items() if len(counts) > 1}
    assert not different, different


def turn(function: Measurable, server: TableServer, events: int, batch: int) -> Turn:
    """Run `events` new events in batches of `batch`, and count their requests."""
    # Otherwise events already written by another function would make some of these old.
    server.reset()
    opened = server.connections
    run = function.run(events // batch, batch)
    return Turn(events=events, run=run, requests=dict(server.requests), connections=server.connections - opened)


def _requests(function: Function, server: TableServer, *, again: bool) -> int:
    """The number of requests for 100 events of one user, new or repeated."""
    server.requests.clear()
    function.run(1, 100, users=1, again=again)
    return server.requests.total()


def _starts(paths: dict[str, list[Path]], server: TableServer, count: int, progress: Progress) -> dict[str, Starts]:
    starts = {module: Starts(inits=[], first=[]) for module in paths}
    for number in range(count):
        for module, path in paths.items():
            progress(f"start {number + 1} of {count}: {module}")
            with start(module, server, path, depth=number * CHUNK_FRAMES // count) as function:
                starts[module].inits.append(function.init)
                if module == QUERY:
                    starts[module].first.extend(function.run(1).walls)
    return starts


def _runtime_starts(paths: list[Path], server: TableServer, count: int, progress: Progress) -> dict[str, Starts]:
    starts = {module: Starts(inits=[], first=[]) for module in (OURS, QUERY)}
    for number in range(count):
        for module, found in starts.items():
            progress(f"start {number + 1} of {count} in the runtime: {module}")
            with start_in_runtime(module, server, paths, depth=number * CHUNK_FRAMES // count) as function:
                found.inits.append(function.init)
                found.first.extend(function.run(1).walls)
    return starts
