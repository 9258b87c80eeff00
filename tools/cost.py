"""What a stack costs a month, computed from what the program would deploy: `python -m tools.cost` writes docs/cost.md.

The graph says how many alarms, boards, keys and metrics there are; the prices and what one event takes are below.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from handlers.vocabulary import MetricName
from tests.recorder import PROD_OVERLAY, ROOT, Graph, record

DOCUMENT = ROOT / "docs" / "cost.md"

PRICES_OF = "November 2026"
HOURS_PER_MONTH = 730

# List prices of eu-west-1 in USD, without the free tier and without the cheaper tiers of large volumes.
PRICES = {
    "alarm metric": 0.10,
    "composite alarm": 0.50,
    "dashboard": 3.00,
    "custom metric": 0.30,
    "log GB": 0.57,
    "log GB kept a month": 0.03,
    "million traces": 5.00,
    "key": 1.00,
    "API client": 6.00,
    "million queue requests": 0.40,
    "million invocations": 0.20,
    "GB-second": 0.0000133334,
    "million write units": 0.705,
    "million read units": 0.141,
    "million API requests": 3.50,
}
SOURCES = (
    "aws.amazon.com/cloudwatch/pricing",
    "aws.amazon.com/xray/pricing",
    "aws.amazon.com/kms/pricing",
    "aws.amazon.com/cognito/pricing",
    "aws.amazon.com/sqs/pricing",
    "aws.amazon.com/lambda/pricing",
    "aws.amazon.com/dynamodb/pricing/on-demand",
    "aws.amazon.com/api-gateway/pricing",
)

# Events a second, and as many queries.
TRAFFIC = {"5 an hour": 5 / 3600, "5 a minute": 5 / 60, "500 a second": 500.0}

# What one takes, rounded up: seconds of a function, and bytes of log with the platform's lines and the metrics.
BATCH_SECONDS, BATCH_LOG_BYTES = 0.1, 3_500
QUERY_SECONDS, QUERY_LOG_BYTES, ACCESS_LOG_BYTES = 0.03, 2_500, 700
# Five pollers ask an empty queue every 20 seconds.
EMPTY_RECEIVES_PER_SECOND = 5 / 20
# Lambda traces the first invocation of each second and 5 % of the others, the API its percentage.
LAMBDA_TRACED = 0.05
MAPPING_METRICS = 5

PAGE = """# What it costs

Made by `python -m tools.cost` from what the program would deploy, and checked by a test. US dollars a month, list
prices of `eu-west-1`, entered by hand in {entered} and never fetched: compare them with the pages below before you
rely on them. Without the free tier (10 alarm metrics, 10 metrics, 3 small dashboards, 5 GB of logs and more), which
pays for most of a quiet stack, and without the cheaper tiers of large volumes.

## Standing

What costs the same whatever happens. An alarm is paid per metric it watches: one on four metrics costs four times.

{standing}

The stacks have as many clients as their settings name. Three of these are upper bounds: a client's price is the one AWS
announced in 2024, the metrics of the event source mapping are counted as custom metrics, and the one counted in the
access log exists only in hours in which somebody was refused.

## With traffic

Events, and as many queries. Standing costs are included; watching is all that is there to see instead of to serve.

{traffic}

500 a second is more than the limits that ship allow (`apiRateLimit`, `consumerMaxConcurrency`); it is what a stack with
higher limits would cost.

What one takes is assumed, generously: a batch runs {batch}, a query {query}; a record has at
most 1 KB, and nothing is retried. Not counted: stored records and their backups, tokens of the API's clients (2.25
dollars a thousand; a client keeps one for an hour), data sent to the internet, mails and pages.

In a flood, most of the watching is log lines of the queries. To spend less, keep them for fewer days
(`logRetentionDays`) and trace fewer requests (`apiTraceSamplingPercent`); the alarms are the cheapest part.

## Prices

| what | USD |
|---|---|
{prices}

{sources}
"""

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of the bill."""

    what: str
    quantity: float
    price: str
    watching: bool
    """Whether it is there to watch the others."""

    @property
    def dollars(self) -> float:
        """What it costs a month."""
        return self.quantity * PRICES[self.price]


def standing(graph: Graph) -> Iterator[Item]:
    """What costs the same whatever happens."""

    def count(type_: str) -> int:
        return len(graph.of_type(type_))

    metrics = sum(
        max(1, sum("metric" in query for query in alarm.inputs.get("metricQueries", [])))
        for alarm in graph.of_type(ALARM)
    )
    keys = graph.of_type("aws:kms/key:Key")
    watching_keys = [key for key in keys if key.name.startswith("monitoring")]
    yield Item(what="metrics watched by alarms", quantity=metrics, price="alarm metric", watching=True)
    composites = count("aws:cloudwatch/compositeAlarm:CompositeAlarm")
    yield Item(what="composite alarms", quantity=composites, price="composite alarm", watching=True)
    boards = count("aws:cloudwatch/dashboard:Dashboard")
    yield Item(what="dashboards", quantity=boards, price="dashboard", watching=True)
    yield Item(what="metrics of the handlers", quantity=handler_metrics(), price="custom metric", watching=True)
    counted = count("aws:cloudwatch/logMetricFilter:LogMetricFilter") + MAPPING_METRICS
    yield Item(
        what="metrics of the mapping and of the access log", quantity=counted, price="custom metric", watching=True
    )
    yield Item(what="key of the alerts", quantity=len(watching_keys), price="key", watching=True)
    yield Item(what="key of the data", quantity=len(keys) - len(watching_keys), price="key", watching=False)
    clients = count("aws:cognito/userPoolClient:UserPoolClient")
    yield Item(what="clients of the API", quantity=clients, price="API client", watching=False)


