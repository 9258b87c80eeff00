"""A quarantined message is complete, within the limits of SQS; tests/fuzz has the unreadable ones."""

from components.queue import DEAD_LETTER_BYTES_MAX, MESSAGE_BYTES_MAX
from handlers.batches import BATCH_BYTES_MAX, entry_bytes
from handlers.messages import Message
from handlers.quarantine import Quarantine, Rejection
from simulation.lambda_events import sqs_record
from tests.fakes.events import NOW, plenty


def rejection(body="{", message_id="m-1", **more):
    record = sqs_record(body, message_id, **more)
    return Rejection(message=Message.of(record), error_code="body_not_json", error_detail="It is not JSON.")


def test_own_attributes_replace_others_and_the_detail_names_dropped_attributes(quarantine, dead_letters):
    names = ["error_code", *[f"a{i}" for i in range(8)]]
    attributes = {name: {"stringValue": name, "dataType": "String"} for name in names}
    assert quarantine.send([rejection(messageAttributes=attributes)], plenty) == {}
    [found] = dead_letters.everything()
    values = {name: value["StringValue"] for name, value in found["MessageAttributes"].items()}
    assert len(values) == 10
    assert values["error_code"] == "body_not_json"
    assert {"a0", "a1", "a2", "a3", "a4", "a5"} <= set(values)
    assert values["error_detail"].endswith("the attributes a6, a7.")


def test_version_is_added_only_where_no_attribute_of_the_producer_is_lost(dead_letters):
    quarantine = Quarantine(lambda: dead_letters.client, dead_letters.url, version="1a2b3c4d5e6f", now=lambda: NOW)
    for count in (5, 6):
        attributes = {f"a{number}": {"stringValue": "v", "dataType": "String"} for number in range(count)}
        assert quarantine.send([rejection(messageAttributes=attributes)], plenty) == {}
    few, many = (found["MessageAttributes"] for found in dead_letters.everything())
    assert few["quarantined_by"]["StringValue"] == "1a2b3c4d5e6f"
    assert "quarantined_by" not in many
    assert "a5" in many
    assert "Dropped" not in many["error_detail"]["StringValue"]


def test_largest_message_fits_into_the_dead_letter_queue_but_not_into_a_second_source_queue(quarantine, dead_letters):
    attributes = {f"{number}{'a' * 255}": {"stringValue": "v", "dataType": "String"} for number in range(10)}
    sent = {name: {"StringValue": value["stringValue"], "DataType": "String"} for name, value in attributes.items()}
    body = "x" * (MESSAGE_BYTES_MAX - entry_bytes({"MessageBody": "", "MessageAttributes": sent}))
    assert quarantine.send([rejection(body, messageAttributes=attributes)], plenty) == {}
    [(_, request)] = dead_letters.calls.requests
    assert request["Entries"][0]["MessageBody"] == body
    assert MESSAGE_BYTES_MAX < entry_bytes(request["Entries"][0]) < 2 * MESSAGE_BYTES_MAX <= DEAD_LETTER_BYTES_MAX


def test_batches_are_split_by_number_and_by_size(quarantine, dead_letters):
    small = [rejection(message_id=f"s{i}") for i in range(21)]
    large = [rejection("x" * (BATCH_BYTES_MAX // 2 - 100), f"l{i}") for i in range(3)]
    assert quarantine.send([*small, *large], plenty) == {}
    sizes = [len(request["Entries"]) for _, request in dead_letters.calls.requests]
    assert sizes == [10, 10, 2, 1, 1]
    assert len(dead_letters.everything()) == 24


def test_client_is_made_once_for_the_first_message(dead_letters):
    made = []
    quarantine = Quarantine(lambda: made.append(1) or dead_letters.client, dead_letters.url, now=lambda: NOW)
    assert quarantine.send([], plenty) == {}
    assert made == []
    quarantine.send([rejection()], plenty)
    quarantine.send([rejection()], plenty)
    assert made == [1]
