"""docs/events.md: its samples, run against a deployed stack, store what they say; an invalid event is a dead letter.

The AWS CLI on PyPI (version 1) is not among the packages of the tests: it would add a sixth to their size, change a
pin, and send `aws sqs` to AWS whatever AWS_ENDPOINT_URL says. So the sample is read as the CLI reads it, by the
description of the service that both share, and boto3 sends it.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from string import Template
from typing import Any

import pytest
from botocore import xform_name

from localcloud.environment import aws_exports
from tests.e2e.conftest import ROOT, Stack
from tests.fakes.waiting import HANG_SECONDS, eventually

PAGE = (ROOT / "docs" / "events.md").read_text()
(COMMAND,) = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def run_command(stack: Stack, command: str) -> dict[str, Any]:
    """Send the request that the AWS CLI makes of a command without options of its own."""
    aws, service, operation, *options = shlex.split(Template(command).substitute(QUEUE_URL=stack.outputs["queueUrl"]))
    client = stack.client(service)
    operations = {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
    assert aws == "aws"
    members = client.meta.service_model.operation_model(operations[operation]).input_shape.members
    names = {f"--{xform_name(member, '-')}": member for member in members}
    request = {names[option]: value for option, value in zip(options[::2], options[1::2], strict=True)}
    structures = {name for name in request if members[name].type_name in ("structure", "list", "map")}
    request |= {name: json.loads(request[name]) for name in structures}
    return getattr(client, xform_name(operations[operation]))(**request)


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
    with pytest.raises(KeyError):
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
