"""When the API does not return the events of a smoke test, the search says where they are, why, and what to do next."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from ops.health.commands import Commands
from ops.smoke_events import SentEvents
from ops.smoke_search import Search
from ops.stack import StackOutputs
from tests.fakes.aws import create_table, entry, key
from tests.ops.simulated_stack import Stack, login, stamps

COMMANDS = Commands(options="--stack dev", region="eu-west-1", stack="dev")
USER, MESSAGE = "smoke-test-1", "message-1"


@pytest.fixture
def deployed(stack: Stack) -> Stack:
    """A stack whose table does not have the events."""
    create_table(stack.client("dynamodb"), stack.outputs.table_name)
    return stack


def fail(stack: Stack, message_id: str, **fields: str) -> None:
    line = {"outcome": "exhausted", "error_code": "AccessDeniedException", "message_id": message_id}
    stack.log("event-handler", now(), line | fields)


def now() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


def give_up(stack: Stack) -> None:
    # A message that SQS moved keeps its ID, which moto does not let a test choose.
    stack.bury(login(USER))
    stack.messages("dead-letters")[0].id = MESSAGE
    fail(stack, MESSAGE)


def disable(stack: Stack) -> str:
    client = stack.client("lambda")
    (mapping,) = client.list_event_source_mappings()["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    return mapping["UUID"]


def delete_mapping(stack: Stack) -> None:
    stack.client("lambda").delete_event_source_mapping(UUID=disable(stack))


def store(stack: Stack, at: str) -> None:
    item = key(USER) | {"services": {"L": [entry(at=at)]}}
    stack.client("dynamodb").put_item(TableName=stack.outputs.table_name, Item=item)


def crash(stack: Stack, role: str) -> None:
    stack.log(role, now(), {"level": "ERROR", "errorType": "RuntimeError", "errorMessage": "Of a person."})


def crash_query(stack: Stack) -> None:
    store(stack, "2024-03-01T00:00:00Z")
    crash(stack, "query")


def reserve(stack: Stack, role: str, concurrency: int) -> None:
    name = stack.outputs.functions[role]
    stack.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=concurrency)


def stop_query(stack: Stack) -> None:
    store(stack, "2024-03-01T00:00:00Z")
    reserve(stack, "query", 0)


@dataclass(frozen=True)
class Fault:
    """A fault, and what is found."""

    make: Callable[[Stack], object]
    why: str
    command: str


FAULTS = {
    "table deleted": Fault(
        lambda stack: stack.client("dynamodb").delete_table(TableName=stack.outputs.table_name),
        "Table event-processing-dev-user-services does not exist.",
        "pulumi up --refresh --yes --stack dev",
    ),
    "failing": Fault(
        lambda stack: fail(stack, MESSAGE, outcome="failed"),
        "The event handler fails with AccessDeniedException. The queue delivers the events again.",
        f"python -m ops logs --message-id {MESSAGE} --stack dev",
    ),
    "another event failing": Fault(
        lambda stack: fail(stack, "another"),
        "the log has no failure of them. The queue holds about 0 events.",
        "python -m ops status --stack dev",
    ),
    "given up": Fault(
        give_up,
        "An event became a dead letter with reason gave-up after the failure AccessDeniedException.",
        f"python -m ops dead-letters show --message-id {MESSAGE} --stack dev",
    ),
    "quarantined": Fault(
        lambda stack: stack.bury(login(USER), **stamps("field_blank", MESSAGE)),
        "An event became a dead letter with reason field_blank: The rule of field_blank.",
        "python -m ops dead-letters show --message-id ",
    ),
    "dead letter of another": Fault(
        lambda stack: stack.bury(login("ada"), **stamps("field_blank", "another")),
        "The events are not in the table",
        "python -m ops status --stack dev",
    ),
    "consumer disabled": Fault(
        disable,
        "The events are not fetched: the event source mapping is Disabled.",
        "aws lambda update-event-source-mapping --uuid ",
    ),
    "consumer deleted": Fault(
        delete_mapping,
        "The events are not fetched: no event source mapping leads from the queue to the event handler.",
        "pulumi up --refresh --yes --stack dev",
    ),
    "handler stopped": Fault(
        lambda stack: reserve(stack, "event-handler", 0),
        "The events are not handled. The function event-handler is stopped: its reserved concurrency is 0.",
        "aws lambda delete-function-concurrency --function-name event-processing-dev-event-handler --region eu-west-1",
    ),
    "handler limited": Fault(
        lambda stack: reserve(stack, "event-handler", 1),
        "The events are not in the table, and the log has no failure of them.",
        "python -m ops status --stack dev",
    ),
    "query stopped": Fault(
        stop_query,
        "The events are in the table, but the API does not return them. The function query is stopped:",
        "aws lambda delete-function-concurrency --function-name event-processing-dev-query --region eu-west-1",
    ),
    "handler crashes": Fault(
        lambda stack: crash(stack, "event-handler"),
        "The event handler fails with RuntimeError, before it can handle an event.",
        "python -m ops logs --errors --since 15m --stack dev",
    ),
    "query crashes": Fault(
        crash_query,
        "The events are in the table, but the API does not return them. The query function fails with RuntimeError.",
        "python -m ops logs --errors --since 15m --stack dev",
    ),
    "wrong login stored": Fault(
        lambda stack: store(stack, "2024-02-01T00:00:00Z"),
        "The table has mail at 2024-02-01T00:00:00Z, and the log has no failure of these events.",
        "python -m ops logs --since 15m --stack dev",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_found_with_the_next_command(deployed: Stack, name: str):
    fault, notes = FAULTS[name], []
    sent = SentEvents(
        user=USER, message_ids=(MESSAGE,), expected=[("mail", "2024-03-01T00:00:00Z")], sent_at=datetime.now(UTC)
    )
    fault.make(deployed)
    finding = Search(deployed.outputs, sent, COMMANDS, notes.append).find()
    assert fault.why in finding.why
    assert finding.command.startswith(fault.command)
    assert notes == []
    assert deployed.visible_letters() == len(deployed.messages("dead-letters"))


def test_part_that_cannot_be_read_is_noted_and_the_rest_is_searched(deployed: Stack, monkeypatch: pytest.MonkeyPatch):
    make = StackOutputs.client

    def client(outputs: StackOutputs, service: str) -> object:
        if service == "dynamodb":
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetItem")
        return make(outputs, service)

    monkeypatch.setattr(StackOutputs, "client", client)
    disable(deployed)
    notes: list[str] = []
    sent = SentEvents(user=USER, message_ids=(MESSAGE,), expected=[], sent_at=datetime.now(UTC))
    assert "is Disabled" in Search(deployed.outputs, sent, COMMANDS, notes.append).find().why
    (note,) = notes
    assert note.startswith("Looking for the events, part of the stack could not be read: These credentials may not")


def test_concurrency_that_cannot_be_read_hides_nothing(deployed: Stack):
    crash_query(deployed)
    outputs = replace(deployed.outputs, functions={**deployed.outputs.functions, "query": "another-function"})
    sent = SentEvents(user=USER, message_ids=(), expected=[("mail", "2024-03-01T00:00:00Z")], sent_at=datetime.now(UTC))
    finding = Search(outputs, sent, COMMANDS, pytest.fail).find()
    assert finding.why.startswith("The events are in the table, but the API does not return them.")
