"""`make bench` measures everything in one run, prints it, and writes it to docs/benchmarks.md with date and machine.

The text below the mark is written by hand and is kept.
"""

import argparse
import math
import os
import platform
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.functions import NAIVE, ONE_BY_ONE, OURS, QUERY, ROOT
from benchmarks.measure import LATENCY_SECONDS, SQS_ENTRIES, Measured, Steady, measure
from benchmarks.workload import EVENTS_PER_USER, SERVICES_PER_USER, items
from components.settings.stack_settings import StackSettings
from handlers.stored import StoredRecord
from tools.cost import PRICES, PRICES_OF

DOCUMENT = ROOT / "docs" / "benchmarks.md"
MARK = "<!-- Below is written by hand; above is written by `make bench`. -->"
DEFAULTS = {name: field.default for name, field in StackSettings.__dataclass_fields__.items()}
MEMORY_GB = DEFAULTS["consumer_memory_mb"] / 1024
TOKENS_PRICE = 2.25
MB = 1e6

PAGE = """# Benchmarks

`make bench` wrote this page in one run on {date}: {machine}, Python {python}, load {load}.
Compare figures only within a run, and prefer ratios: figures depend on the machine. Turns are interleaved. Figures are
medians of {turns} turns and {starts} starts. CPU is the CPU time of the process.

The functions run from the zip files that ship, in an environment like Lambda's, with tracing on and every trace sampled
(Lambda samples about 5 %). The table responds after {latency:.0f} ms. A batch has {per_user} events per user; a record
has {services} services, {item_bytes} bytes. Two controls do the same work in the same run (`benchmarks/`):

- *naive* follows the documentation of the libraries: Table resource, pydantic, BatchProcessor, a log line and a
  subsegment for each message, a get and a put for each event;
- *one at a time* handles one message per invocation, with a get and a put, and nothing else.

## Handling events

{events}

`tests/handlers/test_request_counts.py` asserts the exact counts, and generous forms of two of the ratios.

## Cold starts

From the first import until the function is ready, including the first connection.

{starting}

The artifact: a layer of {layer:,.0f} KB, {code:,.0f} KB of code, stored without compression.

## Queries

| query, at the handler | ms |
|---|---|
| warm, median | {warm:.1f} |
| warm, 99th percentile | {warm_99:.1f} |
| cold: start and first answer, without the time of Lambda itself | {cold:.0f} |

## Costs of a million

US dollars, list prices of `eu-west-1` as of {prices_of}, entered by hand in `tools/cost.py`, which lists their sources;
no free tier, arm64, {memory:.2f} GB. Requests and units are counted; durations are those measured on this machine.
SQS is a send for each event, and a receive and a delete for each {entries}. Logs, metrics, traces and
standing costs are not included ([cost.md](cost.md)).

{events_cost}

A million queries: API Gateway {api:.2f}, Lambda requests {requests:.2f}, Lambda GB-seconds {query_gb:.2f}, DynamoDB
reads {query_reads:.2f}: {query_total:.2f} in all.
Cognito charges {token:.5f} for a token; a client keeps a token for an hour.

"""


def render(found: Measured) -> str:
    """Return the measured part of the page."""
    query_walls = sorted(found.query_walls)
    warm = statistics.median(query_walls)
    query_prices = {
        "api": PRICES["million API requests"],
        "requests": PRICES["million invocations"],
        "query_gb": PRICES["GB-second"] * DEFAULTS["query_memory_mb"] / 1024 * 1e6 * warm,
        "query_reads": PRICES["million read units"] * 0.5,
    }
    return PAGE.format(
        date=f"{datetime.now(UTC):%Y-%m-%d}",
        machine=f"{os.cpu_count()} cores of {_processor()}",
        python=platform.python_version(),
        load=f"{os.getloadavg()[1]:.1f}",
        turns=len(found.untraced.turns),
        starts=len(found.starts[OURS].inits),
        latency=LATENCY_SECONDS * 1000,
        per_user=EVENTS_PER_USER,
        services=SERVICES_PER_USER,
        item_bytes=_item_bytes(),
        events=_events(found),
        starting=_starting(found),
        layer=found.layer_bytes / 1000,
        code=found.code_bytes / 1000,
        warm=warm * 1000,
        warm_99=query_walls[int(len(query_walls) * 0.99)] * 1000,
        cold=found.cold_query_seconds * 1000,
        prices_of=PRICES_OF,
        memory=MEMORY_GB,
        entries=SQS_ENTRIES,
        events_cost=_events_cost(found),
        token=TOKENS_PRICE / 1000,
        query_total=sum(query_prices.values()),
        **query_prices,
    )


