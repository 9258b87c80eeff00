"""Designs with one defect each. The simulation must fail every design."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handlers.clients import RemainingSeconds
from handlers.logins import LoginEvent, ServiceRecord, UserRecord
from handlers.quarantine import Quarantine
from handlers.store import Change, ReadOutcome, UserRecordStore, WriteOutcome
from handlers.stored import AttributeValue, StoredRecord
from tests.fakes.aws import TABLE, entry, key


class GetThenPut:
    """Gets the item, changes it and puts it, message by message, and acknowledges failures."""

    appends = False

    def __init__(self, dynamodb: Any) -> None:
        self._dynamodb = dynamodb

    def handle(self, event: Mapping[str, Any], context: Any) -> None:
        for record in event["Records"]:
            try:
                self._store(json.loads(record["body"]))
            except Exception:  # noqa: BLE001 - the defect
                continue

    def _store(self, login: dict[str, str]) -> None:
        user = key(login["user_id"])
        item: Any = self._dynamodb.get_item(TableName=TABLE, Key=user).get("Item") or user | {"services": {"L": []}}
        entries = item["services"]["L"]
        if not self.appends:
            entries[:] = [known for known in entries if known["M"]["service_id"]["S"] != login["service_id"]]
        entries.append(entry(login["service_id"], login["service_name"], login["timestamp"]))
        self._dynamodb.put_item(TableName=TABLE, Item=item)


class GetThenAppend(GetThenPut):
    """Adds an entry for a login in a known service instead of replacing it."""

    appends = True


class SwallowsFailures:
    """Acknowledges every message, whatever happened."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    def handle(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        try:
            self._handler.handle(event, context)
        except Exception:  # noqa: BLE001 - the defect
            return {}
        return {"batchItemFailures": []}


def last_to_arrive(record: UserRecord, events: Iterable[LoginEvent]) -> UserRecord:
    """Replaces `merge`: the last login to arrive wins."""
    services = {service.service_id: service for service in record.services}
    for event in events:
        services[event.service_id] = ServiceRecord(
            service_id=event.service_id, service_name=event.service_name, last_accessed=event.occurred_at
        )
    return UserRecord.of(record.user_id, services.values())


class BlindStore(UserRecordStore):
    """Reads, merges and overwrites, without a condition that the record is still what was read."""

    def _compare_and_set(self, stored: StoredRecord, services: AttributeValue, finish: Any = None) -> None:
        self._client.update_item(
            TableName=TABLE,
            Key=key(stored.record.user_id),
            UpdateExpression="SET services = :new",
            ExpressionAttributeValues={":new": services},
        )


class IgnoresUnprocessedKeys(UserRecordStore):
    """Skips users whose keys a read left unprocessed, and reports them as written."""

    def read(self, user_ids: Iterable[str], remaining_seconds: RemainingSeconds) -> ReadOutcome:
        ids = list(user_ids)
        wanted = {self._table_name: {"Keys": [key(user_id) for user_id in ids]}}
        left = self._client.batch_get_item(RequestItems=wanted).get("UnprocessedKeys") or {}
        self._skipped = [key["user_id"]["S"] for key in left.get(self._table_name, {"Keys": []})["Keys"]]
        return super().read([user_id for user_id in ids if user_id not in self._skipped], remaining_seconds)

    def write(self, changes: Sequence[Change], remaining_seconds: RemainingSeconds) -> dict[str, WriteOutcome]:
        return super().write(changes, remaining_seconds) | dict.fromkeys(self._skipped, WriteOutcome())


class TakesUnreadForNew(UserRecordStore):
    """Treats users that it could not read as new. Not a defect: the condition of the write catches it."""

    def read(self, user_ids: Iterable[str], remaining_seconds: RemainingSeconds) -> ReadOutcome:
        found = super().read(user_ids, remaining_seconds)
        new = {user_id: StoredRecord.of(user_id, None) for user_id in found.error_codes}
        return ReadOutcome(records={**found.records, **new}, error_codes={})


class IgnoresFailedEntries(Quarantine):
    """Treats a 200 of SendMessageBatch as the acceptance of every entry."""

    def send(self, rejections: Any, remaining_seconds: RemainingSeconds) -> dict[str, str]:
        refused = super().send(rejections, remaining_seconds)
        return {key: code for key, code in refused.items() if code not in ("InternalError", "not_accepted")}
