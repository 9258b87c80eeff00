"""The stored form of a record: written in exactly one form, read as far as possible, sized as DynamoDB sizes it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from handlers.logins import LoginEvent, ServiceRecord, UserRecord, format_instant, merge, parse_instant

KEY: Final = "user_id"
SERVICES: Final = "services"
ITEM_BYTES_MAX: Final = 400 * 1024

# A value in DynamoDB's own notation, such as {"S": "text"}: what the low-level client takes and returns.
AttributeValue = Mapping[str, Any]

# DynamoDB counts names and values, 3 bytes for every list and map, and 1 byte for everything that one holds.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
_ITEM_OVERHEAD: Final = len(KEY) + len(SERVICES) + 3
_ENTRY_OVERHEAD: Final = 1 + 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The record after a merge, None if nothing changes, and the events that the item has no room for.

    `services` is the attribute to store, and `item_bytes` the size of the item with it.
    """

    record: UserRecord | None = None
    services: AttributeValue = field(default_factory=dict[str, Any])
    item_bytes: int = 0
    outgrown: tuple[LoginEvent, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """What the table holds about one user, and how much of it can be read.

    `services` is the attribute exactly as stored, for the condition of the next write; None if there is none.
    `unreadable` holds the parts that are not service records (an old writer, a manual edit). They are written back
    unchanged, because an engineer may still repair them.
    """

    record: UserRecord
    services: AttributeValue | None = None
    unreadable: tuple[AttributeValue, ...] = ()
    is_partial: bool = False
    """Whether logins can be missing in `record`: a part is unreadable, or there is an item without its services.

    A service that is there twice is none: the newest login is in `record`, and the next write leaves out the other.
    """

    @classmethod
    def of(cls, user_id: str, item: Mapping[str, AttributeValue] | None) -> "StoredRecord":
        """The record in a stored item, an empty record for no item; never an exception, whatever the item holds."""
        services = (item or {}).get(SERVICES)
        if services is None:
            return cls(record=UserRecord(user_id=user_id), is_partial=item is not None)
        entries = services.get("L")
        if not isinstance(entries, list):
            empty = UserRecord(user_id=user_id)
            return cls(record=empty, services=services, unreadable=(services,), is_partial=True)
        read = [(entry, _read_service(entry)) for entry in cast("list[AttributeValue]", entries)]
        unreadable = tuple(entry for entry, service in read if service is None)
        return cls(
            record=UserRecord.of(user_id, (service for _, service in read if service is not None)),
            services=services,
            unreadable=unreadable,
            is_partial=bool(unreadable),
        )

    def merged_with(self, events: Sequence[LoginEvent]) -> Merged:
        """The record with these events, as many of them as the item has room for.

        If not all of them fit, services that the record already has come first, because they hardly grow the item,
        then the newest logins.
        """
        merged = merge(self.record, events)
        if merged is None:
            return Merged()
        services = self.services_with(merged)
        item_bytes = self._bytes_of(services)
        if item_bytes <= ITEM_BYTES_MAX:
            return Merged(record=merged, services=services, item_bytes=item_bytes)
        kept = {service.service_id: service for service in self.record.services}
        room = ITEM_BYTES_MAX - self.bytes_with(self.record)
        left_out: set[str] = set()
        changed = [service for service in merged.services if kept.get(service.service_id) != service]
        for service in sorted(changed, key=lambda service: service.service_id not in kept):
            known = kept.get(service.service_id)
            growth = _entry_bytes(_write_service(service)) - (_entry_bytes(_write_service(known)) if known else 0)
            if growth <= room:
                kept[service.service_id] = service
                room -= growth
            else:
                left_out.add(service.service_id)
        outgrown = tuple(event for event in events if event.service_id in left_out)
        if len(left_out) == len(changed):
            return Merged(outgrown=outgrown)
        record = UserRecord.of(self.record.user_id, kept.values())
        services = self.services_with(record)
        return Merged(record=record, services=services, item_bytes=self._bytes_of(services), outgrown=outgrown)

    def update_to(self, services: AttributeValue) -> dict[str, Any]:
        """The parameters of an `UpdateItem` that replaces exactly what was read.

        DynamoDB compares lists by value, so the item needs no version attribute.
        """
        values = {":new": services}
        condition = "attribute_not_exists(#services)"
        if self.services is not None:
            condition = "#services = :old"
            values[":old"] = self.services
        return {
            "Key": {KEY: {"S": self.record.user_id}},
            "UpdateExpression": "SET #services = :new",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#services": SERVICES},
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def services_with(self, record: UserRecord) -> AttributeValue:
        """The attribute to store when `record` replaces what was read."""
        return {"L": [*map(_write_service, record.services), *self.unreadable]}

    def bytes_with(self, record: UserRecord) -> int:
        """The size of the item when `record` replaces what was read, by DynamoDB's published rules."""
        return self._bytes_of(self.services_with(record))

    def _bytes_of(self, services: AttributeValue) -> int:
        entries = services["L"][: len(services["L"]) - len(self.unreadable)]
        size = _ITEM_OVERHEAD + len(self.record.user_id.encode()) + sum(map(_entry_bytes, entries))
        # The JSON notation of a value is longer than the size DynamoDB counts: the sum errs on the safe side.
        return size + sum(len(json.dumps(value, default=str)) for value in self.unreadable)


def _entry_bytes(entry: AttributeValue) -> int:
    return _ENTRY_OVERHEAD + sum(1 + len(name) + len(value["S"].encode()) for name, value in entry["M"].items())


def _write_service(service: ServiceRecord) -> AttributeValue:
    return {
        "M": {
            "service_id": {"S": service.service_id},
            "service_name": {"S": service.service_name},
            "last_accessed": {"S": format_instant(service.last_accessed)},
        }
    }


def _read_service(entry: AttributeValue) -> ServiceRecord | None:
    try:
        fields = entry["M"]
        return ServiceRecord(
            service_id=fields["service_id"]["S"],
            service_name=fields["service_name"]["S"],
            last_accessed=parse_instant(fields["last_accessed"]["S"]),
        )
    except (KeyError, TypeError, ValueError):
        return None
