"""Seeded valid and invalid messages, and the table they must lead to, computed without the code under test."""

import functools
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from localcloud.models.table import TableModel
from tests.fakes.aws import services_in
from tests.fakes.events import TRACE, login
from tests.fakes.queue import QueueModel, Sent

# The virtual clock's zero.
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)

_NAMES = ("Mail", "Mail ", "mail", "Caf\u00e9", "\u043f\u043e\u0447\u0442\u0430", "\U0001f4ec")
_OFFSETS = (0, 120, -570)


@dataclass(frozen=True, slots=True)
class Fact:
    """The login in a valid message."""

    user_id: str
    service_id: str
    instant: datetime
    service_name: str

    @property
    def rank(self) -> tuple[datetime, str]:
        return self.instant, self.service_name

    def is_in(self, service: dict[str, str]) -> bool:
        """Whether a stored service is this login or a newer login in the same service."""
        stored = datetime.fromisoformat(service["last_accessed"]), service["service_name"]
        return service["service_id"] == self.service_id and stored >= self.rank


@dataclass(frozen=True, slots=True)
class Workload:
    """Messages, and the login of each valid message by its ID; all other messages are invalid."""

    messages: tuple[Sent, ...]
    facts: dict[str, Fact]

    @property
    def invalid(self) -> list[Sent]:
        return [sent for sent in self.messages if sent.message_id not in self.facts]

    def unsafe(self, message_ids: Iterable[str], table: TableModel, dead_letters: QueueModel) -> list[str]:
        """The messages that would be lost if they were deleted now: in neither the table nor the dead-letter queue."""

        def is_safe(message_id: str) -> bool:
            if fact := self.facts.get(message_id):
                return any(fact.is_in(service) for service in services_of(table, fact.user_id))
            [sent] = [sent for sent in self.invalid if sent.message_id == message_id]
            copies = [letter for letter in dead_letters.messages() if origin(letter) == message_id]
            return bool(copies) and all(same_message(copy, sent) for copy in copies)

        return [message_id for message_id in message_ids if not is_safe(message_id)]

    def expected(self) -> dict[str, list[dict[str, str]]]:
        """The services of every user, newest first: the newest login of each service, whatever the order of arrival."""
        newest: dict[str, dict[str, Fact]] = {}
        for fact in self.facts.values():
            services = newest.setdefault(fact.user_id, {})
            rivals = fact, services.get(fact.service_id, fact)
            services[fact.service_id] = max(rivals, key=lambda rival: rival.rank)
        return {user_id: stored_services(services.values()) for user_id, services in newest.items()}


def stored_services(facts: Any) -> list[dict[str, str]]:
    by_id = sorted(facts, key=lambda fact: fact.service_id)
    return [
        {"service_id": fact.service_id, "service_name": fact.service_name, "last_accessed": text_of(fact.instant)}
        for fact in sorted(by_id, key=lambda fact: fact.instant, reverse=True)
    ]


@functools.lru_cache(maxsize=1000)
def _services(text: str) -> list[dict[str, str]]:
    return services_in(json.loads(text))


def services_of(table: TableModel, user_id: str) -> list[dict[str, str]]:
    """The stored services of a user."""
    return _services(table.text_of(user_id))


def same_message(found: Sent, sent: Sent) -> bool:
    """Whether a dead letter is the message that was sent, with our attributes added."""
    own = {name: found.attributes.get(name) for name in sent.attributes}
    return (found.body, own, found.trace_header) == (sent.body, sent.attributes, sent.trace_header)


def origin(sent: Sent) -> str:
    """The ID a dead letter had in the source queue."""
    named = sent.attributes.get("source_message_id")
    return named["StringValue"] if named else sent.message_id


def text_of(instant: datetime) -> str:
    """The stored text of an instant of a workload, in whole seconds or tenths."""
    tenths = instant.microsecond // 100_000
    return instant.strftime("%Y-%m-%dT%H:%M:%S") + (f".{tenths}Z" if tenths else "Z")


def make_workload(chance: random.Random, size: int, *, users: int = 40, invalid: float = 0.04) -> Workload:
    """`size` messages: about 4 % invalid, about 5 % sent twice, a quarter from one hot user."""
    messages: list[Sent] = []
    facts: dict[str, Fact] = {}
    for index in range(size):
        message_id = f"m-{index}"
        if chance.random() < invalid:
            messages.append(bad_message(chance, message_id))
            continue
        if facts and chance.random() < 0.05:
            twin = chance.choice(list(facts))
            facts[message_id] = facts[twin]
            messages.append(good_message(chance, message_id, facts[twin]))
            continue
        # Few services, names and instants, so that many events compete and some tie.
        facts[message_id] = fact = Fact(
            f"user|{0 if chance.random() < 0.25 else chance.randrange(users)}",
            f"s-{chance.randrange(6)}",
            EPOCH - timedelta(seconds=chance.randrange(1, 60), milliseconds=chance.choice((0, 0, 0, 500))),
            chance.choice(_NAMES),
        )
        messages.append(good_message(chance, message_id, fact))
    return Workload(tuple(messages), facts)


def good_message(chance: random.Random, message_id: str, fact: Fact) -> Sent:
    local = fact.instant.astimezone(timezone(timedelta(minutes=chance.choice(_OFFSETS))))
    fields = login(fact.user_id, fact.service_id, fact.service_name, local.isoformat())
    return Sent(message_id=message_id, body=json.dumps(fields))


def bad_message(chance: random.Random, message_id: str) -> Sent:
    """An invalid message with attributes, a trace, and bytes that must arrive unchanged."""
    body = chance.choice(
        (
            "not json",
            '{"user_id":\t"u" ',
            " [1,\r\n2] ",
            '{"user_id": "a", "user_id": "a"}',
            "\u00e9\U0001f4ec\u2028 \\u0000",
            json.dumps(login("")),
            json.dumps(login() | {"service_id": 7}),
            json.dumps(login(service_name="x" * 257), indent=2),
            json.dumps(login(timestamp="now")),
            json.dumps(login(timestamp="2999-01-01T00:00:00Z")),
        )
    )
    attributes = {
        "source": {"DataType": "String", "StringValue": "t\u00e9st"},
        "digest": {"DataType": "Binary.raw", "BinaryValue": chance.randbytes(8)},
    }
    return Sent(message_id=message_id, body=body, attributes=attributes, trace_header=TRACE)
