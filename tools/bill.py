"""The items of a stack's bill for a month: what the recorded program would deploy, and what traffic uses."""

import json
import re
from dataclasses import dataclass

from handlers.vocabulary import MetricName
from localcloud.deployer.recorder import Graph
from tools import log_bytes
from tools.log_bytes import QUIET, OwnBytes, own_bytes
from tools.prices import cost

HOURS_PER_MONTH = 730
SECONDS_PER_MONTH = HOURS_PER_MONTH * 3600

# Assumptions, rounded up: durations of an invocation, and of a start.
BATCH_SECONDS, QUERY_SECONDS, INIT_SECONDS = 0.1, 0.03, 0.5
# AWS ends every environment after a few hours, and an idle one after some minutes: a function that is called more
# rarely starts each time. https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
HOURS_OF_AN_ENVIRONMENT, IDLE_SECONDS = 2, 300
# Five pollers poll an empty queue every 20 seconds.
EMPTY_RECEIVES_PER_SECOND = 5 / 20
# Lambda traces the first invocation of each second and 5 % of the others.
LAMBDA_TRACED = 0.05
# AWS's calculator takes stored lines for compressed to this share.
COMPRESSED = 0.15
# People look: at all boards, and at the traces of an hour.
LOOKS_AT_BOARDS, LOOKS_AT_TRACES = 300, 30
# DynamoDB asks for the key again after five minutes, for each caller.
TABLE_KEY_SECONDS = 300
MAPPING_METRICS = 5
# Of each function: cold starts, and the version that runs.
METRICS_OF_A_FUNCTION = 2
PROBE_METRICS = (MetricName.EVENT_PROBED, MetricName.PROBE_SUCCESS, MetricName.PROBE_DELAY)
# A login of the probe shows at its second look, two seconds after it was sent.
PROBE_SECONDS, PROBE_LOOKS, PROBE_LOG_BYTES = 2.2, 2, 1_500
PROBE_RUNS = HOURS_PER_MONTH * 60

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
FUNCTION = "aws:lambda/function:Function"
CLIENT = "aws:cognito/userPoolClient:UserPoolClient"
MONTHLY_TOKEN_MINUTES = HOURS_PER_MONTH * 60


@dataclass(frozen=True)
class Item:
    """An item of the bill."""

    name: str
    quantity: float
    price: str | float
    """The name of a list price, or a price."""
    is_monitoring: bool

    @property
    def dollars(self) -> float:
        """The cost a month."""
        if isinstance(self.price, str):
            return cost(self.quantity, self.price)
        return self.quantity * self.price


def total(bill: list[Item], *, monitoring: bool = False) -> float:
    """The dollars of all items, or of those that only observe."""
    return sum(item.dollars for item in bill if item.is_monitoring or not monitoring)


def fixed(graph: Graph, own: OwnBytes = QUIET) -> list[Item]:
    """The costs that do not depend on traffic."""

    def count(type_: str) -> int:
        return len(graph.of_type(type_))

    alarm_metrics = sum(
        max(1, sum("metric" in query for query in alarm.inputs.get("metricQueries", [])))
        for alarm in graph.of_type(ALARM)
    )
    runs = of_probe(graph, own)
    has_probe = bool(runs)
    # In MetricName, those of a function are once.
    handler_metrics = len(MetricName) + METRICS_OF_A_FUNCTION * (count(FUNCTION) - 1)
    handler_metrics -= 0 if has_probe else len(PROBE_METRICS)
    other_metrics = count("aws:cloudwatch/logMetricFilter:LogMetricFilter") + MAPPING_METRICS
    keys = graph.of_type("aws:kms/key:Key")
    alert_keys = sum(key.name.startswith("monitoring") for key in keys)
    clients = [client for client in graph.of_type(CLIENT) if client.name != "probe-client"]
    tokens = sum(MONTHLY_TOKEN_MINUTES / client.inputs["accessTokenValidity"] for client in clients)
    return [
        Item("metrics in alarms", alarm_metrics, "alarm metric", True),
        Item("composite alarms", count("aws:cloudwatch/compositeAlarm:CompositeAlarm"), "composite alarm", True),
        Item("dashboards", count("aws:cloudwatch/dashboard:Dashboard"), "dashboard", True),
        Item("metrics of the handlers", handler_metrics, "custom metric", True),
        Item("metrics of the mapping and of the access log", other_metrics, "custom metric", True),
        Item("key of the alerts", alert_keys, "key", True),
        Item("key of the data", len(keys) - alert_keys, "key", False),
        Item("millions of requests to that key", _key_requests(graph, has_probe) / 1e6, "million key requests", False),
        Item("thousands of tokens of the API's clients", tokens / 1e3, "thousand tokens", False),
        Item("runs of the probe", PROBE_RUNS * has_probe, total(runs) / PROBE_RUNS, True),
    ]


