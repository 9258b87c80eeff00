"""The program's own traffic moves every metric that its alarms and boards name, and boto3 reads it."""

import functools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from localcloud.cloud import LocalCloud
from localcloud.cloudwatch.emf import read_samples
from localcloud.demo import log_lines
from localcloud.deployer.recorder import Graph
from localcloud.emulator.process import Emulator
from tests.fakes import metering
from tests.fakes.metering import IMPOSSIBLE, metered, named_metrics
from tests.fakes.waiting import HANG_SECONDS, eventually
from tests.localcloud.provided import Cloud

pytestmark = pytest.mark.e2e
LATE = {"NumberOfNotificationsFailed"}  # moved in test_pager_live.py


@pytest.fixture(scope="module")
def moved(checkout: Path) -> Iterator[LocalCloud]:
    with metering.start(checkout) as cloud:
        metering.move_everything(cloud)
        # The mapping shows that a batch has failed before it is counted.
        [mapping] = cloud.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        failed = ("AWS/Lambda", "FailedInvokeEventCount")
        eventually(lambda: total(cloud, *failed, EventSourceMappingUUID=mapping["UUID"]) == 1)
        yield cloud


def missing(cloud: LocalCloud, graph: Graph) -> set[tuple[str, str]]:
    """Namespaces and names of metrics that the program names and the cloud has no sample of."""
    unseen = named_metrics(graph) - metered(cloud)
    return {
        (space, name)
        for space, name, keys in unseen
        if name not in IMPOSSIBLE | LATE | PROBED and not is_of_probe(keys)
    }


# This cloud has no probe; tests/e2e/test_probe.py runs one.
PROBED = {"EventProbed"}


def is_of_probe(dimensions: Iterable[tuple[str, str]]) -> bool:
    return any(value == "probe" or value.endswith("/probe") for _, value in dimensions)


def total(cloud: LocalCloud | Emulator, namespace: str, name: str, stat: str = "Sum", **dimensions: str) -> float:
    now = datetime.now(UTC)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=10),
        Period=1200,
        Statistics=[stat],
    )
    return sum(point[stat] for point in found["Datapoints"])


def test_every_named_metric_is_metered(moved: LocalCloud, extended_graph: Graph):
    assert missing(moved, extended_graph) == set()


def test_list_of_the_impossible_names_nothing_that_is_metered(moved: LocalCloud, extended_graph: Graph):
    assert IMPOSSIBLE.isdisjoint(name for _, name, _ in metered(moved))
    assert {name for _, name, _ in named_metrics(extended_graph)} >= IMPOSSIBLE


@pytest.mark.parametrize(
    ("namespace", "name", "role"),
    [
        *[
            ("AWS/Lambda", name, role)
            for name in ("Errors", "Invocations", "Duration")
            for role in ("event-handler", "query")
        ],
        *[
            ("AWS/Logs", name, role)
            for name in ("EMFParsingErrors", "EMFValidationErrors")
            for role in ("event-handler", "query")
        ],
    ],
)
def test_metric_of_a_function_has_moved(moved: LocalCloud, namespace: str, name: str, role: str):
    function = moved.outputs["functions"][role]
    group = moved.client("lambda").get_function_configuration(FunctionName=function)["LoggingConfig"]["LogGroup"]
    dimension = {"FunctionName": function} if namespace == "AWS/Lambda" else {"LogGroupName": group}
    assert total(moved, namespace, name, **dimension) > 0


def test_failures_have_moved_their_metrics(moved: LocalCloud):
    [mapping] = moved.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert total(moved, "AWS/Lambda", "FailedInvokeEventCount", EventSourceMappingUUID=mapping["UUID"]) == 1
    assert total(moved, "AWS/DynamoDB", "ConditionalCheckFailedRequests", TableName=moved.outputs["tableName"]) >= 1
    api = {"ApiName": "event-processing-dev-api", "Stage": "v1"}
    found = {name: total(moved, "AWS/ApiGateway", name, **api) for name in ("Count", "4XXError", "5XXError")}
    assert found == {"Count": 3, "4XXError": 1, "5XXError": 1}
    assert total(moved, "EventProcessing", "AuthorizationRefused", service="api", stack="dev") == 1