def handler_metrics() -> int:
    """How many metrics the handlers emit: each name once, the cold starts of each function."""
    return len(MetricName) + 1


def moving(graph: Graph, a_second: float) -> Iterator[Item]:
    """What follows the traffic."""
    seconds = HOURS_PER_MONTH * 3600
    events = queries = a_second * seconds
    batches = events / batch_size(graph, a_second)
    receives = max(batches, EMPTY_RECEIVES_PER_SECOND * seconds)
    gigabyte_seconds = batches * BATCH_SECONDS * memory(graph, "event-handler") + (
        queries * QUERY_SECONDS * memory(graph, "query")
    )
    logs = (batches * BATCH_LOG_BYTES + queries * (QUERY_LOG_BYTES + ACCESS_LOG_BYTES)) / 1e9
    months_kept = (
        max(group.inputs["retentionInDays"] for group in graph.of_type("aws:cloudwatch/logGroup:LogGroup")) / 30
    )
    sampled = graph.one("aws:xray/samplingRule:SamplingRule").inputs["fixedRate"]
    traces = traced(queries, seconds, sampled) + traced(batches, seconds, LAMBDA_TRACED)
    for what, quantity, price, watching in (
        ("queue: send, receive, delete", (events + receives + batches) / 1e6, "million queue requests", False),
        ("functions: invocations", (batches + queries) / 1e6, "million invocations", False),
        ("functions: time", gigabyte_seconds, "GB-second", False),
        ("table: one write unit an event", events / 1e6, "million write units", False),
        ("table: one read unit an event and a query", (events + queries) / 1e6, "million read units", False),
        ("API", queries / 1e6, "million API requests", False),
        ("logs: taken in", logs, "log GB", True),
        ("logs: kept, once the retention is full", logs * months_kept, "log GB kept a month", True),
        ("traces", traces / 1e6, "million traces", True),
    ):
        yield Item(what=what, quantity=quantity, price=price, watching=watching)


def batch_size(graph: Graph, a_second: float) -> float:
    """Events in one batch: alone at low traffic, as many as there may be in a flood."""
    most = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs["batchSize"]
    return min(most, max(1.0, a_second))


def memory(graph: Graph, function: str) -> float:
    """Gigabytes of a function."""
    return graph.one("aws:lambda/function:Function", f"{function}-function").inputs["memorySize"] / 1024


def traced(number: float, seconds: float, share: float) -> float:
    """How many of so many are traced: one a second, and a share of the others."""
    first = min(number, seconds)
    return first + (number - first) * share


def stacks() -> dict[str, Graph]:
    """The stacks whose costs are told."""
    full = {"monitoring": "full", "alarmEmail": "oncall@example.com"}
    return {
        "dev, essential": record("dev"),
        "dev, full": record("dev", full),
        "prod, full": record("prod", PROD_OVERLAY),
    }


def document(graphs: dict[str, Graph]) -> str:
    """The page."""
    return PAGE.format(
        standing="\n".join(_standing_table(graphs)),
        traffic="\n".join(_traffic_table(graphs)),
        prices="\n".join(
            f"| {name} | " + f"{price:.10f}".rstrip("0").rstrip(".") + " |" for name, price in PRICES.items()
        ),
        sources="\n".join(f"- https://{source}" for source in SOURCES),
        batch=f"{BATCH_SECONDS * 1000:g} ms and logs {BATCH_LOG_BYTES:,} bytes",
        query=f"{QUERY_SECONDS * 1000:g} ms and {QUERY_LOG_BYTES + ACCESS_LOG_BYTES:,} bytes",
        entered=PRICES_OF,
    )


def _standing_table(graphs: dict[str, Graph]) -> Iterator[str]:
    bills = {name: list(standing(graph)) for name, graph in graphs.items()}
    yield f"| what | {' | '.join(bills)} |"
    yield "|---" * (len(bills) + 1) + "|"
    for row in zip(*bills.values(), strict=True):
        cells = (f"{item.quantity:g} = {item.dollars:.2f}" for item in row)
        yield f"| {row[0].what} | {' | '.join(cells)} |"
    for title, kinds in (("watching", (True,)), ("all", (True, False))):
        sums = (sum(item.dollars for item in bill if item.watching in kinds) for bill in bills.values())
        yield f"| **{title}** | {' | '.join(f'**{dollars:.2f}**' for dollars in sums)} |"


def _traffic_table(graphs: dict[str, Graph]) -> Iterator[str]:
    yield "| stack | traffic | all | of it watching | logs and traces |"
    yield "|---|---|---|---|---|"
    for name, graph in graphs.items():
        for traffic, a_second in TRAFFIC.items():
            if a_second > 1 and name.startswith("dev"):
                continue
            follows = list(moving(graph, a_second))
            items = [*standing(graph), *follows]
            everything = sum(item.dollars for item in items)
            watching = sum(item.dollars for item in items if item.watching)
            telling = sum(item.dollars for item in follows if item.watching)
            yield f"| {name} | {traffic} | {everything:,.0f} | {watching:,.0f} | {telling:,.0f} |"


if __name__ == "__main__":
    DOCUMENT.write_text(document(stacks()))
