"""Measures everything in docs/benchmarks.md in one run: the functions take turns, and results are medians."""

import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.functions import NAIVE, ONE_BY_ONE, OURS, QUERY, ROOT, Function, Run, installed, start, unpacked
from benchmarks.table_server import TableServer
from components.packaging.artifact import Target, build_artifact

LATENCY_SECONDS = 0.004
BATCHES = (10, 100)
EVENTS_A_TURN = {OURS: 500, NAIVE: 100, ONE_BY_ONE: 100}
SQS_ENTRIES = 10
# About the number of frames of `worker.handler_of` in one of Python's frame chunks; starts are spread over a chunk.
CHUNK_FRAMES = 160


@dataclass(frozen=True, kw_only=True)
class Turn:
    """A turn of a function."""

    events: int
    run: Run
    requests: dict[str, int]


@dataclass(kw_only=True)
class Steady:
    """The turns of a function at one batch size."""

    batch: int
    turns: list[Turn] = field(default_factory=list)

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
    steady: dict[tuple[str, int], Steady]
    untraced: Steady
    hot: dict[str, int]
    unchanged: dict[str, int]
    query_walls: list[float]

    @property
    def cold_query_seconds(self) -> float:
        """From the start to the first response, without the time that Lambda takes to fetch code and start Python."""
        query = self.starts[QUERY]
        return statistics.median(init["wall"] + first for init, first in zip(query.inits, query.first, strict=True))


def measure(*, starts: int = 15, turns: int = 9) -> Measured:
    """Measure everything; takes minutes, mostly for the controls."""
    artifact = build_artifact(ROOT, Target.host())
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, TableServer() as server:
        server.latency_seconds = LATENCY_SECONDS
        ours, theirs = unpacked(artifact, Path(scratch)), installed(Path(scratch, "installed"))
        paths = {OURS: ours, QUERY: ours, NAIVE: theirs, ONE_BY_ONE: theirs}
        started = _starts(paths, server, starts)
        with ExitStack() as stack:
            functions = {module: stack.enter_context(start(module, server, paths[module])) for module in paths}
            plain = stack.enter_context(start(OURS, server, ours, sampled=False))
            steady = {(module, batch): Steady(batch=batch) for module in (OURS, NAIVE) for batch in BATCHES}
            steady[ONE_BY_ONE, 1] = Steady(batch=1)
            untraced = Steady(batch=100)
            for function in (*functions.values(), plain):
                function.run(5, 20)
            for _ in range(turns):
                for (module, batch), results in steady.items():
                    results.turns.append(turn(functions[module], server, EVENTS_A_TURN[module], batch))
                untraced.turns.append(turn(plain, server, EVENTS_A_TURN[OURS], 100))
            # Otherwise traced and untraced runs are not comparable.
            assert untraced.requests_per_event == steady[OURS, 100].requests_per_event
            handlers = {module: function for module, function in functions.items() if module != QUERY}
            hot = {module: _requests(handler, server, again=False) for module, handler in handlers.items()}
            unchanged = {module: _requests(handler, server, again=True) for module, handler in handlers.items()}
            query_walls = functions[QUERY].run(300).walls
    return Measured(
        layer_bytes=artifact.layer.stat().st_size,
        code_bytes=artifact.code.stat().st_size,
        starts=started,
        steady=steady,
        untraced=untraced,
        hot=hot,
        unchanged=unchanged,
        query_walls=query_walls,
    )


def turn(function: Function, server: TableServer, events: int, batch: int) -> Turn:
    """Run `events` new events in batches of `batch`, and count their requests."""
    # Otherwise events already written by another function would make some of these old.
    server.reset()
    run = function.run(events // batch, batch)
    return Turn(events=events, run=run, requests=dict(server.requests))


def _requests(function: Function, server: TableServer, *, again: bool) -> int:
    """The number of requests for 100 events of one user, new or repeated."""
    server.requests.clear()
    function.run(1, 100, users=1, again=again)
    return server.requests.total()


def _starts(paths: dict[str, list[Path]], server: TableServer, count: int) -> dict[str, Starts]:
    starts = {module: Starts(inits=[], first=[]) for module in paths}
    for number in range(count):
        for module, path in paths.items():
            with start(module, server, path, depth=number * CHUNK_FRAMES // count) as function:
                starts[module].inits.append(function.init)
                if module == QUERY:
                    starts[module].first.extend(function.run(1).walls)
    return starts
