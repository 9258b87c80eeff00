"""Arguments that decide which resources exist are checked when they are passed, with value and requirement."""

from typing import Any

import pytest

from components.api import QueryApiArgs
from components.consumer import QueueConsumerArgs
from components.identity import ApiIdentityArgs
from components.queue import EventQueueArgs

QUEUE = {
    "physical_name": "q",
    "consumer_timeout_seconds": 10,
    "batch_window_seconds": 0,
    "max_receive_count": 5,
    "retention_days": 4,
    "dead_letter_retention_days": 14,
    "kms_key_arn": None,
    "producer_principals": (),
    "protect": False,
}
CONSUMER = {
    "queue_arn": "q",
    "function_arn": "f",
    "function_name": "f",
    "batch_size": 10,
    "batch_window_seconds": 0,
    "max_concurrency": 2,
}
IDENTITY = {
    "physical_name": "callers",
    "resource_server_identifier": "r",
    "account_id": "1",
    "region": "eu-west-1",
    "client_names": ("one",),
    "access_token_minutes": 60,
    "deletion_protection": False,
    "protect": False,
}
API = {
    "physical_name": "api",
    "stack": "dev",
    "access_log_group_name": "access",
    "function_name": "f",
    "function_qualifier": None,
    "function_invoke_arn": "f",
    "function_timeout_seconds": 28,
    "user_pool_arn": "p",
    "scope": "s",
    "rate_limit": 10,
    "burst_limit": 20,
    "log_retention_days": 14,
    "kms_key_arn": None,
    "log_setting": (),
}


@pytest.mark.parametrize(
    ("args", "good", "change", "words"),
    [
        (EventQueueArgs, QUEUE, {"dead_letter_retention_days": 4}, "must retain longer"),
        (QueueConsumerArgs, CONSUMER, {"batch_size": 11}, "window of at least 1 s"),
        (ApiIdentityArgs, IDENTITY, {"client_names": ("one", "one")}, "name each caller once"),
        (QueryApiArgs, API, {"function_timeout_seconds": 29}, "at most 28"),
    ],
)
def test_arguments_that_aws_would_reject_are_rejected_before_deployment(
    args: type, good: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    assert args(**good)
    with pytest.raises(ValueError, match=words):
        args(**good | change)