def _key_requests(graph: Graph, has_probe: bool) -> float:
    """By the formula of SQS for each queue in use, and each function's of the table."""
    encrypted = [found for found in graph.of_type("aws:sqs/queue:Queue") if found.inputs.get("kmsMasterKeyId")]
    if not encrypted:
        return 0
    producers, consumers = 1 + has_probe, 1
    # Nothing arrives in the dead-letter queue.
    reuse = min(queue.inputs["kmsDataKeyReusePeriodSeconds"] for queue in encrypted)
    return SECONDS_PER_MONTH / reuse * (2 * producers + consumers) + SECONDS_PER_MONTH / TABLE_KEY_SECONDS * 2


def of_probe(graph: Graph, own: OwnBytes = QUIET) -> list[Item]:
    """What the runs of the probe cost; nothing in a stack without one."""
    if not any(function.name == "probe-function" for function in graph.of_type(FUNCTION)):
        return []
    seconds = PROBE_SECONDS * _memory(graph, "probe") + BATCH_SECONDS * _memory(graph, "event-handler")
    seconds += PROBE_LOOKS * QUERY_SECONDS * _memory(graph, "query")
    logs = PROBE_LOG_BYTES + _of_batch(graph, 1, own)
    logs += PROBE_LOOKS * (_of_query(graph, own) + log_bytes.of_access(graph))
    minutes = graph.one(CLIENT, "probe-client").inputs["accessTokenValidity"]
    # At so few runs, each of them and its batch is traced, and each request.
    traces = 1 + PROBE_LOOKS
    gigabytes = logs * PROBE_RUNS / 1e9
    reads = (1 + PROBE_LOOKS) * PROBE_RUNS / 1e6
    return [
        Item("tokens", PROBE_RUNS / minutes / 1000, "thousand tokens", True),
        Item("queue: send, receive, delete", 3 * PROBE_RUNS / 1e6, "million queue requests", True),
        Item("functions: invocations", (2 + PROBE_LOOKS) * PROBE_RUNS / 1e6, "million invocations", True),
        Item("functions: duration", seconds * PROBE_RUNS, "GB-second", True),
        Item("table: a write unit for each login", PROBE_RUNS / 1e6, "million write units", True),
        Item("table: a read unit for each login and look", reads, "million read units", True),
        Item("API", PROBE_LOOKS * PROBE_RUNS / 1e6, "million API requests", True),
        Item("logs: ingested", gigabytes, "log GB", True),
        Item("logs: stored", gigabytes * COMPRESSED * _months_kept(graph), "log GB kept a month", True),
        Item("traces", traces * PROBE_RUNS / 1e6, "million traces", True),
    ]


