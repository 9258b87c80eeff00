"""An `up` that was interrupted or meets a table can be finished, and `destroy` leaves nothing."""

import os
import re
import shlex
import signal
import subprocess
import sys

import pytest

from tests.engine.leftovers import leftovers
from tests.fakes.waiting import eventually
from tools.terminal import PulumiFailedError, Terminal


def test_interrupted_up_is_finished_and_destroy_leaves_nothing(terminal: Terminal) -> None:
    assert leftovers(terminal.account) == {}
    with terminal.start("up", "--yes", "--skip-preview") as interrupted:
        tables = terminal.account.client("dynamodb")
        eventually(lambda: tables.list_tables()["TableNames"] or interrupted.poll() is not None, bool)
        os.kill(interrupted.pid, signal.SIGINT)
        interrupted.communicate()
    assert interrupted.returncode != 0, "it was interrupted before its end"
    begun = leftovers(terminal.account)
    assert begun["tables"]
    assert "APIs" not in begun or "alarms" not in begun
    changes = terminal.up()
    assert changes["create"] > 0
    assert terminal.plan() == []
    terminal.pulumi("destroy", "--yes", "--skip-preview")
    assert leftovers(terminal.account) == {}


def imports_of_preflight(terminal: Terminal) -> list[list[str]]:
    """Return the arguments of each `pulumi import` that preflight prints."""
    command = [sys.executable, "-m", "ops", "preflight", "--stack", "local"]
    environment = dict(terminal.variables)
    printed = subprocess.run(
        command, cwd=terminal.checkout, env=environment, capture_output=True, text=True, check=False
    ).stdout
    assert "ok          credentials: those of the embedded cloud" in printed
    return [shlex.split(found) for found in re.findall(r"pulumi import --stack local (.*?); to delete", printed)]


def test_what_a_lost_state_left_behind_is_imported_as_preflight_says(terminal: Terminal) -> None:
    dynamodb, sqs = terminal.account.client("dynamodb"), terminal.account.client("sqs")
    table, queue = "event-processing-local-user-services", "event-processing-local-events-dead-letters"
    dynamodb.create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName=table, Item={"user_id": {"S": "kept"}})
    url = sqs.create_queue(QueueName=queue)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="kept")
    # The engine stops at the first of the two that it tries to create.
    with pytest.raises(PulumiFailedError, match="already exists"):
        terminal.up()
    imports = imports_of_preflight(terminal)
    assert {type_ for _, type_, *_ in imports} >= {"aws:dynamodb/table:Table", "aws:sqs/queue:Queue"}
    for arguments in imports:
        terminal.pulumi("import", *arguments, "--generate-code=false", "--yes")
    assert imports_of_preflight(terminal) == []
    assert terminal.up()["create"] > 0
    assert terminal.plan() == []
    assert dynamodb.scan(TableName=table)["Count"] == 1
    held = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert held["ApproximateNumberOfMessages"] == "1"
    terminal.pulumi("destroy", "--yes", "--skip-preview")
    assert leftovers(terminal.account) == {}
