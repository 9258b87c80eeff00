"""Each field of the event reaches the record, the API, the documents and `send`: none is parsed and then lost.

docs/make-it-yours.md adds a field; test_field_recipe.py leaves out one step of it at a time.
"""

import inspect
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from handlers import messages, stored
from handlers.logins import LoginEvent, UserRecord, merge
from handlers.messages import InvalidError, decode_login
from handlers.query import Query
from handlers.store import UserRecordStore
from handlers.stored import KEY, SERVICES, StoredRecord
from localcloud.models.table import TableModel, value_bytes
from ops.commands import send
from simulation.lambda_events import LambdaContext
from tests.fakes.events import NOW, login
from tests.fakes.functions import TABLE, InTurn, Silent

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "event.schema.json").read_text())
PROPERTIES: dict[str, Any] = SCHEMA["properties"]
IN_THE_KEY = {"user_id", "service_id"}
Item = dict[str, Any]


def decoded(**changes: str) -> LoginEvent:
    return decode_login(json.dumps(login() | changes), NOW)


def changed(field: str) -> LoginEvent:
    """The decoded login with another value of one field."""
    for value in (f"{login()[field]}x", "2021-01-01T00:00:00Z"):
        try:
            return decoded(**{field: value})
        except InvalidError:
            continue
    raise AssertionError(f"no other value of {field} is valid")


def record_of(*events: LoginEvent) -> UserRecord:
    record = merge(UserRecord(user_id=events[0].user_id), events)
    assert record is not None
    return record


def item_of(event: LoginEvent) -> Item:
    record = record_of(event)
    services = StoredRecord.of(event.user_id, None).services_with(record)
    return {KEY: {"S": event.user_id}, SERVICES: services}


def answer_of(event: LoginEvent) -> dict[str, Any]:
    """What the API returns of a user with this login only."""
    table = TableModel(TABLE)
    item = item_of(event)
    key, services = {KEY: item[KEY]}, item[SERVICES]
    expression = {"UpdateExpression": f"SET {SERVICES} = :new", "ExpressionAttributeValues": {":new": services}}
    condition = {"ConditionExpression": f"attribute_not_exists({SERVICES})"}
    table.update_item(TableName=TABLE, Key=key, **expression, **condition)
    query = Query(UserRecordStore(table, TABLE, executor=InTurn()), Silent())
    request = {"pathParameters": {"user_id": event.user_id}, "requestContext": {"requestId": "1"}}
    return json.loads(query.answer(request, LambdaContext())["body"])


def test_fields_are_the_same_everywhere() -> None:
    documented = re.findall(r"^\| `(\w+)` \| string \|", (DOCS / "events.md").read_text(), re.MULTILINE)
    assert messages._FIELDS == PROPERTIES.keys() == set(documented) == login().keys()


@pytest.mark.parametrize("field", PROPERTIES)
def test_field_reaches_the_record_and_the_api(field: str) -> None:
    event, other = decoded(), changed(field)
    assert other != event, "not parsed"
    assert item_of(other) != item_of(event), "not stored"
    assert answer_of(other) != answer_of(event), "not in the answer of the API"


def test_field_that_is_parsed_and_not_stored_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    write = stored._write_service
    monkeypatch.setattr(stored, "_write_service", lambda service: write(replace(service, service_name="")))
    with pytest.raises(AssertionError, match="not stored"):
        test_field_reaches_the_record_and_the_api("service_name")


@pytest.mark.parametrize("field", PROPERTIES)
def test_field_is_read_as_it_was_written(field: str) -> None:
    event = changed(field)
    read = StoredRecord.of(event.user_id, item_of(event))
    assert (read.record, read.is_partial) == (record_of(event), False)


@pytest.mark.parametrize("field", [name for name in PROPERTIES if name not in IN_THE_KEY])
def test_order_of_logins_that_differ_in_a_field_changes_nothing(field: str) -> None:
    event, other = decoded(), changed(field)
    assert record_of(event, other) == record_of(other, event)


@pytest.mark.parametrize("field", PROPERTIES)
def test_field_counts_in_the_size_of_the_item(field: str) -> None:
    event = changed(field)
    item = item_of(event)
    size = sum(len(name) + value_bytes(value) for name, value in item.items())
    assert StoredRecord.of(event.user_id, None).bytes_with(record_of(event)) == size


def test_api_documents_name_what_the_api_returns() -> None:
    (service,) = answer_of(decoded())["services"]
    described = yaml.safe_load((DOCS / "openapi.yaml").read_text())["components"]["schemas"]["Service"]
    assert described["properties"].keys() == set(described["required"]) == service.keys()
    (shown,) = re.findall(r"^```json\n(.*?)^```$", (DOCS / "api.md").read_text(), re.MULTILINE | re.DOTALL)
    assert json.loads(shown)["services"][0].keys() == service.keys()


def test_send_has_an_option_for_each_field() -> None:
    assert inspect.signature(send.send).parameters.keys() >= PROPERTIES.keys()
    sent = json.loads(send._make_event(**dict.fromkeys(PROPERTIES, "x")).body)
    assert sent == dict.fromkeys(PROPERTIES, "x")
    # A field that is left out is missing: `null` would be a violation.
    required = {"user_id": "x", "service_id": "x"} | dict.fromkeys(PROPERTIES.keys() - {"user_id", "service_id"})
    assert json.loads(send._make_event(**required).body).keys() == set(SCHEMA["required"])
