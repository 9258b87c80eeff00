"""`python -m ops restore` against a deployed stack: lost logins come back while events arrive.

The table of the backup is made by hand, as a copy of records at an earlier time: RestoreTableToPointInTime of the
embedded cloud copies the table of now, whatever time it is asked for, and the table has records of other tests.
test_runbook.py runs that command.
"""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Operator, Stack, event
from tests.fakes.aws import create_table, key
from tests.fakes.waiting import eventually

OLD, NEW = "2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z"
TABLE = "restored-by-hand"


@pytest.fixture
def users(stack: Stack, user: str) -> Iterator[tuple[str, str, str]]:
    """Three users with a login each, of which a backup is made."""
    users = (f"{user}-lost", f"{user}-newer", f"{user}-erased")
    client, live = stack.client("dynamodb"), stack.outputs["tableName"]
    create_table(client, TABLE)
    stack.send(*(event(name, "mail", OLD) for name in users))
    for name in users:
        eventually(lambda name=name: stack.record(name))
        client.put_item(TableName=TABLE, Item=client.get_item(TableName=live, Key=key(name))["Item"])
    yield users
    client.delete_table(TableName=TABLE)


def logins(stack: Stack, user: str) -> dict[str, str]:
    return {service["service_id"]: service["last_accessed"] for service in stack.record(user)}


def test_restored_records_are_merged_while_events_arrive(stack: Stack, operator: Operator, users: tuple[str, str, str]):
    lost, newer, erased = users
    for name in (lost, erased):
        stack.client("dynamodb").delete_item(TableName=stack.outputs["tableName"], Key=key(name))
    stack.send(event(newer, "mail", NEW))
    eventually(lambda: logins(stack, newer), lambda found: found == {"mail": NEW})
    options = ("restore", "--from", TABLE, "--except", erased)
    counted = operator.run(*options, "--dry-run")
    assert "3 records read, 1 would change, 1 already complete, 1 excluded." in counted.stdout
    assert logins(stack, lost) == {}

    stack.send(event(lost, "mail", NEW), event(lost, "wiki", OLD), event(newer, "wiki", OLD))
    merged = operator.run(*options, "--yes")
    assert merged.exit_code == 0, merged.stderr
    for name in (lost, newer):
        eventually(lambda name=name: logins(stack, name), lambda found: found == {"mail": NEW, "wiki": OLD})
    assert logins(stack, erased) == {}
    assert "0 changed, 2 already complete, 1 excluded." in operator.run(*options, "--yes").stdout

    # The control: without --except, the restore brings an erased user back.
    assert operator.run("restore", "--from", TABLE, "--yes").exit_code == 0
    assert logins(stack, erased) == {"mail": OLD}
