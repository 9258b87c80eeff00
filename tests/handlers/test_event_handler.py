"""Every message is stored, quarantined or reported; the metrics add up; and no failure is acknowledged."""

import pytest

from handlers.event_handler import BatchFailedError
from handlers.vocabulary import PROBE_USER
from simulation.lambda_events import LambdaContext, sqs_record
from tests.fakes.aws import TABLE
from tests.fakes.events import login, sqs_event
from tests.handlers.support import services_of


def failed(response):
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def assert_metrics(output, **expected):
    """These values, and every message received in exactly one of the counters."""
    assert {name: output.metrics[name] for name in expected} == expected
    outcomes = ("EventPersisted", "EventInvalid", "EventFailed", "EventExhausted")
    assert output.metrics["EventReceived"] == sum(output.metrics[name] for name in outcomes)


def fail_writes(calls, user_id, *, times):
    def refuse(request):
        if request["Key"]["user_id"]["S"] == user_id:
            raise RuntimeError("a defect")

    calls.first("UpdateItem", refuse, times=times)


def test_mixed_batch_is_stored_quarantined_and_counted(handle, dynamodb, dead_letters, emitted):
    logins = login(), login(timestamp="2022-08-04T08:50:38Z"), login(service_id="wiki"), login(user_id="v")
    event = sqs_event(*logins, "not json", login(user_id=""))
    assert failed(handle(event, LambdaContext())) == []
    assert set(services_of(dynamodb)) == {"mail", "wiki"}
    assert set(services_of(dynamodb, "v")) == {"mail"}
    letters = [found["MessageAttributes"]["source_message_id"] for found in dead_letters.everything()]
    assert {letter["StringValue"] for letter in letters} == {"m-5", "m-6"}
    output = emitted()
    assert_metrics(output, EventReceived=6, BatchSize=6, EventPersisted=4, EventStale=1, EventInvalid=2, EventFailed=0)
    assert_metrics(output, EventExhausted=0, EventLate=0, WriteConflict=0, ColdStart=1, EventAge=4 * 1500)
    assert_metrics(output, FunctionVersion=1)
    assert [line["level"] for line in output.logs] == ["WARNING", "WARNING", "INFO"]


def test_redelivery_is_counted_as_stale_and_changes_nothing(handle, calls, emitted):
    event = sqs_event(login(), login(service_id="wiki"))
    handle(event, LambdaContext())
    emitted()
    assert failed(handle(event, LambdaContext())) == []
    assert_metrics(emitted(), EventPersisted=2, EventStale=2, ColdStart=0)
    assert calls.count("UpdateItem") == 1


@pytest.mark.parametrize("operation", ["UpdateItem", "BatchGetItem"])
def test_batch_that_fails_completely_raises_after_its_metrics(handle, dynamodb, calls, emitted, operation):
    calls.fail(operation, "ThrottlingException")
    with pytest.raises(BatchFailedError, match="2 of 2 messages"):
        handle(sqs_event(login(), login(user_id="v")), LambdaContext())
    assert_metrics(emitted(), EventFailed=2, EventPersisted=0)
    assert dynamodb.scan(TableName=TABLE)["Items"] == []


def test_only_messages_the_dead_letter_queue_accepted_are_acknowledged(handle, dead_letters, emitted):
    dead_letters.calls.answer("SendMessageBatch", lambda r: {"Successful": [{"Id": "0"}], "Failed": []})
    assert failed(handle(sqs_event("not json", "nor this", login()), LambdaContext())) == ["m-2"]
    assert_metrics(emitted(), EventInvalid=1, EventFailed=1)


def test_failure_at_the_last_receive_is_logged_as_exhausted(handle, calls, emitted):
    calls.fail("UpdateItem", "ThrottlingException")
    with pytest.raises(BatchFailedError):
        handle(sqs_event(login(), receive_count=5), LambdaContext())
    output = emitted()
    assert_metrics(output, EventExhausted=1, EventFailed=0)
    [line] = [line for line in output.logs if line["level"] == "ERROR"]
    assert (line["outcome"], line["error_code"], line["receive_count"]) == ("exhausted", "ThrottlingException", 5)


def test_login_that_exceeds_the_item_size_is_quarantined(handle, calls, dead_letters, emitted):
    calls.fail("UpdateItem", "ValidationException", message="Item size to update has exceeded the maximum allowed size")
    assert failed(handle(sqs_event(login()), LambdaContext())) == []
    [found] = dead_letters.everything()
    assert found["MessageAttributes"]["error_code"]["StringValue"] == "record_too_large"
    assert_metrics(emitted(), EventInvalid=1, EventPersisted=0, EventStale=0)


