"""What people paste into `send` is sent, or explained before anything is sent."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.ops.simulated_stack import Stack, answer_with, assert_fails, lines, login


def test_byte_order_mark_is_skipped(queues: Stack):
    Path("marked.jsonl").write_text(f"{login('ada')}\n", encoding="utf-8-sig")
    assert queues.run("send", "--file", "marked.jsonl").stdout == "Sent 1 event.\n"
    assert queues.bodies("events") == [login("ada")]


@pytest.mark.parametrize(
    "content",
    [f"[{login('ada')}]", f"[\n{login('ada')}\n]", json.dumps(json.loads(login("ada")), indent=2), login("ada") * 2],
    ids=["array", "array over lines", "object over lines", "two objects in a line"],
)
def test_other_json_is_rejected_with_the_format(queues: Stack, content: str):
    Path("other.json").write_text(content)
    result = queues.run("send", "--file", "other.json")
    assert_fails(result, "Line 1 of other.json is not a JSON object, so nothing was sent. Write one event per line")
    assert "jq -c '.[]'" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ('{"more": [' * 100_000, "event 1: The body nests deeper than 500 levels."),
        (login("ada")[:-1] + f', "more": {{"a": {"[" * 600}{"]" * 600}}}}}', "The body nests deeper than 500 levels."),
        (login("ada")[:-1] + ', "user_id": "b"}', "event 1: The body contains user_id more than once in one object."),
        (login("ada").replace('"ada"', "5" * 5_000), "event 1: user_id is a number; it must be a string."),
    ],
    ids=["open objects", "arrays", "doubled key", "number"],
)
def test_object_on_the_first_line_is_judged_by_the_contract(queues: Stack, content: str, sentence: str):
    Path("odd.jsonl").write_text(content)
    result = queues.run("send", "--file", "odd.jsonl")
    assert_fails(result, sentence)
    assert "not a JSON object" not in result.stderr


def test_long_integer_in_an_ignored_field_is_sent(queues: Stack):
    body = login("ada")[:-1] + f', "more": {"7" * 5_000}}}'
    Path("long.jsonl").write_text(body)
    assert queues.run("send", "--file", "long.jsonl").stdout == "Sent 1 event.\n"
    assert queues.bodies("events") == [body]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (login("ada").encode("utf-16"), "Line 1 of odd is not UTF-8. It is UTF-16. Convert it: `iconv -f UTF-16 "),
        (login("ada").encode("utf-16-le"), "Line 1 of odd is not a JSON object, so nothing was sent. It is UTF-16. "),
        (gzip.compress(login("ada").encode()), "Line 1 of odd is not UTF-8. It is compressed by gzip. Decompress it: "),
        (f"{login('ada')}\n{{".encode() + b"\xe9}", "Line 2 of odd is not UTF-8. Save it as UTF-8."),
        (f"{login('ada')}\r{login('bob')}\r".encode(), "Its lines end in CR alone. Convert them: `tr '\\r' '\\n'`."),
    ],
    ids=["UTF-16", "UTF-16 without mark", "gzip", "Latin-1", "CR"],
)
def test_file_in_another_format_is_explained(queues: Stack, content: bytes, sentence: str):
    Path("odd").write_bytes(content)
    result = queues.run("send", "--file", "odd")
    assert_fails(result, sentence)
    assert len(result.stderr.splitlines()) == 1


def test_event_over_the_limit_of_the_queue_is_invalid_and_never_to_be_sent_again(queues: Stack):
    attributes = {"MaximumMessageSize": "1024"}
    queues.sqs.set_queue_attributes(QueueUrl=queues.outputs.queue_url, Attributes=attributes)
    large = login("ada")[:-1] + ", " + json.dumps({"more": "x" * 2000})[1:]
    Path("some.jsonl").write_text(f"{login('ada')}\n{large}\n{login('grace')}\n")
    size = f"{len(large)} bytes; the queue accepts 1024"
    assert_fails(queues.run("send", "--file", "some.jsonl"), f"event 2: It has {size}.")
    assert queues.bodies("events") == []
    result = queues.run("send", "--file", "some.jsonl", "--raw", "--failed", "again.jsonl")
    assert_fails(result, f"event 2: InvalidParameterValue ({size})")
    assert "1 event larger than the queue accepts, which would be rejected again." in result.stderr
    assert "To send again" not in result.stderr
    assert queues.bodies("events") == [login("ada"), login("grace")]
    assert lines("again.jsonl") == [large]


def test_producer_needs_permission_to_send_alone(queues: Stack, monkeypatch: pytest.MonkeyPatch):
    def deny(request: dict[str, Any], real: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": ""}}, "GetQueueAttributes")

    answer_with(monkeypatch, get_queue_attributes=deny)
    assert queues.run("send", "--user-id", "ada", "--service-id", "mail").stdout == "Sent 1 event.\n"
