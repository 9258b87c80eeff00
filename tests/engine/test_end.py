"""An `up` that was interrupted or meets a table can be finished, and `destroy` leaves nothing."""

import json
import os
import signal

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


def test_table_that_a_lost_state_left_behind_is_imported(terminal: Terminal) -> None:
    dynamodb, name = terminal.account.client("dynamodb"), "event-processing-local-user-services"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.put_item(TableName=name, Item={"user_id": {"S": "kept"}})
    with pytest.raises(PulumiFailedError, match="Table already exists"):
        terminal.up()
    urns = [resource["urn"] for resource in json.loads(terminal.state.read_text())["checkpoint"]["latest"]["resources"]]
    (parent,) = [urn for urn in urns if urn.endswith(":UserServicesTable::user-services")]
    (provider,) = [urn for urn in urns if "::pulumi:providers:aws::" in urn]
    where = ["--parent", f"parent={parent}", "--provider", f"provider={provider}", "--protect=false"]
    table = ["aws:dynamodb/table:Table", "user-services-records", name]
    terminal.pulumi("import", *table, *where, "--generate-code=false", "--yes")
    assert terminal.up()["create"] > 0
    assert terminal.plan() == []
    assert dynamodb.scan(TableName=name)["Count"] == 1
    terminal.pulumi("destroy", "--yes", "--skip-preview")
    assert leftovers(terminal.account) == {}
