"""Rules about alarms and saved queries, over a recorded graph."""

import json
import re
from collections.abc import Iterator
from typing import Any

from handlers.vocabulary import METRICS_NAMESPACE, SERVICE_DIMENSION, STACK_DIMENSION
from localcloud.cloudwatch.alarms import AlarmError, read_alarms
from localcloud.cloudwatch.expressions import ExpressionError
from localcloud.deployer.engine import Resource
from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tests.graph.graph_rules import depends_on, prefix, stack_name

HEALTH = "service-health"

METRICS_PER_ALARM = 10
MARKUP = set("`*~<>&")
# Metrics of AWS can be this late, and CloudWatch need not look farther back than an alarm's periods.
LATE_MINUTES = 3
DAY = 86_400
# Every operation the handlers call.
OPERATIONS = {"GetItem", "BatchGetItem", "UpdateItem"}


def name_of(alarm: Resource) -> str:
    """Physical name of an alarm."""
    return alarm.inputs["alarmName" if alarm.type == aws.COMPOSITE else "name"]


def alarms_of(graph: Graph) -> list[Resource]:
    """Alarms on metrics and alarms on alarms."""
    return graph.of_type(aws.ALARM) + graph.of_type(aws.COMPOSITE)


def children_of(composite: Resource) -> list[str]:
    """Names of the alarms a composite is made of."""
    return re.findall(r'ALARM\("([^"]+)"\)', composite.inputs["alarmRule"])


def watched_by(alarm: Resource) -> list[dict[str, Any]]:
    """Every metric of an alarm."""
    queries = [query["metric"] for query in alarm.inputs.get("metricQueries", []) if "metric" in query]
    return queries or [alarm.inputs]


def alarms_tell(graph: Graph) -> Iterator[str]:
    """An alarm is named by its ID. Its description begins with one line for the pager, and names the board."""
    for alarm in alarms_of(graph):
        if name_of(alarm) != f"{prefix(graph)}-{alarm.name}":
            yield f"{alarm.name} is named {name_of(alarm)}"
        text = alarm.inputs.get("alarmDescription", "")
        line, _, rest = text.partition("\n\n")
        if len(text) > 1024 or not re.fullmatch(r"Then: .+\nBoard: https://\S+", rest):
            yield f"{alarm.name} describes itself in {len(text)} characters without second step or board"
        first = rf"python -m ops [a-z-]+[^|]* --stack {stack_name(graph)}"
        if not re.fullmatch(rf"[^|]+\. \| First: {first} \| Runbook: https://\S+", line):
            yield f"{alarm.name} begins without what is wrong, what to do and the runbook: {line}"
        if not line.endswith(f"#{alarm.name}"):
            yield f"{alarm.name} does not link to its runbook heading"
        # Chats, mail and pagers each read another markup, so there is none: docs/pages.md.
        if marks := sorted(MARKUP & set(text)):
            yield f"{alarm.name} is written with {' '.join(marks)}"


def each_fault_is_told_once(graph: Graph) -> Iterator[str]:
    """An alarm notifies one topic of both changes, unless a composite alarm does so for it."""
    topics = {topic.outputs["arn"] for topic in graph.of_type(aws.TOPIC)}
    composites = [composite for composite in graph.of_type(aws.COMPOSITE) if composite.name != HEALTH]
    combined = {child for composite in composites for child in children_of(composite)}
    for alarm in alarms_of(graph):
        actions = alarm.inputs.get("alarmActions") or []
        silent = name_of(alarm) in combined or alarm.name == HEALTH
        if alarm.inputs.get("actionsEnabled") is False or len(actions) != (0 if silent else 1) or set(actions) - topics:
            yield f"{alarm.name} tells {actions}"
        if (alarm.inputs.get("okActions") or []) != actions:
            yield f"{alarm.name} tells {alarm.inputs.get('okActions')} when it is over"


def missing_data_is_said(graph: Graph) -> Iterator[str]:
    """Missing data never breaches, except for the alarms on missing data.

    Beside a probe, `queue-silent` is about a count that is there while the consumer runs.
    """
    silences = {"probe-failing"} if graph.of_type(aws.EVENT_RULE) else {"queue-silent"}
    for alarm in graph.of_type(aws.ALARM):
        wanted = "breaching" if alarm.name in silences else "notBreaching"
        if alarm.inputs.get("treatMissingData") != wanted:
            yield f"{alarm.name} treats missing data as {alarm.inputs.get('treatMissingData')}"
        if wanted == "breaching" and not alarm.inputs.get("warmUpConfiguration"):
            yield f"{alarm.name} would fire before there can be data"


