"""The whole program in a cloud whose clock is stepped, and actions that move every metric it can move."""

import io
import json
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from rich.console import Console

from localcloud.cloud import START_STEPS, LocalCloud
from localcloud.demo import STORY_STEPS, run_story
from localcloud.deployer.recorder import Graph
from localcloud.emulator.process import Emulator
from localcloud.observatory.faults import Faults
from localcloud.progress import Progress
from tests.fakes.waiting import HANG_SECONDS, eventually

Key = tuple[str, str, tuple[tuple[str, str], ...]]
MAPPING = "EventSourceMappingUUID"
NOISY = """
def handler(event, context):
    print('{"_aws": {"CloudWatchMetrics": [')
    print('{"_aws": {"CloudWatchMetrics": [{"Namespace": "N", "Dimensions": [[]], "Metrics": [{"Name": "absent"}]}]}}')
"""
# What the emulator cannot do: DynamoDB never fails there, and throttles for one cause.
IMPOSSIBLE = {"SystemErrors"} | {
    f"{kind}{cause}ThrottleEvents" for kind in ("Read", "Write") for cause in ("AccountLimit", "KeyRangeThroughput")
}


def start(checkout: Path, *options: str, **settings: str) -> LocalCloud:
    """Stack dev in a cloud whose clock begins with the current minute and stands still."""
    progress, stepped = Progress(START_STEPS, Console(quiet=True)), f"--stepped={time.time() // 60 * 60}"
    return LocalCloud.start(checkout, progress=progress, options=[stepped, *options], config_overrides=settings)


def counted(cloudwatch: Any, namespace: str, metric: str, **dimensions: str) -> float:
    """How much a metric has counted since the cloud started, read as any client reads it."""
    now, around = datetime.now(UTC), timedelta(hours=12)  # longer than any run of tests
    found = cloudwatch.get_metric_statistics(
        Namespace=namespace,
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - around,
        EndTime=now + around,
        Period=3_600,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in found["Datapoints"])


def named_metrics(graph: Graph) -> set[Key]:
    """Every metric that an alarm or a board of the recorded program names."""
    found: set[Key] = set()

    def add(namespace: str, name: str, dimensions: dict[str, str]) -> None:
        known = {key: "*" if key == MAPPING else value for key, value in dimensions.items()}
        found.add((namespace, name, tuple(sorted(known.items()))))

    for alarm in graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm"):
        metrics = [query["metric"] for query in alarm.inputs.get("metricQueries") or () if query.get("metric")]
        for metric in metrics or [alarm.inputs]:
            add(metric["namespace"], metric["metricName"], metric.get("dimensions") or {})
    for board in graph.of_type("aws:cloudwatch/dashboard:Dashboard"):
        for widget in json.loads(board.inputs["dashboardBody"])["widgets"]:
            for row in widget["properties"].get("metrics", ()):
                texts = [part for part in row if isinstance(part, str)]
                if texts:
                    add(texts[0], texts[1], dict(zip(texts[2::2], texts[3::2], strict=True)))
    return found


def metered(cloud: LocalCloud) -> set[Key]:
    """Every metric that the cloud has samples of, read with boto3."""
    pages = cloud.client("cloudwatch").get_paginator("list_metrics").paginate()
    return {
        (
            metric["Namespace"],
            metric["MetricName"],
            tuple(sorted((d["Name"], "*" if d["Name"] == MAPPING else d["Value"]) for d in metric["Dimensions"])),
        )
        for page in pages
        for metric in page["Metrics"]
    }


def messages_held(cloud: LocalCloud, queue: str = "queueUrl") -> int:
    """Return how many messages the queue holds whose URL is this output, waiting or in flight."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    held = cloud.client("sqs").get_queue_attributes(QueueUrl=cloud.outputs[queue], AttributeNames=names)
    return sum(int(held["Attributes"][name]) for name in names)


def move_everything(cloud: LocalCloud) -> None:
    """Do what the program's metrics measure, healthy and not, and end two minutes."""
    outputs = cloud.directory / "outputs.json"
    cloud.write_outputs(outputs)
    run_story(cloud, outputs, Progress(STORY_STEPS, Console(quiet=True)))
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        cloud.client("dynamodb").update_item(
            TableName=cloud.outputs["tableName"],
            Key={"user_id": {"S": "ada"}},
            UpdateExpression="SET a = :a",
            ConditionExpression="attribute_not_exists(user_id)",
            ExpressionAttributeValues={":a": {"S": "1"}},
        )
    _throttle_table(cloud)
    _log_broken_metrics(cloud)
    _break_functions(cloud)
    cloud.advance(120)


def _throttle_table(cloud: LocalCloud) -> None:
    """Let the table reject a read and a write."""
    client, item = (
        without_retries(cloud, "dynamodb"),
        {"TableName": cloud.outputs["tableName"], "Key": {"user_id": {"S": "ada"}}},
    )
    cloud.inject(Faults(throttled=("GetItem", "UpdateItem")))
    for request in (client.get_item, client.update_item):
        with pytest.raises(client.exceptions.ThrottlingException):
            request(**item)
    cloud.inject(Faults())


def without_retries(cloud: LocalCloud | Emulator, service: str) -> Any:
    """Return a client that raises at once, where others would wait half a minute in all."""
    client = cloud.client(service)
    client.meta.events.unregister(f"needs-retry.{service}", unique_id=f"retry-config-{service}")
    return client


def _log_broken_metrics(cloud: LocalCloud) -> None:
    """Log unreadable metrics into the groups of both functions."""
    client = cloud.client("lambda")
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as code:
        code.writestr("noisy.py", NOISY)
    for role, name in cloud.outputs["functions"].items():
        settings = client.get_function_configuration(FunctionName=name)
        client.create_function(
            FunctionName=f"noisy-{role}",
            Role=settings["Role"],
            Runtime=settings["Runtime"],
            Handler="noisy.handler",
            Code={"ZipFile": content.getvalue()},
            LoggingConfig=settings["LoggingConfig"],
        )
        client.invoke(FunctionName=f"noisy-{role}")
        client.delete_function(FunctionName=f"noisy-{role}")


def _break_functions(cloud: LocalCloud) -> None:
    """Let both functions fail, with an event and a request on their way."""
    client = cloud.client("lambda")
    for name in cloud.outputs["functions"].values():
        client.update_function_configuration(FunctionName=name, Handler="absent.handler")
        for alias in client.list_aliases(FunctionName=name)["Aliases"]:
            version = client.publish_version(FunctionName=name)["Version"]
            client.update_alias(FunctionName=name, Name=alias["Name"], FunctionVersion=version)
    queue, hour = cloud.outputs["queueUrl"], {"VisibilityTimeout": "3600"}
    # Otherwise the minutes that end next would make the message visible, and its batch would soon fail a second time.
    cloud.client("sqs").set_queue_attributes(QueueUrl=queue, Attributes=hour)
    cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")
    credentials = min(cloud.outputs["apiClients"].items())[1]
    token = requests.post(
        cloud.outputs["tokenUrl"],
        auth=(credentials["clientId"], credentials["clientSecret"]),
        data={"grant_type": "client_credentials", "scope": cloud.outputs["apiScope"]},
        timeout=HANG_SECONDS,
    ).json()["access_token"]
    response = requests.get(
        f"{cloud.outputs['apiUrl']}/users/ada/services",
        headers={"Authorization": f"Bearer {token}"},
        timeout=HANG_SECONDS,
    )
    assert response.status_code >= 500
    eventually(
        lambda: client.list_event_source_mappings()["EventSourceMappings"][0]["LastProcessingResult"] == "FAILED"
    )
