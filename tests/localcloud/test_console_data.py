"""The console's pages about queues and tables, over HTTP: what they show of what is held, and bad input."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from localcloud.console import data, queues, table
from localcloud.console.console import Console
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.contents import Contents, Failure, Message, Place, Queue, Table
from localcloud.observatory.facts import QueueState
from localcloud.observatory.journeys import Journey
from localcloud.observatory.observatory import Observatory
from ops.dead_letters import DeadLetter
from tests.fakes.consoles import ask, post
from tests.privacy.wire import MARK

START = 1_767_225_600  # 2026-01-01T00:00:00Z
NEEDED = {
    "/alarm": "?name=absent",
    "/board": "?name=overview",
    "/changes": "?since=2026-01-01T00:00:00Z",
    "/journey": "?name=m1",
    "/part": "?name=queue",
    "/queue-message": "?name=events&id=m1",
    "/queue": "?name=dead",
}
"""What a path needs to answer; every other path of the console answers without parameters."""
QUARANTINED = {
    "error_code": "timestamp_malformed",
    "error_detail": "timestamp is not RFC 3339",
    "source_message_id": "m0",
    "quarantined_at": "2026-01-01T00:00:00Z",
}


def message(id_: str, body: str = "{}", place: Place = Place.WAITING, **more: Any) -> Message:
    texts = more.pop("attributes", {})
    attributes = {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}
    times: dict[str, Any] = {"sent_at": START, "visible_at": START, "receive_count": 0, "system": {}}
    return Message(**times | more, id=id_, body=body, place=place, attributes=attributes)


class Held(Contents):
    """What a test says."""

    def __init__(
        self, events: Sequence[Message] = (), dead: Sequence[Message] = (), items: Mapping[str, Any] | None = None
    ) -> None:
        self.events, self.dead, self.items = events, dead, items or {}
        self.failures: Mapping[str, Failure] = {}

    def queues(self) -> Sequence[Queue]:
        def queue(name: str, messages: Sequence[Message], *policy: Any) -> Queue:
            visible, held = (sum(m.place == place for m in messages) for place in (Place.WAITING, Place.IN_FLIGHT))
            state = QueueState(name=name, visible=visible, in_flight=held, age_seconds=61.5)
            target, count = policy or (None, None)
            return Queue(state=state, messages=messages, dead_letter_queue=target, max_receive_count=count)

        return queue("events", self.events, "dead", 5), queue("dead", self.dead)

    def tables(self) -> Sequence[Table]:
        return [Table(name="users", key="user_id", items=self.items)]

    def last_failures(self, message_ids: Collection[str]) -> Mapping[str, Failure]:
        return {id_: failure for id_, failure in self.failures.items() if id_ in message_ids}


@pytest.fixture
def observatory() -> Observatory:
    return Observatory(SteppedClock(START))


@pytest.fixture
def console(observatory: Observatory) -> Console:
    return Console(observatory)


def test_queue_is_counted_by_place(console: Console, observatory: Observatory):
    places = (Place.WAITING, Place.WAITING, Place.IN_FLIGHT, Place.DELAYED)
    observatory.contents = Held([message(f"m{number}", place=place) for number, place in enumerate(places)])
    events, dead = sorted(ask(console, "/queues").json()["queues"], key=lambda queue: queue["name"], reverse=True)
    assert (events["waiting"], events["inFlight"], events["delayed"], events["ageSeconds"]) == (2, 1, 1, 61)
    assert (events["deadLetterQueue"], events["maxReceiveCount"], dead["sources"]) == ("dead", 5, ["events"])


def test_messages_are_paged_and_filtered(console: Console, observatory: Observatory):
    held = [message(f"m{number}", f"Body {number}") for number in range(queues.MESSAGES_MAX + 3)]
    observatory.contents = Held([*held, message("late", place=Place.DELAYED)])
    first = ask(console, "/queue?name=events").json()
    assert (len(first["messages"]), first["found"], first["next"]) == (queues.MESSAGES_MAX, 29, queues.MESSAGES_MAX)
    rest = ask(console, f"/queue?name=events&start={first['next']}").json()
    assert ([found["id"] for found in rest["messages"]], rest["next"]) == (["m25", "m26", "m27", "late"], None)

    def ids(query: str) -> list[str]:
        return [found["id"] for found in ask(console, f"/queue?name=events&{query}").json()["messages"]]

    assert ids("place=delayed") == ["late"]
    assert ids("text=bODY%2017") == ["m17"]
    assert ids("text=late") == ["late"]
    assert ids("place=in%20flight") == ids("start=999999999") == []


def test_long_body_is_shown_whole_only_alone(console: Console, observatory: Observatory):
    body = "x" * (queues.BODY_MAX + 1)
    observatory.contents = Held([message("m1", body, attributes={"origin": "idp"}, receive_count=2)])
    [shown] = ask(console, "/queue?name=events").json()["messages"]
    assert (len(shown["body"]), shown["bodyLength"], shown["receives"]) == (queues.BODY_MAX, len(body), 2)
    assert shown["attributes"] == [{"name": "origin", "type": "String", "value": "idp"}]
    assert ask(console, "/queue-message?name=events&id=m1").json()["body"] == body


def test_dead_letters_say_what_failed_and_when(console: Console, observatory: Observatory):
    held = Held(
        dead=[
            message("m1", attributes=QUARANTINED),
            message("m2", system={queues.MOVED: "arn"}, attributes=QUARANTINED, sent_at=START - 60),
            message("m3", system={queues.MOVED: "arn"}),
        ]
    )
    held.failures = {"m2": Failure(code="write_failed", at=START + 5)}
    observatory.contents = held
    found = ask(console, "/queue?name=dead").json()
    assert [tuple(letter[name] for name in ("reason", "detail", "failedAt")) for letter in found["messages"]] == [
        ("timestamp_malformed", "timestamp is not RFC 3339", "2026-01-01T00:00:00Z"),
        ("gave-up", "last failure: write_failed", "2026-01-01T00:00:05Z"),
        ("gave-up", "the log has no failure of it", None),
    ]
    assert found["reasons"] == [
        {"reason": "gave-up", "count": 2, "oldest": "2025-12-31T23:59:00Z"},
        {"reason": "timestamp_malformed", "count": 1, "oldest": "2026-01-01T00:00:00Z"},
    ]


@pytest.mark.parametrize("system", [{}, {queues.MOVED: "arn"}])
@pytest.mark.parametrize("names", [QUARANTINED, ["error_code"], []])
def test_reason_is_that_of_the_operators_command(names: Collection[str], system: dict[str, str]):
    """Two packages that do not import each other must name the same reason."""
    letter = message("m1", attributes={name: QUARANTINED[name] for name in names}, system=system)
    received = {"MessageId": "m1", "ReceiptHandle": "r", "Body": "{}", "Attributes": system}
    assert queues.reason_of(letter) == DeadLetter(received | {"MessageAttributes": letter.attributes}).reason


def item(user: str, **services: str) -> list[dict[str, Any]]:
    entries = [{"M": {"service_id": {"S": name}, "at": {"S": at}}} for name, at in services.items()]
    return [{"user_id": {"S": user}, "services": {"L": entries}, "n": {"N": "1.50"}, "gone": {"NULL": True}}]


def test_items_are_paged_by_key_and_found_by_it(console: Console, observatory: Observatory):
    users = [f"u{number:03}" for number in range(table.ITEMS_MAX + 2)]
    observatory.contents = Held(items={user: item(user, mail="today") for user in reversed(users)})
    first = ask(console, "/items").json()
    assert [found["key"] for found in first["items"]] == users[: table.ITEMS_MAX]
    assert (first["name"], first["key"], first["count"], first["next"]) == ("users", "user_id", 27, users[24])
    rest = ask(console, f"/items?after={first['next']}").json()
    assert ([found["key"] for found in rest["items"]], rest["next"]) == (users[table.ITEMS_MAX :], None)
    [alone] = ask(console, "/items?name=users&key=u007").json()["items"]
    services = [{"service_id": "mail", "at": "today"}]
    assert alone["attributes"] == {"user_id": "u007", "services": services, "n": "1.50", "gone": None}
    assert ask(console, "/items?key=u0").json()["items"] == []


def test_large_item_is_shown_whole_only_alone(console: Console, observatory: Observatory):
    observatory.contents = Held(items={"ada": item("ada", **{f"s{number}": "x" * 1_000 for number in range(30)})})
    assert ask(console, "/items").json()["items"][0]["attributes"] is None
    assert len(ask(console, "/items?key=ada").json()["items"][0]["attributes"]["services"]) == 30


def test_empty_cloud_has_no_queue_and_no_table(observatory: Observatory):
    console = Console(observatory)
    assert ask(console, "/queues").json()["queues"] == []
    assert ask(console, "/items").json()["items"] == []
    assert ask(console, "/clients").json() == {}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/queue", 400),
        ("/queue?name=absent", 404),
        ("/queue?name=events&place=lost", 400),
        *((f"/queue?name=events&start={start}", 400) for start in ("-1", "x", "1" * 10, "%D9%A1")),
        ("/queue-message?name=events&id=absent", 404),
        ("/queue-message?name=events", 400),
        ("/items?name=absent", 404),
        ("/queues?name=events", 400),
        ("/clients?x=1", 400),
    ],
)
def test_malformed_address_is_a_sentence(console: Console, observatory: Observatory, address: str, status: int):
    observatory.contents = Held()
    found = ask(console, address)
    assert (found.status, found.json()["error"].endswith(".")) == (status, True)


# Privacy


def marked() -> Held:
    letter = message(f"{MARK}-id", f"{MARK} body", attributes={"who": MARK})
    return Held([letter, message("m1", MARK)], [letter], {MARK: item(MARK, mail="x")})


def paths_with_a_mark(console: Console) -> set[str]:
    """Every path that the console answers with a mark in it."""
    paths = [path for path in console._answers if path.removesuffix(".js") != "/plotly"]
    found = {path: ask(console, path + NEEDED.get(path, "")) for path in paths}
    assert {path for path, answer in found.items() if answer.status == 400} == set(), "name here what they need"
    return {path for path, answer in found.items() if MARK.encode() in answer.body}


def test_no_other_page_shows_what_queues_and_tables_hold(console: Console, observatory: Observatory):
    observatory.contents = marked()
    observatory.journeys.sent(Journey(message_id="m1", queue="events", sent_at=0, user_id=MARK, copy_of=None))
    assert paths_with_a_mark(console) == set(data.PERSONAL) - {"/try"}


def test_leak_to_another_page_is_noticed(console: Console, observatory: Observatory, monkeypatch: pytest.MonkeyPatch):
    """The control."""
    observatory.contents = marked()
    monkeypatch.setattr(observatory, "id", marked().events[0].body)
    assert "/state" in paths_with_a_mark(console)


# Changes without a stack


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("/send", {"body": "{}"}),
        ("/try", {"user": "ada", "client": "reporting", "authorization": "none"}),
        ("/dead-letters", {"action": "redrive", "all": True}),
        ("/stop", {}),
    ],
)
def test_change_without_a_stack_says_what_to_do(console: Console, address: str, value: object):
    found = post(console, address, value)
    assert (found.status, bool(found.json()["error"])) == (409, True)
    assert post(console, address, value, x_console_token="").status == 403
    assert post(console, address, value, origin="http://127.0.0.1:1").status == 403
    assert ask(console, address).status == 405


@pytest.mark.parametrize(
    ("address", "value"),
    [
        *(("/send", value) for value in ({}, {"body": 1}, {"body": "{}", "queue": "other"})),
        *(("/try", {"user": "ada", "client": "a", "authorization": choice}) for choice in ("x", None, ["token"])),
        ("/try", {"user": 1, "client": "a", "authorization": "none"}),
        *(("/dead-letters", {"action": action, "all": True}) for action in ("purge", None, 1, ["redrive"])),
        *(("/dead-letters", {"action": "discard"} | more) for more in ({}, {"all": False}, {"id": "a", "all": True})),
        *(("/dead-letters", {"action": "discard", "id": id_}) for id_ in ("", "a b", "--all", 5, "a\n", None)),
        ("/dead-letters", {"action": "redrive", "all": True, "force": 1}),
        ("/dead-letters", {"action": "redrive", "reason": "x", "no_copy": True}),
        ("/stop", {"now": True}),
    ],
)
def test_malformed_change_is_rejected(console: Console, address: str, value: object):
    assert post(console, address, value).status == 400


def test_large_event_is_taken_and_a_larger_one_rejected(console: Console):
    assert post(console, "/send", {"body": "x" * 1_000_000}).status == 409
    assert post(console, "/send", {"body": "x" * 3_000_000}).status == 413
