"""The stored shape of a record: written in exactly one form, read as far as it can be, sized as DynamoDB sizes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from handlers.logins import ServiceRecord, UserRecord, format_instant, parse_instant

KEY: Final = "user_id"
SERVICES: Final = "services"
ITEM_BYTES_MAX: Final = 400 * 1024

# A value in DynamoDB's own notation, {"S": "text"}: what the low-level client takes and gives.
AttributeValue = Mapping[str, Any]

# Names count, and every list, map and element of one has a fixed price.
_ITEM_OVERHEAD: Final = len(KEY) + len(SERVICES) + 3
_SERVICE_OVERHEAD: Final = 1 + 3 + 3 * 1 + len("service_id") + len("service_name") + len("last_accessed")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """What the table holds of one user, beside what could be understood of it.

    `services` is the attribute exactly as it is stored, for the condition of the next write; None if there is none.
    `unreadable` holds the parts that are not service records (an old writer, a hand edit): they are written back
    untouched, because somebody may still mend them.
    """

    record: UserRecord
    services: AttributeValue | None = None
    unreadable: tuple[AttributeValue, ...] = ()

    @property
    def malformed(self) -> bool:
        """Whether the table holds something else than this code writes."""
        entries = (self.services or {"L": []}).get("L")
        return entries is None or len(entries) != len(self.record.services)

    @classmethod
    def of(cls, user_id: str, item: Mapping[str, AttributeValue] | None) -> "StoredRecord":
        """The record in a stored item, or an empty one for no item; never an exception, whatever is in it."""
        services = (item or {}).get(SERVICES)
        if services is None:
            return cls(record=UserRecord(user_id=user_id))
        entries = services.get("L")
        if not isinstance(entries, list):
            return cls(record=UserRecord(user_id=user_id), services=services, unreadable=(services,))
        read = [(entry, _read_service(entry)) for entry in entries]
        return cls(
            record=UserRecord.of(user_id, (service for _, service in read if service is not None)),
            services=services,
            unreadable=tuple(entry for entry, service in read if service is None),
        )

    def services_with(self, record: UserRecord) -> AttributeValue:
        """The attribute to store when `record` replaces what was read."""
        return {"L": [*map(_write_service, record.services), *self.unreadable]}

    def bytes_with(self, record: UserRecord) -> int:
        """The size of the item when `record` replaces what was read, by DynamoDB's published rules."""
        size = _ITEM_OVERHEAD + len(record.user_id.encode()) + sum(map(service_bytes, record.services))
        # The JSON notation of a value is longer than what DynamoDB counts for it: on the safe side.
        return size + sum(len(json.dumps(value, default=str)) for value in self.unreadable)


def service_bytes(service: ServiceRecord) -> int:
    """What one service adds to the size of its item."""
    texts = service.service_id, service.service_name, format_instant(service.last_accessed)
    return _SERVICE_OVERHEAD + sum(len(text.encode()) for text in texts)


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
