"""Arguments that decide which resources exist are checked when they are passed, with value and requirement."""

from dataclasses import fields
from typing import Any

import pytest

from components.api import QueryApiArgs
from components.consumer import QueueConsumerArgs
from components.identity import ApiIdentityArgs
from components.queue import EventQueueArgs


@pytest.mark.parametrize(
    ("args", "good", "change", "words"),
    [
        (
            EventQueueArgs,
            {"retention_days": 4, "dead_letter_retention_days": 14},
            {"dead_letter_retention_days": 4},
            "must retain longer",
        ),
        (
            QueueConsumerArgs,
            {"batch_size": 10, "batch_window_seconds": 0},
            {"batch_size": 11},
            "window of at least 1 s",
        ),
        (ApiIdentityArgs, {"client_names": ("one",)}, {"client_names": ("one", "one")}, "name each caller once"),
        (QueryApiArgs, {"function_timeout_seconds": 28}, {"function_timeout_seconds": 29}, "at most 28"),
    ],
)
def test_arguments_that_aws_would_reject_are_rejected_before_deployment(
    args: Any, good: dict[str, Any], change: dict[str, Any], words: str
) -> None:
    unchecked = dict.fromkeys(field.name for field in fields(args))
    assert args(**unchecked | good)
    with pytest.raises(ValueError, match=words):
        args(**unchecked | good | change)
