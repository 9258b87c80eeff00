"""docs/events.md: its samples, run against a deployed stack, store what they say; an invalid event is a dead letter."""

import json
import os
import re
import shlex
import subprocess
import sys
from string import Template
from typing import Any

import pytest

from localcloud.environment import aws_exports
from tests.e2e.conftest import ROOT, Stack
from tests.fakes import aws_cli
from tests.fakes.waiting import HANG_SECONDS, eventually

PAGE = (ROOT / "docs" / "events.md").read_text()
(COMMAND,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def run_command(stack: Stack, command: str) -> dict[str, Any]:
    words = shlex.split(Template(command).substitute(QUEUE_URL=stack.outputs["queueUrl"]))
    return json.loads(aws_cli.run(words, stack.client))


def run_program(stack: Stack, program: str) -> str:
    variables = f"{aws_exports(stack.outputs, os.environ)}\nexport QUEUE_URL={shlex.quote(stack.outputs['queueUrl'])}"
    shell = ["sh", "-c", f'{variables}\nexec {shlex.quote(sys.executable)} -c "$1"', "sh", program]
    ran = subprocess.run(shell, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_samples_of_the_page_send_logins(stack: Stack):
    assert run_command(stack, COMMAND)["MessageId"]
    assert run_program(stack, PROGRAM + "\nprint(rejected)") == "[]\n"
    mail = {"service_id": "web-mail", "service_name": "Web mail", "last_accessed": "2026-11-23T05:50:18Z"}
    wiki = {"service_id": "wiki", "service_name": "Team wiki", "last_accessed": "2026-11-23T05:50:18.25Z"}
    assert eventually(lambda: stack.record("heidi")) == [mail]
    assert eventually(lambda: stack.record("ivan")) == [wiki]


@pytest.mark.parametrize(
    ("old", "new"), [("--message-body", "--body"), ("send-message", "send-event"), ("--queue-url", "--queue")]
)
def test_command_that_the_cli_would_not_take_is_noticed(stack: Stack, old: str, new: str):
    with pytest.raises(aws_cli.UsageError):
        run_command(stack, COMMAND.replace(old, new))


def test_invalid_event_is_accepted_and_becomes_a_dead_letter(stack: Stack):
    invalid = COMMAND.replace("2026-11-23T05:50:18Z", "yesterday")
    sent = run_command(stack, invalid)
    letter = eventually(lambda: stack.dead_letter(sent["MessageId"]))
    assert letter is not None
    assert letter["Body"] == shlex.split(invalid)[-1]
    assert letter["MessageAttributes"]["error_code"]["StringValue"] == "timestamp_malformed"


def test_message_over_the_limit_is_rejected_when_it_is_sent(stack: Stack):
    padded = COMMAND.replace("Web mail", "x" * 64 * 1024)
    with pytest.raises(stack.client("sqs").exceptions.ClientError, match="InvalidParameterValue"):
        run_command(stack, padded)