def _columns(found: Measured) -> dict[str, Steady]:
    return {
        "batch of 10": found.steady[OURS, 10],
        "naive, 10": found.steady[NAIVE, 10],
        "batch of 100": found.steady[OURS, 100],
        "naive, 100": found.steady[NAIVE, 100],
        "one at a time": found.steady[ONE_BY_ONE, 1],
    }


def _events(found: Measured) -> str:
    columns = _columns(found)
    naive = {10: found.steady[NAIVE, 10], 100: found.steady[NAIVE, 100], 1: found.steady[NAIVE, 10]}

    def of_100(counts: dict[str, int]) -> list[str]:
        return ["", "", str(counts[OURS]), str(counts[NAIVE]), str(counts[ONE_BY_ONE])]

    rows = {
        "DynamoDB requests per event": [f"{steady.requests_per_event:.2f}" for steady in columns.values()],
        "requests, 100 events of one user": of_100(found.hot),
        "requests, 100 events that change nothing": of_100(found.unchanged),
        "events per CPU second": [f"{steady.events_per_cpu_second:.0f}" for steady in columns.values()],
        "against naive": [f"{steady.times(naive[steady.batch], 'cpu'):.1f}x" for steady in columns.values()],
        "events per second": [f"{steady.events_per_second:.0f}" for steady in columns.values()],
        "against naive ": [f"{steady.times(naive[steady.batch], 'seconds'):.1f}x" for steady in columns.values()],
    }
    traced = found.untraced.times(found.steady[OURS, 100], "cpu")
    note = f"Without sampling of the trace, an event of a batch of 100 takes {1 / traced:.2f} of the CPU."
    return f"{_table(['', *columns], rows)}\n\n{note}"


def _starting(found: Measured) -> str:
    naive = found.starts[NAIVE]
    names = {OURS: "event handler", QUERY: "query", NAIVE: "naive", ONE_BY_ONE: "one at a time"}
    starts = [found.starts[module] for module in names]
    rows = {
        "CPU, ms": [f"{start.median('cpu') * 1000:.0f}" for start in starts],
        "against naive": [f"{start.share(naive, 'cpu'):.2f}" for start in starts],
        "peak memory, MB": [f"{start.median('peak_memory') / MB:.1f}" for start in starts],
        "against naive ": [f"{start.share(naive, 'peak_memory'):.2f}" for start in starts],
    }
    return _table(["", *names.values()], rows)


def _events_cost(found: Measured) -> str:
    columns = {name: prices_of(steady) for name, steady in _columns(found).items()}
    first = next(iter(columns.values()))
    rows = {item: [f"{prices[item]:.2f}" for prices in columns.values()] for item in first}
    rows["**a million events**"] = [f"**{sum(prices.values()):.2f}**" for prices in columns.values()]
    return _table(["", *columns], rows)


def prices_of(steady: Steady) -> dict[str, float]:
    """Return the dollars for a million events, by billed item."""
    turn = steady.turns[0]
    writes = sum(turn.requests.get(name, 0) for name in ("UpdateItem", "PutItem"))
    # A batch read is billed per item; it reads as many items as are written here.
    reads = turn.requests.get("GetItem") or writes
    polls = math.ceil(steady.batch / SQS_ENTRIES) / steady.batch
    write_units = math.ceil(_item_bytes() / 1024)
    return {
        "Lambda requests": PRICES["million invocations"] / steady.batch,
        "Lambda GB-seconds": PRICES["GB-second"] * MEMORY_GB * 1e6 / steady.events_per_second,
        "SQS": PRICES["million queue requests"] * (1 + 2 * polls),
        "DynamoDB writes": PRICES["million write units"] * write_units * writes / turn.events,
        "DynamoDB reads": PRICES["million read units"] * 0.5 * reads / turn.events,
    }


def _item_bytes() -> int:
    user_id, item = next(iter(items().items()))
    stored = StoredRecord.of(user_id, item)
    return stored.bytes_with(stored.record)


def _table(head: list[str], rows: dict[str, list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([name.strip(), *cells] for name, cells in rows.items())]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def main() -> None:
    """Measure, print the page and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=9)
    parser.add_argument("--starts", type=int, default=15)
    options = parser.parse_args()
    page = render(measure(starts=options.starts, turns=options.turns))
    sys.stdout.write(page)
    kept = DOCUMENT.read_text(encoding="utf-8").partition(MARK)[2] if DOCUMENT.exists() else "\n"
    DOCUMENT.write_text(f"{page}{MARK}{kept}", encoding="utf-8")


if __name__ == "__main__":
    main()
