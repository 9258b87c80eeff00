"""Everything the page of benchmarks says, measured in one run: what is compared takes turns, and medians count."""

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
# About as many frames of `worker.handler_of` as fit a chunk of Python's: starts are spread over all of it.
CHUNK_FRAMES = 160


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one function did in one turn."""

    events: int
    run: Run
    requests: dict[str, int]

    @property
    def seconds(self) -> float:
        """Of all invocations."""
        return sum(self.run.walls)


@dataclass(kw_only=True)
class Steady:
    """The turns of one function at one batch size."""

    batch: int
    turns: list[Turn] = field(default_factory=list)

    @property
    def requests_per_event(self) -> float:
        """Exact: every turn sends the same."""
        [each] = {sum(turn.requests.values()) / turn.events for turn in self.turns}
        return each

    @property
    def events_per_cpu_second(self) -> float:
        """The median over the turns."""
        return statistics.median(turn.events / turn.run.cpu for turn in self.turns)

    @property
    def events_per_second(self) -> float:
        """The median over the turns."""
        return statistics.median(turn.events / turn.seconds for turn in self.turns)

    def times(self, other: "Steady", what: str) -> float:
        """How many times as many events as `other`, turn by turn: "cpu" for a second of CPU, "seconds" of the clock."""
        return statistics.median(
            (mine.events * _spent(their, what)) / (their.events * _spent(mine, what))
            for mine, their in zip(self.turns, other.turns, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class Starts:
    """What starting one function took, start by start; `first` is its first answer, if it was asked for one."""

    inits: list[dict[str, float]]
    first: list[float]

    def median(self, what: str) -> float:
        """The median of one measure over all starts."""
        return statistics.median(init[what] for init in self.inits)

    def share(self, other: "Starts", what: str) -> float:
        """Of what `other` took, turn by turn."""
        return statistics.median(mine[what] / their[what] for mine, their in zip(self.inits, other.inits, strict=True))


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
        """From nothing to the first answer, without what Lambda takes to fetch the code and start Python."""
        query = self.starts[QUERY]
        return statistics.median(init["wall"] + first for init, first in zip(query.inits, query.first, strict=True))


def measure(*, starts: int = 15, turns: int = 9) -> Measured:
    """One run of everything; minutes, most of them waiting for the controls."""
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
            assert untraced.requests_per_event == steady[OURS, 100].requests_per_event  # or they are not comparable
            handlers = {module: function for module, function in functions.items() if module != QUERY}
            hot = {module: _requests(each, server, again=False) for module, each in handlers.items()}
            unchanged = {module: _requests(each, server, again=True) for module, each in handlers.items()}
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
    """`events` events in batches of `batch`, each of them news to the table, and the requests they caused."""
    # Or what another function has written, which is further on, makes some of these events old ones.
    server.reset()
    # One message at a time comes out of a batch of any size.
    size = max(batch, SQS_ENTRIES)
    run = function.run(events // size, size)
    return Turn(events=events, run=run, requests=dict(server.requests))


def _requests(function: Function, server: TableServer, *, again: bool) -> int:
    """How many requests 100 events of one user cause, new or not."""
    server.requests.clear()
    function.run(1, 100, users=1, again=again)
    return server.requests.total()


def _starts(paths: dict[str, list[Path]], server: TableServer, count: int) -> dict[str, Starts]:
    found = {module: Starts(inits=[], first=[]) for module in paths}
    for number in range(count):
        for module, path in paths.items():
            with start(module, server, path, depth=number * CHUNK_FRAMES // count) as function:
                found[module].inits.append(function.init)
                if module == QUERY:
                    found[module].first.extend(function.run(1).walls)
    return found


def _spent(turn: Turn, what: str) -> float:
    return turn.run.cpu if what == "cpu" else turn.seconds
