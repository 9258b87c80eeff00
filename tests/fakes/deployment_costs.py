"""What a deployment asks for in this process: clients, requests and programs. Counted, because seconds vary."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.client import ClientCreator
from botocore.endpoint import Endpoint

from localcloud import lifetime

WAITING = "GetFunction"
"""Repeated until a function is active, so its number depends on the machine."""


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count what is made until the block ends."""
    counts = Counter[str]()
    made, sent, spawned = ClientCreator.create_client, Endpoint.make_request, lifetime.spawn

    def create_client(self: ClientCreator, *arguments: Any, **options: Any) -> Any:
        counts["clients"] += 1
        return made(self, *arguments, **options)

    def make_request(self: Endpoint, operation: Any, *arguments: Any) -> Any:
        counts["requests"] += operation.name != WAITING
        return sent(self, operation, *arguments)

    def spawn(command: list[str], **options: Any) -> Any:
        counts[next(word for word in command if word.startswith("localcloud."))] += 1
        return spawned(command, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientCreator, "create_client", create_client)
        patch.setattr(Endpoint, "make_request", make_request)
        patch.setattr(lifetime, "spawn", spawn)
        yield counts
