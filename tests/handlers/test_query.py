"""The responses of the API, for every ID in a path and every record in the table."""

import json
from urllib.parse import quote, unquote

import pytest

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


@pytest.mark.parametrize(
    "user_id", ["auth0|abc", "a:b=c@d", "a/b", "a+b", "a b", "100%", "a%2Fb", "%25", "\u00e9\U0001f469", "x" * 255]
)
def test_id_in_the_path_is_decoded_exactly_once(query, handle, user_id):
    handle(sqs_event(login(user_id=user_id)), LambdaContext())
    as_sent = quote(user_id, safe="")
    # As AWS's notes on REST APIs describe it: decoded, with percent signs encoded again.
    as_documented = user_id.replace("%", "%25")
    for arrives in (as_sent, as_documented):
        status, body, _ = ask(query, arrives)
        assert (status, body["user_id"], len(body["services"])) == (200, user_id, 1)


def test_control_decoding_twice_finds_another_user(query, handle, monkeypatch):
    handle(sqs_event(login(user_id="a%2Fb")), LambdaContext())
    monkeypatch.setattr("handlers.query.unquote", lambda text, errors: unquote(unquote(text)))
    assert ask(query, quote("a%2Fb", safe=""))[1] == {"user_id": "a/b", "services": []}


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


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"pathParameters": None},
        {"pathParameters": {}},
        {"pathParameters": {"user_id": 7}},
        {"pathParameters": ["u"], "requestContext": "api-1"},
        {"requestContext": {"requestId": {}}},
    ],
)
def test_request_without_an_id_is_rejected(query, event):
    response = query(event, LambdaContext())
    assert response["statusCode"] == 400
    assert json.loads(response["body"])["request_id"] == "request-1"


def test_readable_part_of_a_malformed_record_is_returned_and_counted(query, dynamodb, emitted):
    services = {"L": [entry(at="2022-08-04T10:50:39+02:00"), {"S": "hand edit"}]}
    dynamodb.put_item(TableName=TABLE, Item={"user_id": {"S": "u"}, "services": services})
    status, body, _ = ask(query, "u")
    assert status == 200
    assert [service["last_accessed"] for service in body["services"]] == ["2022-08-04T08:50:39Z"]
    assert emitted().metrics["RecordMalformed"] == 1


def test_query_makes_one_eventually_consistent_read(query, calls):
    ask(query, "u")
    assert [name for name, _ in calls.requests] == ["GetItem"]
    assert "ConsistentRead" not in calls.requests[0][1]
