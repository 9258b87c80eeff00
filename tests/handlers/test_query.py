"""The responses of the API, and what they count; tests/fuzz has every ID in a path."""

import json

import pytest

from handlers.vocabulary import PROBE_USER
from simulation.lambda_events import LambdaContext
from tests.fakes.aws import TABLE, entry
from tests.fakes.events import login, sqs_event


def ask(query, encoded):
    event = {
        "resource": "/users/{user_id}/services",
        "path": f"/users/{encoded}/services",
        "pathParameters": {"user_id": encoded},
        "requestContext": {"requestId": "api-1"},
    }
    response = query(event, LambdaContext())
    return response["statusCode"], json.loads(response["body"]), response


def test_services_are_returned_newest_first(handle, query):
    newest = login(service_id="c", timestamp="2022-08-04T10:00:00.5Z")
    handle(sqs_event(login(service_id="b"), login(service_id="a"), newest), LambdaContext())
    status, body, response = ask(query, "u")
    assert status == 200
    assert response["headers"] == {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}
    last = {"c": "2022-08-04T10:00:00.5Z", "a": "2022-08-04T08:50:39Z", "b": "2022-08-04T08:50:39Z"}
    services = [{"service_id": i, "service_name": "Mail", "last_accessed": last[i]} for i in last]
    assert body == {"user_id": "u", "services": services}


def test_unknown_user_has_no_services(query, emitted):
    assert ask(query, "nobody")[:2] == (200, {"user_id": "nobody", "services": []})
    output = emitted()
    assert (output.metrics["QuerySuccess"], output.metrics["QueryEmpty"], output.metrics["QueryError"]) == (1, 1, 0)
    assert output.logs == []


INVALID = {"%ff": "path_not_utf8", "%20": "field_blank", "a%0Ab": "field_unprintable"}
INVALID |= dict.fromkeys(("x" * 256, ""), "field_length")
INVALID |= dict.fromkeys((".", "%2E%2e"), "field_dot_segment")


@pytest.mark.parametrize(("encoded", "code"), INVALID.items())
def test_invalid_id_is_rejected(query, calls, emitted, encoded, code):
    status, body, _ = ask(query, encoded)
    assert status == 400
    assert set(body) == {"message", "request_id"}
    assert body["request_id"] == "api-1"
    output = emitted()
    assert (output.metrics["QueryInvalid"], output.metrics["QuerySuccess"]) == (1, 0)
    assert [(line["error_code"], line["correlation_id"]) for line in output.logs] == [(code, "api-1")]
    assert calls.count("GetItem") == 0


GARBAGE = {"S": "manual edit"}
# What is stored, and what the log says about it; None for a record that is whole.
RECORDS = {
    "one entry": ({"services": {"L": [entry(at="2022-08-04T10:50:39+02:00"), GARBAGE]}}, (1, 1)),
    "every entry": ({"services": {"L": [GARBAGE, GARBAGE]}}, (0, 2)),
    "no list": ({"services": GARBAGE}, (0, 1)),
    "no services": ({}, (0, 0)),
    "control: nothing": ({"services": {"L": [entry(at="2022-08-04T10:50:39+02:00")]}}, None),
    "control: nothing, and no login": ({"services": {"L": []}}, None),
}


@pytest.mark.parametrize("damaged", RECORDS)
def test_answer_from_a_damaged_record_says_that_it_is_partial(query, dynamodb, emitted, damaged):
    item, logged = RECORDS[damaged]
    dynamodb.put_item(TableName=TABLE, Item={"user_id": {"S": "u"}} | item)
    status, body, _ = ask(query, "u")
    assert status == 200
    assert body.get("partial") == (None if logged is None else True)
    readable = [part for part in item.get("services", {}).get("L", ()) if "M" in part]
    assert [service["last_accessed"] for service in body["services"]] == ["2022-08-04T08:50:39Z"] * len(readable)
    output = emitted()
    lines = [(line["level"], line["outcome"], line["error_code"], line["correlation_id"]) for line in output.logs]
    assert lines == ([] if logged is None else [("ERROR", "partial", "record_malformed", "api-1")])
    assert [(line["readable"], line["unreadable"]) for line in output.logs] == ([] if logged is None else [logged])
    counted = {name: output.metrics[name] for name in ("QuerySuccess", "RecordMalformed", "QueryEmpty", "QueryError")}
    is_empty = logged is None and not readable
    partial = {"RecordMalformed": int(logged is not None), "QueryEmpty": int(is_empty)}
    assert counted == {"QuerySuccess": 1, "QueryError": 0} | partial


def test_query_makes_one_eventually_consistent_read(query, calls):
    ask(query, "u")
    assert [name for name, _ in calls.requests] == ["GetItem"]
    assert "ConsistentRead" not in calls.requests[0][1]


@pytest.mark.parametrize("reserved", [True, False])
def test_query_of_the_probe_is_answered_and_not_counted(handle, query, emitted, monkeypatch, reserved):
    # The control: another reserved user.
    monkeypatch.setattr("handlers.query.PROBE_USER", PROBE_USER if reserved else "another")
    handle(sqs_event(login(user_id=PROBE_USER)), LambdaContext())
    emitted()
    status, body, _ = ask(query, PROBE_USER)
    assert (status, body["user_id"], len(body["services"])) == (200, PROBE_USER, 1)
    assert ("QuerySuccess" not in emitted().metrics) is reserved
