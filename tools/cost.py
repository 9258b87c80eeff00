"""What a stack costs a month, computed from what the program would deploy: `python -m tools.cost` writes docs/cost.md.

The recorded graph has the number of alarms, boards, keys and metrics. The prices, and what an event uses, are below.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from handlers.vocabulary import Metric
from localcloud.deployer.recorder import PROD_OVERLAY, ROOT, Graph, record
from simulation.conditions import LEVELS

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

# Events a second; the number of queries is the same.
TRAFFIC = {level.name: level.per_second for level in LEVELS}

# Use of a batch and of a query, rounded up: seconds of a function, bytes of log with platform lines and metrics.
BATCH_SECONDS, BATCH_LOG_BYTES = 0.1, 3_500
QUERY_SECONDS, QUERY_LOG_BYTES, ACCESS_LOG_BYTES = 0.03, 2_500, 700
# Five pollers poll an empty queue every 20 seconds.
EMPTY_RECEIVES_PER_SECOND = 5 / 20
# Lambda traces the first invocation of each second and 5 % of the others; the API traces its own percentage.
LAMBDA_TRACED = 0.05
MAPPING_METRICS = 5

PAGE = """# What it costs

`python -m tools.cost` generates this page from what the program would deploy, and a test checks it. Prices are list
prices of `eu-west-1` in US dollars a month, entered by hand in {entered}. Compare them with the price pages below
before you rely on them. Left out are the free tier (10 alarm metrics, 10 metrics, 3 small dashboards, 5 GB of logs
and more), which pays for most of a quiet stack, and the lower prices of large volumes.

## Standing costs

These costs do not depend on traffic. An alarm is billed per metric: an alarm on four metrics costs four times as much
as an alarm on one.

{standing}

A stack has as many clients as its settings name. Three prices are upper bounds. The price of a client is the price
AWS announced in 2024. The metrics of the event source mapping are counted as custom metrics. The metric counted in
the access log exists only in hours in which a request was rejected with 401 or 403.

## Costs with traffic

The number of queries equals the number of events. The total includes the standing costs. Monitoring is everything
that exists to observe the stack, not to serve requests.

{traffic}

500 a second is more than the shipped limits allow (`apiRateLimit`, `consumerMaxConcurrency`). The row shows the costs
of a stack with higher limits.

The assumptions are generous: a batch runs {batch}, a query {query}, a record has at most 1 KB, and nothing is
retried.

Not included: stored records and their backups, tokens of the API's clients (2.25 dollars a thousand; a client keeps a
token for an hour), data sent to the internet, mails and pages.

At 500 a second, most of the monitoring costs are log lines of the queries. To spend less, keep logs for fewer days
(`logRetentionDays`) and trace fewer requests (`apiTraceSamplingPercent`). The alarms are the cheapest part.

## Prices

| item | USD |
|---|---|
{prices}

{sources}
"""

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One line of the bill."""

    name: str
    quantity: float
    price: str
    monitoring: bool
    """Whether it observes the stack, and serves no request."""

    @property
    def dollars(self) -> float:
        """The costs of a month."""
        return self.quantity * PRICES[self.price]


def standing(graph: Graph) -> Iterator[Item]:
    """Yield the items whose costs do not depend on traffic."""

    def count(type_: str) -> int:
        return len(graph.of_type(type_))

    metrics = sum(
        max(1, sum("metric" in query for query in alarm.inputs.get("metricQueries", [])))
        for alarm in graph.of_type(ALARM)
    )
    keys = graph.of_type("aws:kms/key:Key")
    alert_keys = [key for key in keys if key.name.startswith("monitoring")]
    yield Item(name="metrics of alarms", quantity=metrics, price="alarm metric", monitoring=True)
    composites = count("aws:cloudwatch/compositeAlarm:CompositeAlarm")
    yield Item(name="composite alarms", quantity=composites, price="composite alarm", monitoring=True)
    boards = count("aws:cloudwatch/dashboard:Dashboard")
    yield Item(name="dashboards", quantity=boards, price="dashboard", monitoring=True)
    yield Item(name="metrics of the handlers", quantity=handler_metrics(), price="custom metric", monitoring=True)
    counted = count("aws:cloudwatch/logMetricFilter:LogMetricFilter") + MAPPING_METRICS
    yield Item(
        name="metrics of the mapping and of the access log", quantity=counted, price="custom metric", monitoring=True
    )
    yield Item(name="key of the alerts", quantity=len(alert_keys), price="key", monitoring=True)
    yield Item(name="key of the data", quantity=len(keys) - len(alert_keys), price="key", monitoring=False)
    clients = count("aws:cognito/userPoolClient:UserPoolClient")
    yield Item(name="clients of the API", quantity=clients, price="API client", monitoring=False)


