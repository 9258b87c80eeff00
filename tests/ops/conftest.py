import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.awslambda.models import LambdaFunction

from ops import dead_letter_queue, preflight
from ops.preflight import names
from ops.preflight.check import Target
from tests.fakes.aws import session
from tests.ops.preflight_machine import Machine
from tests.ops.simulated_stack import ORIGIN, SIGNATURE, Stack, login, stamps, with_log_group


@functools.cache
def make_client(*arguments: Any, **options: Any) -> Any:
    """Return a moto client that rejects unknown operations as the emulator does, without NotImplementedError."""

    def reject(**request: Any) -> None:
        raise ClientError({"Error": {"Code": "InvalidAction", "Message": ""}}, "MessageMoveTask")

    client: Any = session().client(*arguments, **options)
    client.list_message_move_tasks = client.start_message_move_task = reject
    return client


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty account, and an empty folder to run commands in."""
    monkeypatch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
    monkeypatch.setattr("boto3.client", make_client)
    monkeypatch.setattr(LambdaFunction, "get_configuration", with_log_group)
    monkeypatch.chdir(tmp_path)
    with mock_aws():
        yield


@pytest.fixture
def queues(aws: None, tmp_path: Path) -> Stack:
    """A stack of which only the queues are needed."""
    return Stack(tmp_path)


@pytest.fixture
def stack(queues: Stack) -> Stack:
    return queues.deploy()


@pytest.fixture
def filled(queues: Stack) -> Stack:
    """Queues with two letters that were given up, two invalid ones, and one that a stricter rule once quarantined."""
    queues.bury(login("ursula"), origin=ORIGIN)
    queues.bury(login("grace"))
    queues.bury("not even JSON", **stamps("body_not_json", "source-1"))
    queues.bury(login("linus", "yesterday"), **stamps("timestamp_malformed", "source-2"))
    queues.bury(login("margaret"), signature=SIGNATURE, origin=ORIGIN, **stamps("field_blank", "source-3"))
    return queues


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """A file of 25 events, so that the third batch is half full."""
    file = tmp_path / "events.jsonl"
    file.write_text("".join(f"{login(f'user-{number}')}\n" for number in range(25)))
    return file


@pytest.fixture
def machine(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(preflight, "client_of", lambda service, region, embedded: machine.client(service))
    monkeypatch.setattr(Target, "client", lambda target, service: machine.client(service))
    # The look-ups are tested against the emulator's account.
    monkeypatch.setattr(names, "_holder", lambda target, name: machine.holders.get(name.value))
    monkeypatch.setattr("ops.stack.PROJECT", checkout)
    monkeypatch.delenv("EVENT_PROCESSING_LOCAL_OUTPUTS", raising=False)
    # Finding an interpreter is tested with the artifact, and would start a process in every test.
    monkeypatch.setattr(preflight, "find_interpreter", lambda version: "python")
    return machine
