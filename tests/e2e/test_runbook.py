"""docs/runbook.md: every command runs against a deployed stack, in a terminal that has evaluated `localcloud env`.

The commands of the Pulumi CLI run in tests/engine/test_runbook.py.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ops import dead_letter_queue
from ops.__main__ import app
from ops.commands import status
from ops.signals import Stopped
from tests.e2e.conftest import Stack, event
from tests.e2e.releasing import NEW, live_releases, second_release
from tests.fakes import aws_cli, terminals
from tests.fakes.aws import create_table, entry, key
from tests.fakes.aws_cli import UsageError
from tests.fakes.checkout import link_checkout
from tests.fakes.runbook import RUNBOOK, WITH_PULUMI, Command, Program, commands
from tests.fakes.waiting import HANG_SECONDS, eventually

# In the order of the runbook; what stands there twice runs once.
COMMANDS = {command.line: command for command in commands(RUNBOOK) if command.program not in WITH_PULUMI}
MALFORMED = "--reason timestamp_malformed"
EVENTS = "events.jsonl"
CORRECTED = "2024-03-01T00:00:00Z"
RESTORED = "event-processing-dev-restored"


def ids(commands: Any) -> list[str]:
    return [f"{number:02} {' '.join(command.line.split()[:5])}" for number, command in enumerate(commands)]


class Terminal:
    """A terminal in the folder of a running cloud. The operator's commands run in the test's own process."""

    def __init__(self, evaluated: str) -> None:
        self._evaluated = evaluated

    def run(self, command: Command) -> str:
        """Return what a command printed; AssertionError if it failed."""
        match command.program:
            case Program.OPS:
                return self._ops(command)
            case Program.AWS:
                # Without arguments, as the AWS CLI: everything is in the environment.
                return aws_cli.run(command.words, boto3.client)  # pyrefly: ignore[bad-argument-type]
            case Program.EXPORT:
                name, _, value = command.words[1].partition("=")
                assert os.environ[name] == value
                return ""
            case Program.CLOUD_VARIABLES:
                assert command.line == self._evaluated  # when the terminal was opened
                return ""
            case program:
                raise AssertionError(f"nothing here runs {program!r}")

    def _ops(self, command: Command) -> str:
        # As the runbook says of the embedded cloud.
        words = " ".join(command.words).replace(" --stack dev", "").removeprefix(Program.OPS).split()
        if "edit" in words:  # an editor needs a terminal
            shown, code = terminals.typed(f"python -m ops {' '.join(words)}", Path(), os.environ, answer="y")
            assert code == 0, shown
            return shown
        asks = {"redrive", "discard", "restore"} & set(words)
        ended = CliRunner().invoke(app, [*words, *(["--yes"] if asks else [])])
        # `status` ends with the worst finding; 1 is a part that it could not read.
        expected = (0, 3, 4) if words[0] == "status" else (0,)
        assert ended.exit_code in expected, f"{command.line}\n{ended.stdout}{ended.stderr}{ended.exception!r}"
        return ended.stdout


def variables(line: str, environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of a shell that has run this line."""
    shell = f'{line}\nexec {sys.executable} -c "import json, os; print(json.dumps(dict(os.environ)))"'
    ran = subprocess.run(
        ["sh", "-ec", shell], env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=True
    )
    assert ran.stderr == ""
    return json.loads(ran.stdout)


@pytest.fixture(scope="module")
def terminal(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terminal]:
    folder = link_checkout(tmp_path_factory.mktemp("on-call"))
    (folder / ".localcloud").mkdir(exist_ok=True)
    stack.cloud.write_outputs(folder / ".localcloud" / "outputs.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
        patch.delenv("PYTHONPATH", raising=False)
        line = next(line for line, command in COMMANDS.items() if command.program is Program.CLOUD_VARIABLES)
        for name, value in variables(line, dict(os.environ)).items():
            patch.setenv(name, value)
        patch.setattr(dead_letter_queue, "WAIT_SECONDS", 0)
        assert os.environ["AWS_ENDPOINT_URL"] == stack.outputs["endpoint"]
        yield Terminal(line)


def letters(stack: Stack) -> int:
    name, url = "ApproximateNumberOfMessages", stack.outputs["deadLetterQueueUrl"]
    held = stack.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
    return int(held["Attributes"][name])


def reject_event(stack: Stack) -> str:
    """Return the ID of a message that violates the contract, once it is a dead letter."""
    (sent,) = stack.send(event("on-call", "mail", "yesterday"))
    eventually(lambda: letters(stack))
    return sent


def give_up_event(stack: Stack) -> None:
    """Leave a valid event among the dead letters, as the queue does after its last receive."""
    body = event("on-call", "mail", CORRECTED)
    stack.client("sqs").send_message(QueueUrl=stack.outputs["deadLetterQueueUrl"], MessageBody=body)


@pytest.fixture
def dead_letters(stack: Stack) -> Iterator[Callable[[str], dict[str, str]]]:
    """Make the dead letters that a command is about, and return what its placeholders stand for."""

    def make(line: str) -> dict[str, str]:
        if "gave-up" in line or "--all" in line:
            give_up_event(stack)
        return {"MESSAGE_ID": reject_event(stack)} if MALFORMED in line or "MESSAGE_ID" in line else {}

    sqs, url = stack.client("sqs"), stack.outputs["deadLetterQueueUrl"]
    sqs.purge_queue(QueueUrl=url)
    yield make
    sqs.purge_queue(QueueUrl=url)


@contextmanager
def heard_alarms(stack: Stack) -> Iterator[None]:
    """Let somebody hear of the alarms: on topics that no other test publishes to, because SNS counts by the minute."""
    sns, file = stack.client("sns"), Path(".localcloud/outputs.json")
    text = file.read_text()
    topics = {name: sns.create_topic(Name=f"on-call-{name}")["TopicArn"] for name in stack.outputs["alarmTopics"]}
    for topic in topics.values():
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="oncall@example.com")
    file.write_text(json.dumps(json.loads(text) | {"alarmTopics": topics}))
    try:
        yield
    finally:
        file.write_text(text)
        for topic in topics.values():
            sns.delete_topic(TopicArn=topic)


