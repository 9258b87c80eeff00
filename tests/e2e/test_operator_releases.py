"""Versions, release and rollback against a deployed stack, whose aliases decide which version runs."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from handlers.vocabulary import METRICS_NAMESPACE, MetricName
from tests.e2e.conftest import Operator, Stack, event
from tests.e2e.releasing import NEW, configuration, live, live_releases, publish, restore, second_release
from tests.fakes.waiting import eventually


def marked(stack: Stack, title: str) -> dict[str, list[float]]:
    """The versions that a graph of the deployed overview marks, by label: a value for each minute, oldest first."""
    cloudwatch, now = stack.client("cloudwatch"), datetime.now(UTC)
    [overview] = cloudwatch.list_dashboards(DashboardNamePrefix="event-processing-dev-overview")["DashboardEntries"]
    board = json.loads(cloudwatch.get_dashboard(DashboardName=overview["DashboardName"])["DashboardBody"])
    [graph] = [w["properties"] for w in board["widgets"] if w["properties"].get("title") == title]
    queries = [
        {
            "Id": options["id"],
            "Label": options["label"],
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": name,
                    "Dimensions": [{"Name": dimensions[at], "Value": dimensions[at + 1]} for at in (0, 2)],
                },
                "Period": graph["period"],
                "Stat": options["stat"],
            },
        }
        for namespace, name, *dimensions, options in (line for line in graph["metrics"] if len(line) > 1)
        if options.get("yAxis") == "right"
    ]
    found = cloudwatch.get_metric_data(
        MetricDataQueries=queries,
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=1),
        ScanBy="TimestampAscending",
    )
    return {result["Label"]: result["Values"] for result in found["MetricDataResults"]}


def reported_versions(stack: Stack) -> float:
    """Return the sum of the version numbers that the query function reported, one for each request."""
    now = datetime.now(UTC)
    found = stack.client("cloudwatch").get_metric_statistics(
        Namespace=METRICS_NAMESPACE,
        MetricName=MetricName.FUNCTION_VERSION,
        Dimensions=[{"Name": "service", "Value": "query"}, {"Name": "stack", "Value": "dev"}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=7200,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in found["Datapoints"])


@pytest.fixture
def published(stack: Stack) -> Iterator[dict[str, str]]:
    with second_release(stack) as numbers:
        yield numbers


def test_rollback_within_seconds_and_no_further(stack: Stack, operator: Operator, published: dict[str, str]):
    before = live(stack)
    assert operator.run("rollback", "--to", NEW).exit_code == 0
    assert live(stack) == list(published.values())
    assert f"Release {NEW} is live." in operator.run("status").stdout
    started = time.monotonic()
    result = operator.run("rollback")
    assert (result.exit_code, live(stack)) == (0, before), result.stderr
    assert time.monotonic() - started < 30
    assert "Do not run `pulumi up --refresh`" in result.stdout
    result = operator.run("versions")
    assert f"\t{NEW}\t{NEW}\t" in result.stdout
    assert operator.run("versions", "--prune").exit_code == 0
    assert operator.run("rollback", "--to", NEW, "--dry-run").exit_code == 0


def test_no_event_is_lost_while_a_bad_version_is_live_and_rolled_back(
    stack: Stack, operator: Operator, user: str, token: str
):
    """The bad version writes to a table that does not exist, so every batch fails and every query returns 500."""
    sqs, queue = stack.client("sqs"), stack.outputs["queueUrl"]
    attribute = "VisibilityTimeout"
    before = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=[attribute])["Attributes"][attribute]
    functions = stack.outputs["functions"].values()
    good, variables = live(stack), configuration(stack, min(functions))
    bad = publish(stack, RELEASE=NEW, VERSION=NEW, TABLE_NAME="gone")
    fails = "API requests that fail"
    try:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={attribute: "10"})  # so that a retry comes soon
        assert operator.run("rollback", "--to", NEW).exit_code == 0
        assert stack.query(user, token).status_code == 500
        eventually(lambda: marked(stack, fails), lambda found: found["newest version"][-1:] == [float(bad["query"])])
        stack.send(*(event(user, f"service-{number}", "2024-03-01T00:00:00Z") for number in range(20)))
        assert eventually(lambda: any("BatchFailedError" in line for line in stack.log_lines("event-handler")))
        started, reported = time.monotonic(), reported_versions(stack)
        assert operator.run("rollback").exit_code == 0
        assert stack.query(user, token).status_code == 200
        assert time.monotonic() - started < 30
        # In this minute other versions ran too, so the graph has both. What was added is the version before.
        before_bad = dict(zip(stack.outputs["functions"], live(stack), strict=True))["query"]
        eventually(lambda: reported_versions(stack) - reported, lambda added: added == float(before_bad))
        stack.send(*(event(user, f"service-{number}", "2024-03-01T00:00:00Z") for number in range(20, 40)))
        assert eventually(lambda: len(stack.record(user)) == 40)
        # Not by number: the tests before may have published the same release again.
        assert live_releases(stack) == {variables["RELEASE"]}
    finally:
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={attribute: before})
        publish(stack, **{name: variables[name] for name in ("RELEASE", "VERSION", "TABLE_NAME")})
        restore(stack, good)
