"""Properties of every event, whatever its content; a violated property raises AssertionError."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from handlers.event_handler import BatchFailedError
from handlers.logins import LoginEvent, merge
from handlers.messages import InvalidError, decode_login
from handlers.quarantine import Quarantine
from handlers.query import Query
from handlers.store import UserRecordStore
from handlers.stored import StoredRecord
from localcloud.models.client import Client, Perform, client_error
from localcloud.models.table import TableModel
from simulation.lambda_events import LambdaContext
from tests.fakes.events import NOW
from tests.fakes.functions import DEAD_LETTERS, TABLE, InTurn, Silent, event_handler
from tests.fakes.queue import QueueModel

# The operation that always fails; None: no operation fails.
FAULTS = (None, None, None, None, "batch_get_item", "update_item", "send_message_batch")


class World:
    """A table, a dead-letter queue and both functions, with one failing operation."""

    quarantine = Quarantine

    def __init__(self, fault: str | None = None) -> None:
        self._fault = fault
        self.table = TableModel(TABLE)
        self.dead_letters = QueueModel(DEAD_LETTERS)
        clients = Client(self.table, self._gate), Client(self.dead_letters, self._gate)
        self.event_handler = event_handler(*clients, now=lambda: NOW, quarantine=self.quarantine)
        self.query = Query(UserRecordStore(self.table, TABLE, executor=InTurn()), Silent())

    def _gate(self, operation: str, request: dict[str, Any], perform: Perform) -> dict[str, Any]:
        if operation == self._fault:
            raise client_error(operation, "ThrottlingException")
        return perform(request)


def deliver(world: World, records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hand a batch to the event handler, check the properties of its response, and return what it acknowledged."""
    try:
        response = world.event_handler.handle({"Records": records}, LambdaContext())
    except BatchFailedError as error:
        # The other message of this class reports a crash.
        if "messages failed" not in str(error):
            raise AssertionError("the batch crashed") from error
        acknowledged = []
    else:
        assert set(response) == {"batchItemFailures"}
        failed = [failure["itemIdentifier"] for failure in response["batchItemFailures"]]
        assert all(set(failure) == {"itemIdentifier"} for failure in response["batchItemFailures"])
        assert len(set(failed)) == len(failed)
        assert set(failed) <= {record["messageId"] for record in records}
        assert len(failed) < len(records) or not records, "a batch that failed as a whole must raise"
        acknowledged = [record for record in records if record["messageId"] not in failed]
    _nothing_is_falsely_acknowledged(world, acknowledged)
    return acknowledged


def _nothing_is_falsely_acknowledged(world: World, acknowledged: Sequence[Mapping[str, Any]]) -> None:
    letters = world.dead_letters.messages()
    quarantined = {sent.attributes["source_message_id"]["StringValue"]: sent for sent in letters}
    for record in acknowledged:
        sent = quarantined.get(record["messageId"])
        if sent is None:
            assert _is_stored(world.table, record["body"]), f"acknowledged and nowhere: {record!r:.500}"
        else:
            assert sent.body == record["body"]
            assert sent.attributes["error_code"]["StringValue"]


def _is_stored(table: TableModel, body: Any) -> bool:
    """Whether the table contains this login: merging the login again changes nothing."""
    try:
        login = decode_login(body, NOW)
    except Exception:  # noqa: BLE001 - whatever it is, it is no login, and so not in the table
        return False
    assert_is_what_it_says(login, body)
    stored = StoredRecord.of(login.user_id, table.items().get(login.user_id))
    # In exactly the form that the event handler writes.
    return stored.services == stored.services_with(stored.record) and merge(stored.record, [login]) is None


def assert_is_what_it_says(login: LoginEvent, body: str) -> None:
    """The login equals the fields of the body, read without the handlers' decoder."""
    fields = json.loads(body, parse_int=str)  # int takes no more than 4,300 digits
    for name in ("user_id", "service_id", "service_name"):
        text = getattr(login, name)
        assert text == fields[name]
        text.encode()
    assert login.user_id.isprintable()
    assert 1 <= len(login.user_id) <= 255
    assert login.occurred_at - NOW <= timedelta(minutes=5)


def nothing_is_left_over(records: Sequence[Mapping[str, Any]], acknowledged: Sequence[Mapping[str, Any]]) -> None:
    """When no operation fails, only messages that no queue accepts are delivered again."""
    for record in records:
        if record not in acknowledged:
            assert _cannot_be_sent_on(record), f"delivered again for no reason: {record!r:.500}"


def _cannot_be_sent_on(record: Mapping[str, Any]) -> bool:
    """Whether the envelope, or characters that SQS never carries, keep a message out of the dead-letter queue."""
    body = record.get("body")
    if not isinstance(body, str) or not body or len(body.encode(errors="replace")) > 2**20 - 1000:
        return True
    attributes = record.get("messageAttributes")
    return not _is_carried(body) or (attributes is not None and not _are_sound(attributes))


def _is_carried(text: str) -> bool:
    return all(c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff" for c in text)


def _are_sound(attributes: Any) -> bool:
    sound = ("text", "1.5", "\u00e9\U0001f469", "t\u00e9xt", "1.50", "AAH/", "iVBORw==")
    return isinstance(attributes, Mapping) and all(
        _is_carried(key)
        and isinstance(value, Mapping)
        and value.get("dataType")
        and [value.get(name) in sound for name in ("stringValue", "binaryValue") if value.get(name) is not None]
        == [True]
        and (value.get("binaryValue") or "AAH/") in ("AAH/", "iVBORw==")
        for key, value in attributes.items()
    )


def decodes(body: str) -> None:
    """A body is a login or invalid; the reason is a sentence without content of the body."""
    try:
        login = decode_login(body, NOW)
    except InvalidError as invalid:
        if not (invalid.code and invalid.detail.isascii() and len(invalid.detail) < 300):
            raise AssertionError(f"not a sentence without values: {invalid.detail!r:.300}") from None
        return
    assert_is_what_it_says(login, body)


def answers(query: Query, event: Any) -> dict[str, Any]:
    """The response to a request: well formed, and never a 500."""
    response = query.answer(event, LambdaContext())
    assert set(response) == {"statusCode", "headers", "body", "isBase64Encoded"}
    assert response["statusCode"] in (200, 400), response
    assert response["isBase64Encoded"] is False
    assert response["headers"]["Cache-Control"] == "no-store"
    body = json.loads(response["body"].encode())
    if response["statusCode"] == 200:
        assert set(body) == {"user_id", "services"}
    else:
        assert set(body) == {"message", "request_id"}
        assert body["request_id"] in ("api-1", "request-1")
    return response | {"body": body}