def test_access_log_says_who_called_and_what_happened(moved: LocalCloud):
    """Of the requests that were rejected, answered and failed, in the format of the stage."""
    events = moved.client("logs").filter_log_events(logGroupName="/event-processing/dev/api-access")["events"]
    lines = [json.loads(event["message"]) for event in events]
    client = min(moved.outputs["apiClients"].items())[1]["clientId"]
    found = {line["status"]: (line["client_id"], line["error_type"], line["authorizer_error"]) for line in lines}
    assert found == {
        "401": ("-", "UNAUTHORIZED", "Unauthorized"),
        "200": (client, "-", "-"),
        "502": (client, "-", "-"),
    }
    # The function's lines about the request have the same trace.
    answered = next(line for line in lines if line["status"] == "200")
    assert any(answered["xray_trace_id"] in text for text in log_lines(moved, moved.outputs["functions"]["query"]))
    assert {(line["source_ip"], line["cipher_suite"]) for line in lines} == {("127.0.0.1", "-")}


# What did not happen in this cloud: no function logged an error (of a crash, Lambda writes `log_level`, not `level`),
# no message was received again, and no function ran too long. Two queries contain an ID that the engineer replaces.
WITHOUT_ROWS = {"03-life-of-a-message", "04-logs-of-a-trace", "06-retries", "10-timeouts"}


def test_every_saved_query_runs_and_finds_what_happened(moved: LocalCloud, dev_graph: Graph):
    logs, rows = moved.client("logs"), dict[str, int]()
    saved = logs.describe_query_definitions()["queryDefinitions"]
    recorded = dev_graph.of_type("aws:cloudwatch/queryDefinition:QueryDefinition")
    assert {query["name"] for query in saved} == {query.inputs["name"] for query in recorded}
    now = int(datetime.now(UTC).timestamp())
    for query in saved:
        started = logs.start_query(
            logGroupNames=query["logGroupNames"],
            queryString=query["queryString"],
            startTime=now - 3600,
            endTime=now + 3600,
        )["queryId"]
        found = eventually(
            functools.partial(logs.get_query_results, queryId=started), lambda found: found["status"] != "Running"
        )
        assert found["status"] == "Complete", query["name"]
        rows[query["name"].rpartition("/")[2]] = len(found["results"])
    assert {name for name, count in rows.items() if not count} == WITHOUT_ROWS


def test_every_log_widget_is_drawn_with_its_rows(moved: LocalCloud, dev_graph: Graph):
    """Also those whose query returns nothing, which say so; none says that its query was not understood."""
    for board in dev_graph.of_type("aws:cloudwatch/dashboard:Dashboard"):
        name = board.inputs["dashboardName"]
        address = f"{moved.outputs['endpoint']}/_console/board"
        drawn = requests.get(address, params={"name": name, "range": "PT1H"}, timeout=HANG_SECONDS).json()
        widgets = re.findall(r'<section class="log".*?</section>', drawn["markup"], re.DOTALL)
        queries = [one for one in json.loads(board.inputs["dashboardBody"])["widgets"] if one["type"] == "log"]
        assert len(widgets) == len(queries) > 0
        for widget in widgets:
            assert "<td" in widget or "No rows in this range" in widget, widget
        assert any("<td" in widget for widget in widgets), name


def test_console_shows_no_user_in_its_logs(moved: LocalCloud):
    """Not in the lines, their fields, or the metrics; the control is what the same page does show."""
    address = f"{moved.outputs['endpoint']}/_console"
    shown = {
        view: requests.get(f"{address}/{view}", params={"range": "PT1H"} | more, timeout=HANG_SECONDS).text
        for view, more in (("logs", {"metrics": "1"}), ("query", {"query": "fields @message | limit 10000"}))
    }
    for text in shown.values():
        assert "batch folded" in text
        assert not re.search(r"\b(ada|grace|linus|margaret)\b", text)


def test_messages_are_conserved(moved: LocalCloud):
    """Sent = deleted + dead + waiting."""
    name = moved.outputs["queueUrl"].rpartition("/")[2]
    sent, deleted = (
        total(moved, "AWS/SQS", f"NumberOfMessages{action}", QueueName=name) for action in ("Sent", "Deleted")
    )
    assert (sent, deleted, metering.messages_held(moved)) == (13, 12, 1)
    # The invalid event was sent to the dead letters by the handler, which then deleted it.
    assert total(moved, "AWS/SQS", "NumberOfMessagesSent", QueueName=f"{name}-dead-letters") == 1


def test_sums_of_metrics_equal_those_of_the_log(moved: LocalCloud):
    logged: Counter[tuple[str, str]] = Counter()
    for function in moved.outputs["functions"].values():
        for sample in read_samples(log_lines(moved, function)):
            logged[sample.key.name, dict(sample.key.dimensions)["service"]] += sample.value  # pyrefly: ignore[unsupported-operation]
    assert len(logged) > 10
    for (name, service), expected in logged.items():
        assert total(moved, "EventProcessing", name, service=service, stack="dev") == pytest.approx(expected), name