def variable(graph: Graph, per_second: float, own: OwnBytes | None = None) -> list[Item]:
    """The costs that depend on traffic."""
    own = own or own_bytes(per_second)
    use = Use.of(graph, per_second)
    events = queries = per_second * SECONDS_PER_MONTH
    batches = use.batches * SECONDS_PER_MONTH
    receives = max(batches, EMPTY_RECEIVES_PER_SECOND * SECONDS_PER_MONTH)
    gigabyte_seconds = batches * BATCH_SECONDS * _memory(graph, "event-handler")
    gigabyte_seconds += queries * QUERY_SECONDS * _memory(graph, "query")
    starts = _starts(use.batches, BATCH_SECONDS) * _memory(graph, "event-handler")
    starts += _starts(per_second, QUERY_SECONDS) * _memory(graph, "query")
    written = use.written(graph, own)
    gigabytes = sum(written.values()) * SECONDS_PER_MONTH / 1e9
    sampled = graph.one("aws:xray/samplingRule:SamplingRule").inputs["fixedRate"]
    traces = _traces(per_second, sampled) + _traces(use.batches, LAMBDA_TRACED)
    read = traces * 3600 * LOOKS_AT_TRACES
    return [
        Item("queue: send, receive, delete", (events + receives + batches) / 1e6, "million queue requests", False),
        Item("functions: invocations", (batches + queries) / 1e6, "million invocations", False),
        Item("functions: duration", gigabyte_seconds, "GB-second", False),
        Item("functions: starts", starts * INIT_SECONDS, "GB-second", False),
        Item("table: a write unit for each event", events / 1e6, "million write units", False),
        Item("table: a read unit for each event and query", (events + queries) / 1e6, "million read units", False),
        Item("API", queries / 1e6, "million API requests", False),
        Item("logs: ingested", gigabytes, "log GB", True),
        Item(
            "logs: stored, after a full retention period",
            gigabytes * COMPRESSED * _months_kept(graph),
            "log GB kept a month",
            True,
        ),
        Item("logs: scanned by boards", _scanned(graph, written) * LOOKS_AT_BOARDS / 1e9, "log GB scanned", True),
        Item("traces", traces * SECONDS_PER_MONTH / 1e6, "million traces", True),
        Item("traces: read", read / 1e6, "million traces read", True),
    ]


@dataclass(frozen=True)
class Use:
    """What traffic makes of the functions, by second."""

    queries: float
    batches: float
    batch_size: float

    @classmethod
    def of(cls, graph: Graph, per_second: float) -> "Use":
        """Of so many events, and as many queries; a batch has those of a second, from 1 to the configured maximum."""
        maximum = graph.one("aws:lambda/eventSourceMapping:EventSourceMapping").inputs["batchSize"]
        size = min(maximum, max(1.0, per_second))
        return cls(queries=per_second, batches=per_second / size, batch_size=size)

    def written(self, graph: Graph, own: OwnBytes) -> dict[str, float]:
        """The bytes that each log group gets in a second, by the end of its name."""
        return {
            "event-handler": self.batches * _of_batch(graph, self.batch_size, own),
            "query": self.queries * _of_query(graph, own),
            "api-access": self.queries * log_bytes.of_access(graph),
        }


def _of_batch(graph: Graph, size: float, own: OwnBytes) -> float:
    return own.of_batch(size) + log_bytes.of_platform(graph, "event-handler", BATCH_SECONDS)


def _of_query(graph: Graph, own: OwnBytes) -> float:
    return own.query + log_bytes.of_platform(graph, "query", QUERY_SECONDS)


def _scanned(graph: Graph, written: dict[str, float]) -> float:
    """The bytes that the queries of all boards scan when they are opened, without what their indexes save."""
    scanned = 0.0
    for board in graph.of_type("aws:cloudwatch/dashboard:Dashboard"):
        body = json.loads(board.inputs["dashboardBody"])
        [hours] = re.findall(r"^-PT(\d+)H$", body["start"])
        for widget in body["widgets"]:
            groups = re.findall(r"SOURCE '([^']+)'", str(widget["properties"].get("query", "")))
            scanned += int(hours) * 3600 * sum(written.get(group.rpartition("/")[2], 0) for group in groups)
    return scanned


def _starts(per_second: float, seconds: float) -> float:
    """The cold starts of a month."""
    if per_second < 1 / IDLE_SECONDS:
        return per_second * SECONDS_PER_MONTH
    return max(1.0, per_second * seconds) * HOURS_PER_MONTH / HOURS_OF_AN_ENVIRONMENT


def _months_kept(graph: Graph) -> float:
    groups = graph.of_type("aws:cloudwatch/logGroup:LogGroup")
    return max(group.inputs["retentionInDays"] for group in groups) / 30


def _memory(graph: Graph, function: str) -> float:
    return graph.one(FUNCTION, f"{function}-function").inputs["memorySize"] / 1024


def _traces(per_second: float, share: float) -> float:
    """One a second, and a share of the others."""
    first = min(per_second, 1)
    return first + (per_second - first) * share