@pytest.fixture
def as_it_was(stack: Stack) -> Iterator[None]:
    """Undo what a command does to the consumer and to alarms."""
    yield
    client = stack.client("lambda")
    for mapping in client.list_event_source_mappings()["EventSourceMappings"]:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    for alarm in stack.client("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]:
        stack.client("cloudwatch").set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue="OK", StateReason="After a test."
        )


def filled(command: Command, stack: Stack, values: dict[str, str]) -> Command:
    """The command with what its placeholders stand for."""
    name = stack.outputs["functions"]["event-handler"]
    values = {"USER": "on-call"} | values
    if "UUID" in command.words:
        mappings = stack.client("lambda").list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
        values["UUID"] = mappings[0]["UUID"]
    if command.line.startswith("aws dynamodb update-item"):
        damage(stack, {"services": {"L": [entry(), {"S": "DAMAGED"}]}})
    if RESTORED in command.words:
        restored_table(command, stack)
    if command.line.startswith("aws dynamodb delete-item"):
        damage(stack, {})
    line = re.sub(rf"\b({'|'.join(values)})\b", lambda found: values[found[0]], command.line)
    return replace(command, line=line)


def restored_table(command: Command, stack: Stack) -> None:
    """Have a restored table with a whole record, except for the command that makes one."""
    client = stack.client("dynamodb")
    if RESTORED in client.list_tables()["TableNames"]:
        client.delete_table(TableName=RESTORED)
    if "restore-table-to-point-in-time" not in command.words:
        create_table(client, RESTORED)
        client.put_item(TableName=RESTORED, Item=key("on-call") | {"services": {"L": [entry()]}})


def damage(stack: Stack, attributes: dict[str, Any]) -> None:
    """Store what nobody should: a record that is damaged as a command of the runbook expects it."""
    stack.client("dynamodb").put_item(TableName=stack.outputs["tableName"], Item=key("on-call") | attributes)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=ids(COMMANDS.values()))
def test_command_of_the_runbook_runs(
    command: Command,
    stack: Stack,
    terminal: Terminal,
    dead_letters: Callable[[str], dict[str, str]],
    as_it_was: None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    values = dead_letters(f"{command.line} {MALFORMED if EVENTS in command.line else ''}")
    if "--watch" in command.words:
        # Ctrl-C, at the first pause.
        monkeypatch.setattr(status, "time", SimpleNamespace(sleep=_interrupt))
    if "edit" in command.words:
        editor = tmp_path / "editor"
        editor.write_text(f'#!/bin/sh\nexec sed -i s/yesterday/{CORRECTED}/ "$1"\n')
        editor.chmod(0o755)
        monkeypatch.setenv("VISUAL", str(editor))
    if command.line.startswith("python -m ops send --file"):
        (export,) = (found for found in COMMANDS.values() if {"dead-letters", "export"} <= set(found.words))
        Path(EVENTS).unlink(missing_ok=True)
        terminal.run(export)
        Path(EVENTS).write_text(Path(EVENTS).read_text().replace("yesterday", CORRECTED))
    if "rollback" in command.words:
        with second_release(stack):
            before = live_releases(stack)
            terminal.run(replace(command, line=f"{command.line} --to {NEW}"))
            assert live_releases(stack) == {NEW} != before
            terminal.run(command)
            assert live_releases(stack) == before
        return
    with heard_alarms(stack) if "--page" in command.words else nullcontext():
        terminal.run(filled(command, stack, values))


def _interrupt(_seconds: float) -> None:
    raise Stopped(signal.SIGINT)


@pytest.mark.parametrize(
    "line",
    [
        "python -m ops dead-letters lst --stack dev",
        "python -m ops logs --error --stack dev",
        "aws lambda update-event-source-mapping --uuid 00000000-0000-0000-0000-000000000000 --enabled",
        "aws cloudwatch describe-alarm --state-value ALARM",
        "export AWS_REGION=eu-west-9",
        "pulumi up --stack dev --yes",
    ],
)
def test_command_that_fails_is_noticed(terminal: Terminal, line: str) -> None:
    with pytest.raises((AssertionError, UsageError, ClientError)):
        terminal.run(Command("", line, ""))