def alarms_fit_cloudwatch(graph: Graph) -> Iterator[str]:
    """CloudWatch accepts every alarm: number of metrics, periods, metric math and alarm rules."""
    for alarm in graph.of_type(aws.ALARM):
        inputs = alarm.inputs
        if len(watched_by(alarm)) > METRICS_PER_ALARM:
            yield f"{alarm.name} watches {len(watched_by(alarm))} metrics"
        period = max(metric["period"] for metric in watched_by(alarm))
        if period * inputs["evaluationPeriods"] > (DAY if period < 3_600 else 7 * DAY):
            yield f"{alarm.name} looks back {period * inputs['evaluationPeriods']} s"
        if not 1 <= inputs["datapointsToAlarm"] <= inputs["evaluationPeriods"]:
            yield f"{alarm.name} can never be met"
        spare = inputs["evaluationPeriods"] - inputs["datapointsToAlarm"]
        if period == 60 and spare < LATE_MINUTES and inputs.get("treatMissingData") != "breaching":
            yield f"{alarm.name} waits for minutes that are not published yet"
        if "extendedStatistic" in inputs and inputs.get("evaluateLowSampleCountPercentiles") != "evaluate":
            yield f"{alarm.name} is silent at low traffic"
    try:
        read_alarms(graph.resources)
    except (AlarmError, ExpressionError, ValueError) as error:
        yield str(error)


def composites_combine_what_exists(graph: Graph) -> Iterator[str]:
    """A composite alarm names alarms of this stack that are made before it, and so is its suppressor."""
    names = {name_of(alarm): alarm for alarm in alarms_of(graph)}
    for composite in graph.of_type(aws.COMPOSITE):
        suppressor = composite.inputs.get("actionsSuppressor") or {}
        needed = children_of(composite) + ([suppressor["alarm"]] if suppressor else [])
        if not children_of(composite) or len(composite.inputs["alarmRule"]) > 10_240 or len(needed) > 100:
            yield f"{composite.name} has a rule of {len(needed)} alarms"
        if missing := [name for name in needed if name not in names]:
            yield f"{composite.name} combines {', '.join(missing)}, which do not exist"
        yield from depends_on(graph, composite, *(names[name] for name in needed if name in names))


def queries_ask_what_exists(graph: Graph) -> Iterator[str]:
    """Saved queries are listed under project and stack, and read log groups that exist before."""
    groups = {group.inputs["name"]: group for group in graph.of_type(aws.LOG_GROUP)}
    for query in graph.of_type(aws.QUERY):
        if not re.fullmatch(rf".+/{stack_name(graph)}/\d\d-[a-z-]+", query.inputs["name"]):
            yield f"{query.name} is saved as {query.inputs['name']}"
        for name in query.inputs["logGroupNames"]:
            yield from depends_on(graph, query, groups[name]) if name in groups else [f"{query.name} asks {name}"]


def dimensions_of(graph: Graph) -> dict[str, set[str]]:
    """The dimensions of metrics, and the names in this stack."""
    return {
        "QueueName": {queue.inputs["name"] for queue in graph.of_type(aws.QUEUE)},
        "FunctionName": {function.inputs["name"] for function in graph.of_type(aws.FUNCTION)},
        "Resource": {f"{alias.inputs['functionName']}:{alias.inputs['name']}" for alias in graph.of_type(aws.ALIAS)},
        "ExecutedVersion": {function.outputs["version"] for function in graph.of_type(aws.FUNCTION)},
        "TableName": {table.inputs["name"] for table in graph.of_type(aws.TABLE)},
        "Operation": OPERATIONS,
        "ApiName": {api.inputs["name"] for api in graph.of_type(aws.REST_API)},
        "Stage": {stage.inputs["stageName"] for stage in graph.of_type(aws.STAGE)},
        "TopicName": {topic.inputs["name"] for topic in graph.of_type(aws.TOPIC)},
        "LogGroupName": {log_group.inputs["name"] for log_group in graph.of_type(aws.LOG_GROUP)},
        STACK_DIMENSION: {stack_name(graph)},
    }


def counted_in_logs(graph: Graph) -> Iterator[tuple[str, str]]:
    """Name and service of the metrics counted in the access log, whose format must contain the dimensions."""
    formats = [json.loads(stage.inputs["accessLogSettings"]["format"]) for stage in graph.of_type(aws.STAGE)]
    for metric_filter in graph.of_type(aws.METRIC_FILTER):
        counted = metric_filter.inputs["metricTransformation"]
        fields = [value.removeprefix("$.") for value in counted["dimensions"].values()]
        for line in formats:
            if counted["namespace"] == METRICS_NAMESPACE and all(field in line for field in fields):
                yield counted["name"], line[SERVICE_DIMENSION]