def handler_metrics() -> int:
    """Count the metrics of the handlers: each name once, and the cold starts of both functions."""
    return len([name for name in vars(Metric) if name.isupper()]) + 1


def moving(graph: Graph, a_second: float) -> Iterator[Item]:
    """Yield the items whose costs depend on traffic."""
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
    for name, quantity, price, monitoring in (
        ("queue: send, receive, delete", (events + receives + batches) / 1e6, "million queue requests", False),
        ("functions: invocations", (batches + queries) / 1e6, "million invocations", False),
        ("functions: time", gigabyte_seconds, "GB-second", False),
        ("table: one write unit per event", events / 1e6, "million write units", False),
        ("table: one read unit per event and per query", (events + queries) / 1e6, "million read units", False),
        ("API", queries / 1e6, "million API requests", False),
        ("logs: ingested", logs, "log GB", True),
        ("logs: stored, once the retention period is full", logs * months_kept, "log GB kept a month", True),
        ("traces", traces / 1e6, "million traces", True),
    ):
        yield Item(name=name, quantity=quantity, price=price, monitoring=monitoring)


def batch_size(graph: Graph, a_second: float) -> float:
    """Return the events in one batch: one at low traffic, the configured maximum at high traffic."""
    most = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs["batchSize"]
    return min(most, max(1.0, a_second))


def memory(graph: Graph, function: str) -> float:
    """Return the memory of a function in gigabytes."""
    return graph.one("aws:lambda/function:Function", f"{function}-function").inputs["memorySize"] / 1024


def traced(number: float, seconds: float, share: float) -> float:
    """Return how many of `number` requests are traced: one a second, and a share of the others."""
    first = min(number, seconds)
    return first + (number - first) * share


def stacks() -> dict[str, Graph]:
    """Return the graphs of the stacks on the page."""
    full = {"monitoring": "full", "alarmEmail": "oncall@example.com"}
    return {
        "dev, essential": record("dev"),
        "dev, full": record("dev", full),
        "prod, full": record("prod", PROD_OVERLAY),
    }


def document(graphs: dict[str, Graph]) -> str:
    """Return the page as Markdown."""
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
    yield f"| item | {' | '.join(bills)} |"
    yield "|---" * (len(bills) + 1) + "|"
    for row in zip(*bills.values(), strict=True):
        cells = (f"{item.quantity:g} = {item.dollars:.2f}" for item in row)
        yield f"| {row[0].name} | {' | '.join(cells)} |"
    for title, kinds in (("monitoring", (True,)), ("total", (True, False))):
        sums = (sum(item.dollars for item in bill if item.monitoring in kinds) for bill in bills.values())
        yield f"| **{title}** | {' | '.join(f'**{dollars:.2f}**' for dollars in sums)} |"


def _traffic_table(graphs: dict[str, Graph]) -> Iterator[str]:
    yield "| stack | traffic | total | monitoring | logs and traces |"
    yield "|---|---|---|---|---|"
    for name, graph in graphs.items():
        for traffic, a_second in TRAFFIC.items():
            if a_second > 1 and name.startswith("dev"):
                continue
            with_traffic = list(moving(graph, a_second))
            items = [*standing(graph), *with_traffic]
            total = sum(item.dollars for item in items)
            monitoring = sum(item.dollars for item in items if item.monitoring)
            logs_and_traces = sum(item.dollars for item in with_traffic if item.monitoring)
            yield f"| {name} | {traffic} | {total:,.0f} | {monitoring:,.0f} | {logs_and_traces:,.0f} |"


if __name__ == "__main__":
    DOCUMENT.write_text(document(stacks()))
