"""Sending makes as many requests as there are batches, several at once, and rejects events in their order."""

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops import requests_ahead
from ops.event_files import Event
from ops.events import Sender
from ops.requests_ahead import REQUESTS_MAX
from tests.fakes.waiting import HANG_SECONDS

BATCHES = 4 * REQUESTS_MAX
EVENTS = [Event(number, f"{number}") for number in range(1, 10 * BATCHES + 1)]


class Queue:
    """Answers the requests after the fourth when `together` are under way, the youngest first; rejects every tenth."""

    def __init__(self, together: int) -> None:
        self.requests: list[list[str]] = []
        self.most = 0
        self._together = together
        self._under_way: list[int] = []
        self._changed = threading.Condition()

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        first = int(Entries[0]["MessageBody"])
        with self._changed:
            self.requests.append([entry["MessageBody"] for entry in Entries])
            self._under_way.append(first)
            self.most = max(self.most, len(self._under_way))
            self._changed.notify_all()
            if first > 40:
                assert self._changed.wait_for(
                    lambda: self.most >= self._together and first == max(self._under_way), HANG_SECONDS
                )
            self._under_way.remove(first)
            self._changed.notify_all()
        return {"Successful": Entries[:9], "Failed": [{"Id": entry["Id"], "Code": "Busy"} for entry in Entries[9:]]}


@pytest.mark.parametrize("most", [REQUESTS_MAX, 1], ids=["several at once", "one by one"])
def test_batches_are_requested_once_each_and_rejected_in_order(most: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(requests_ahead, "REQUESTS_MAX", most)
    queue, rejected = Queue(most), list[int]()
    sender = Sender(queue, "url", lambda event, code: rejected.append(event.number))
    sender.send(EVENTS)
    bodies = [event.body for event in EVENTS]
    expected = [bodies[start : start + 10] for start in range(0, len(bodies), 10)]
    assert queue.requests[0] == expected[0]
    assert sorted(queue.requests) == sorted(expected)
    assert rejected == list(range(10, len(EVENTS) + 1, 10))
    assert (sender.accepted, sender.is_complete, queue.most) == (9 * BATCHES, True, most)


@pytest.mark.parametrize("first_allowed", [1, 8], ids=["first alone", "control"])
def test_denied_command_makes_one_request(first_allowed: int, monkeypatch: pytest.MonkeyPatch):
    make, requests = requests_ahead.RequestsAhead.__init__, list[int]()

    def allow(self: Any, request: Any) -> None:
        make(self, request)
        self._allowed = first_allowed

    def deny(**request: Any) -> None:
        requests.append(len(request["Entries"]))
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessageBatch")

    monkeypatch.setattr(requests_ahead.RequestsAhead, "__init__", allow)
    queue, codes = Queue(1), list[str]()
    monkeypatch.setattr(queue, "send_message_batch", deny)
    with pytest.raises(ClientError):
        Sender(queue, "url", lambda event, code: codes.append(code)).send(EVENTS)
    assert requests == [10] * first_allowed
    assert codes == ["AccessDenied"] * 10 * first_allowed + ["not sent"] * (len(EVENTS) - 10 * first_allowed)
