"""A control: an event handler as the documentation of its libraries suggests, which handles message by message.

It uses pydantic for the body, BatchProcessor, a Table resource, and a log line and a subsegment for each record. For
comparison only: concurrent messages of the same user overwrite each other.
"""

import os
from datetime import UTC, datetime
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from pydantic import BaseModel, Field

logger = Logger(service="naive")
tracer = Tracer(service="naive")
metrics = Metrics(namespace="EventProcessing", service="naive")
processor = BatchProcessor(event_type=EventType.SQS)
table: Any = boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])  # type: ignore[attr-defined]


class Login(BaseModel):
    """The body of a message."""

    user_id: str = Field(min_length=1, max_length=255)
    service_id: str = Field(min_length=1, max_length=255)
    service_name: str = Field(min_length=1, max_length=256)
    timestamp: datetime


# The subsegment is named after the function. Powertools passes `record` by keyword.
@tracer.capture_method(capture_response=False)
def record_handler(record: SQSRecord) -> None:
    """Read the user's record, add the login, and write the record back."""
    login = Login.model_validate_json(record.body)
    item: dict[str, Any] = table.get_item(Key={"user_id": login.user_id}).get("Item") or {"user_id": login.user_id}
    services = {service["service_id"]: service for service in item.get("services", [])}
    last_accessed = login.timestamp.astimezone(UTC).isoformat().replace("+00:00", "Z")
    known = services.get(login.service_id)
    if known is None or known["last_accessed"] < last_accessed:
        services[login.service_id] = {
            "service_id": login.service_id,
            "service_name": login.service_name,
            "last_accessed": last_accessed,
        }
    item["services"] = sorted(services.values(), key=lambda service: service["last_accessed"], reverse=True)
    table.put_item(Item=item)
    metrics.add_metric(name="EventPersisted", unit=MetricUnit.Count, value=1)
    logger.info("event stored", extra={"message_id": record.message_id})


@logger.inject_lambda_context
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: Any) -> Any:
    """The handler that Lambda calls with a batch."""
    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