def test_metric_math_is_read_with_boto3(moved: LocalCloud):
    now = datetime.now(UTC)
    metric = {"Namespace": "AWS/ApiGateway", "Dimensions": [{"Name": "ApiName", "Value": "event-processing-dev-api"}]}
    queries: list[dict[str, Any]] = [
        {
            "Id": name.lower()[-5:],
            "MetricStat": {"Metric": metric | {"MetricName": name}, "Period": 60, "Stat": "Sum"},
            "ReturnData": False,
        }
        for name in ("Count", "5XXError")
    ]
    queries.append({"Id": "rate", "Expression": "100 * error / count"})
    times = {"StartTime": now - timedelta(minutes=10), "EndTime": now + timedelta(minutes=10)}
    cloudwatch = moved.client("cloudwatch")
    [result] = cloudwatch.get_metric_data(MetricDataQueries=queries, **times)["MetricDataResults"]
    assert (result["Id"], result["Values"], result["Timestamps"][0].tzinfo is not None) == (
        "rate",
        [pytest.approx(100 / 3)],
        True,
    )
    queries[-1]["Expression"] = "ANOMALY_DETECTION_BAND(count)"
    with pytest.raises(ClientError, match="ANOMALY_DETECTION_BAND") as raised:
        cloudwatch.get_metric_data(MetricDataQueries=queries, **times)
    assert raised.value.response["Error"]["Code"] == "ValidationError"


def test_invocation_by_alias_is_metered_with_its_executed_version(cloud: Cloud, program: dict[str, Any]):
    names = {"FunctionName": "aliased"}
    cloud.make("lambda/function", program, name="aliased", environment={"variables": {"GREETING": "hello"}})
    client = cloud.emulator.client("lambda")
    version = client.publish_version(**names)["Version"]
    client.create_alias(**names, Name="live", FunctionVersion=version)
    for qualifier in ("live", version, "$LATEST"):
        response = client.invoke(**names, Qualifier=qualifier)
        assert "FunctionError" not in response, response["Payload"].read()
    queue = cloud.make("sqs/queue", name="aliased-events")
    alias = client.get_function(**names, Qualifier="live")["Configuration"]["FunctionArn"]
    assert alias.endswith(":live")
    client.create_event_source_mapping(FunctionName=alias, EventSourceArn=queue["arn"])
    cloud.emulator.client("sqs").send_message(QueueUrl=queue["url"], MessageBody="m")

    def executed() -> dict[frozenset[str], float]:
        found = cloud.emulator.client("cloudwatch").list_metrics(MetricName="Invocations", Namespace="AWS/Lambda")
        sets = [{d["Name"]: d["Value"] for d in metric["Dimensions"]} for metric in found["Metrics"]]
        ours = [dimensions for dimensions in sets if dimensions.get("FunctionName") == "aliased"]
        return {frozenset(d.values()): total(cloud.emulator, "AWS/Lambda", "Invocations", **d) for d in ours}

    expected = {
        frozenset({"aliased"}): 4,
        frozenset({"aliased", "aliased:live"}): 2,
        frozenset({"aliased", "aliased:live", version}): 2,
        frozenset({"aliased", f"aliased:{version}"}): 1,
        frozenset({"aliased", "aliased:$LATEST"}): 1,
    }
    # Each metric is read by a request of its own, meanwhile the batch can be counted.
    eventually(executed, lambda found: found == expected)


UNPLUGGED = {
    "observe_queues": ("AWS/SQS", "NumberOfMessagesSent"),
    "observe_functions": ("AWS/Lambda", "Invocations"),
    "observe_mappings": ("AWS/Lambda", "PolledEventCount"),
    "observe_tables": ("AWS/DynamoDB", "ConsumedWriteCapacityUnits"),
    "observe_apis": ("AWS/ApiGateway", "Count"),
    "observe_metric_filters": ("EventProcessing", "AuthorizationRefused"),
}


@pytest.mark.soak
@pytest.mark.parametrize("observer", UNPLUGGED)
def test_unplugged_seam_is_missed(checkout: Path, extended_graph: Graph, observer: str):
    with metering.start(checkout, f"--unplugged={observer}") as cloud:
        metering.move_everything(cloud)
        assert UNPLUGGED[observer] in missing(cloud, extended_graph)
