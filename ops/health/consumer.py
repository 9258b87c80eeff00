"""The event source mapping, which hands events from the queue to the event handler."""

from dataclasses import dataclass

from handlers.vocabulary import EVENT_HANDLER_SERVICE
from ops.stack import StackOutputs

ENABLED = "Enabled"


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """An event source mapping between the source queue and the event handler."""

    id: str
    state: str
    reason: str
    """Why it is in that state: who changed it, or what it lacks."""
    last_result: str
    max_concurrency: int | None
    """How many batches it can run at once; None for no limit."""


def read_consumers(outputs: StackOutputs) -> tuple[Consumer, ...]:
    """Return the mappings from the queue to the event handler: one in a sound stack."""
    attributes = outputs.client("sqs").get_queue_attributes(QueueUrl=outputs.queue_url, AttributeNames=["QueueArn"])
    # By the queue, not by the function: whether the name alone finds the mapping of an alias is not documented.
    pages = outputs.client("lambda").get_paginator("list_event_source_mappings")
    found = pages.paginate(EventSourceArn=attributes["Attributes"]["QueueArn"])
    function = outputs.functions[EVENT_HANDLER_SERVICE]
    return tuple(
        Consumer(
            id=mapping["UUID"],
            state=mapping["State"],
            reason=mapping.get("StateTransitionReason") or "",
            last_result=mapping.get("LastProcessingResult") or "",
            max_concurrency=(mapping.get("ScalingConfig") or {}).get("MaximumConcurrency"),
        )
        for page in found
        for mapping in page["EventSourceMappings"]
        if function in mapping["FunctionArn"].split(":")
    )