def test_late_events_and_conflicts_are_counted(handle, dynamodb, calls, new_dynamodb, emitted):
    calls.first("UpdateItem", lambda request: new_dynamodb().update_item(**request) and None)
    event = sqs_event(login())
    event["Records"][0]["attributes"]["SentTimestamp"] = "1659614339999"
    handle(event, LambdaContext())
    assert_metrics(emitted(), EventLate=1, WriteConflict=1, EventAge=60001)


def test_batch_without_remaining_time_raises(handle, dynamodb, dead_letters, emitted):
    with pytest.raises(BatchFailedError):
        handle(sqs_event(login(), "not json"), LambdaContext(remaining_seconds=lambda: 0.4))
    assert (services_of(dynamodb), dead_letters.everything()) == ({}, [])
    assert [line.get("error_code") for line in emitted().logs[:2]] == ["out_of_time"] * 2


def test_malformed_batch_raises_without_quoting_input(handle, emitted):
    with pytest.raises(BatchFailedError, match="KeyError") as crash:
        handle({"marked": 1}, LambdaContext())
    assert crash.value.__cause__ is None
    [line] = [line for line in emitted().logs if line["level"] == "ERROR"]
    assert (line["exception_name"], line["outcome"]) == ("KeyError", "error")


def test_empty_batch_succeeds(handle):
    assert handle({"Records": []}, LambdaContext()) == {"batchItemFailures": []}


@pytest.mark.parametrize(("size", "objects"), [(99, 1), (117, 1), (118, 2), (250, 3)])
def test_batch_larger_than_an_emf_object_is_counted_correctly(handle, dynamodb, calls, emitted, size, objects):
    fail_writes(calls, "u3", times=7)
    bodies = ["not json", *[login(user_id=f"u{i % 7}", service_id=f"s{i}") for i in range(size)]]
    response = handle({"Records": [sqs_record(body, f"m-{i}") for i, body in enumerate(bodies)]}, LambdaContext())
    lost = len(range(3, size, 7))
    assert len(failed(response)) == lost
    output = emitted()
    assert_metrics(output, EventReceived=size + 1, BatchSize=size + 1, EventInvalid=1, EventFailed=lost)
    assert_metrics(output, EventPersisted=size - lost, EventAge=(size - lost) * 1500)
    assert len(output.objects) == objects
    for found in output.objects:
        for directive in found["_aws"]["CloudWatchMetrics"]:
            assert [sorted(names) for names in directive["Dimensions"]] == [["service", "stack"]]
            assert all(len(found[metric["Name"]]) <= 100 for metric in directive["Metrics"])


def test_login_of_the_probe_is_stored_and_counted_as_no_real_event(handle, dynamodb, emitted):
    event = sqs_event(login(user_id=PROBE_USER), login())
    assert failed(handle(event, LambdaContext())) == []
    assert set(services_of(dynamodb, PROBE_USER)) == {"mail"}
    output = emitted()
    assert_metrics(output, EventReceived=1, EventProbed=1, EventPersisted=1, EventStale=0, EventAge=1500, BatchSize=2)
    handle(event, LambdaContext())
    assert_metrics(emitted(), EventReceived=1, EventProbed=1, EventStale=1)


def test_login_of_the_probe_that_fails_is_no_failed_event(handle, calls, emitted):
    calls.fail("UpdateItem", "ThrottlingException")
    with pytest.raises(BatchFailedError):
        handle(sqs_event(login(user_id=PROBE_USER), receive_count=5), LambdaContext())
    assert_metrics(emitted(), EventReceived=0, EventProbed=1, EventFailed=0, EventExhausted=0, EventLate=0)


def test_batch_without_the_probe_has_no_metric_of_it(handle, emitted):
    handle(sqs_event(login()), LambdaContext())
    assert "EventProbed" not in emitted().metrics


def test_control_probe_that_is_no_reserved_user_is_counted(handle, emitted, monkeypatch):
    monkeypatch.setattr("handlers.fold.PROBE_USER", "another")
    handle(sqs_event(login(user_id=PROBE_USER)), LambdaContext())
    assert_metrics(emitted(), EventReceived=1, EventPersisted=1)
