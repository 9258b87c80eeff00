"""A mapping takes its next batch at once, and a batch costs the same however many messages wait."""

import json
import subprocess
import sys
from typing import Any

import pytest

# In a process of its own, because importing ministack changes the process it is imported into.
PROGRAM = """
import json, sys, threading, time
from ministack.services import lambda_svc, sqs
from localcloud.emulator import mapping_seams

looks = 0
class Message(dict):
    def look(self, name):
        global looks
        looks += name in ("visible_at", "receipt_handle")
    def __getitem__(self, name):
        self.look(name)
        return super().__getitem__(name)
    def get(self, name, default=None):
        self.look(name)
        return super().get(name, default)

polls = []
def poll():
    running = lambda_svc._esm_inflight.get("mapping", 0)
    pauses = lambda_svc._esm_backoff_until.get("mapping", 0) > time.time()
    polls.append((threading.current_thread().name, running, pauses))
    return False
lambda_svc._poll_sqs = poll
if sys.argv[1] == "corrected":
    mapping_seams.take_batches_promptly()

NAME = "https://queue/123456789012/"
def queue_of(name, retention, policy=None):
    attributes = {"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:" + name, "VisibilityTimeout": "30",
                  "MessageRetentionPeriod": str(retention)}
    attributes |= {"RedrivePolicy": json.dumps(policy)} if policy else {}
    queue = {"attributes": attributes, "messages": [], "is_fifo": False, "dedup_cache": {}, "name": name}
    queues[NAME + name] = queue
    return queue
queues = {}
sqs._get_q = lambda url, action=None: queues[url]
sqs._queue_by_arn = lambda arn: queues[NAME + arn.rpartition(":")[2]]
now = 1_000.0
class Clock:
    time = staticmethod(lambda: now)
sqs.time = Clock

def fill(queue, count, sent_at=1_000.0):
    for number in range(count):
        message = Message(id=f"m{len(queue['messages'])}", body="{}", md5_body="", md5_attrs=None, receipt_handle=None,
                          sent_at=sent_at, visible_at=sent_at, receive_count=0, first_receive_at=None,
                          message_attributes={}, sys={}, group_id=None, dedup_id=None, seq=None)
        queue["messages"].append(message)

def ids(queue):
    return [message["id"] for message in queue["messages"]]

found = {}
long = queue_of("long", 3_600, {"maxReceiveCount": 2, "deadLetterTargetArn": "a:dead"})
dead = queue_of("dead", 3_600)
fill(long, 3_000)
looks = 0
first = sqs._receive_messages_for_esm(NAME + "long", 10)
second = sqs._receive_messages_for_esm(NAME + "long", 10)
sqs._delete_messages_for_esm(NAME + "long", {message["receipt_handle"] for message in second})
found["looks"] = looks
found["received"] = [message["id"] for message in first + second]
found["left"] = ids(long)
now += 31  # the first batch was not deleted: it comes again, once, and then to the dead letters
found["again"] = [message["id"] for message in sqs._receive_messages_for_esm(NAME + "long", 10)]
sqs._delete_messages_for_esm(NAME + "long", {"of nobody"})
now += 0.5
found["at the same second"] = [m["id"] for m in sqs._receive_messages_for_esm(NAME + "long", 2)]
old = queue_of("old", 60)
fill(old, 3, sent_at=now - 29.9)
sqs._expire_retained(old)
found["young"] = len(old["messages"])
now += 30.5
found["expired"] = sqs._receive_messages_for_esm(NAME + "old", 10)
sqs._receive_messages_for_esm(NAME + "long", 10)
found["dead"] = ids(dead)

def fail(*given):
    found.update(given=given)
    lambda_svc._esm_backoff_until["mapping"] = time.time() + lambda_svc._ESM_BACKOFF_SECONDS
for batch in (lambda *given: found.update(given=given), fail):
    lambda_svc._dispatch_esm_batch("mapping", batch, 1, 2)
    for thread in threading.enumerate():
        if thread.name == "ministack-esm":
            thread.join()
found["polls"], found["pause"] = polls, lambda_svc._ESM_BACKOFF_SECONDS

lambda_svc._esms["mapping"] = {"UUID": "mapping", "FunctionArn": "a", "EventSourceArn": "a"}
lambda_svc._esm_wake.clear()
lambda_svc._update_esm("mapping", {"Enabled": True})
found["woken"] = lambda_svc._esm_wake.is_set()
print(json.dumps(found))
"""


@pytest.fixture(scope="module", params=["corrected", "as installed"])
def found(request: pytest.FixtureRequest) -> tuple[bool, dict[str, Any]]:
    run = subprocess.run([sys.executable, "-c", PROGRAM, request.param], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return request.param == "corrected", json.loads(run.stdout)


def test_messages_are_received_moved_expired_and_deleted_alike(found: tuple[bool, dict[str, Any]]):
    _, seen = found
    everything = [f"m{number}" for number in range(3_000)]
    assert seen["received"] == everything[:20]
    assert seen["left"] == everything[:10] + everything[20:]
    assert seen["again"] == everything[:10]
    assert seen["at the same second"] == everything[20:22]
    assert (seen["young"], seen["expired"]) == (3, [])
    assert seen["dead"] == everything[:10]
    assert seen["given"] == [1, 2]


def test_batch_does_not_look_at_the_messages_behind_it(found: tuple[bool, dict[str, Any]]):
    is_corrected, seen = found
    assert (seen["looks"] < 200) == is_corrected, seen["looks"]


def test_thread_of_a_batch_polls_when_batch_and_pause_have_ended(found: tuple[bool, dict[str, Any]]):
    is_corrected, seen = found
    assert seen["polls"] == ([["ministack-esm", 0, False]] * 2 if is_corrected else [])


def test_mapping_pauses_shortly_after_a_failure(found: tuple[bool, dict[str, Any]]):
    is_corrected, seen = found
    assert (seen["pause"] < 1) == is_corrected


def test_mapping_that_was_updated_is_polled_at_once(found: tuple[bool, dict[str, Any]]):
    is_corrected, seen = found
    assert seen["woken"] == is_corrected
