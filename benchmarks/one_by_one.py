"""A control: the simplest possible event handler. It gets, changes and puts the record of each message.

For comparison only: it spends its time waiting, and two concurrent invocations lose a login.
"""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger(service="one-by-one")
tracer = Tracer(service="one-by-one", patch_modules=("botocore",))
metrics = Metrics(namespace="EventProcessing", service="one-by-one")
table: Any = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])  # type: ignore[attr-defined]


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: Any) -> None:
    """The handler that Lambda calls with a batch of one message."""
    for record in event["Records"]:
        login = json.loads(record["body"])
        key = {"user_id": login["user_id"]}
        item: dict[str, Any] = table.get_item(Key=key).get("Item") or {**key, "services": []}
        others = [service for service in item["services"] if service["service_id"] != login["service_id"]]
        latest = {
            "service_id": login["service_id"],
            "service_name": login["service_name"],
            "last_accessed": login["timestamp"],
        }
        table.put_item(Item={**key, "services": [latest, *others]})
        metrics.add_metric(name="EventPersisted", unit=MetricUnit.Count, value=1)
        logger.info("event stored", extra={"message_id": record["messageId"]})
