"""The responses of the API, and what they count; tests/fuzz has every ID in a path."""

import json

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
