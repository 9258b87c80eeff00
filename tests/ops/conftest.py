from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.awslambda.models import LambdaFunction

from ops import dead_letter_queue
from tests.ops.queues import ORIGIN, SESSION, SIGNATURE, TwoQueues, login, stamps
from tests.ops.simulated_stack import SimulatedStack, with_log_group


def make_client(*arguments: Any, **options: Any) -> Any:
    """Return a moto client that rejects unknown operations as the emulator does, without NotImplementedError."""

    def reject(**request: Any) -> None:
        raise ClientError({"Error": {"Code": "InvalidAction", "Message": ""}}, "ListMessageMoveTasks")

    client: Any = SESSION.client(*arguments, **options)
    client.list_message_move_tasks = reject
    return client


@pytest.fixture
def queues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TwoQueues]:
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
    monkeypatch.setattr("boto3.client", make_client)
    monkeypatch.chdir(tmp_path)
    with mock_aws():
        yield TwoQueues(tmp_path)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimulatedStack]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setattr(LambdaFunction, "get_configuration", with_log_group)
    with mock_aws():
        yield SimulatedStack()


@pytest.fixture
def filled(queues: TwoQueues) -> TwoQueues:
    """Queues with two letters that were given up, two invalid ones, and one that a stricter rule once quarantined."""
    queues.bury(login("ursula"), origin=ORIGIN)
    queues.bury(login("grace"))
    queues.bury("not even JSON", **stamps("body_not_json", "source-1"))
    queues.bury(login("linus", "yesterday"), **stamps("timestamp_malformed", "source-2"))
    queues.bury(login("margaret"), signature=SIGNATURE, origin=ORIGIN, **stamps("field_blank", "source-3"))
    return queues
