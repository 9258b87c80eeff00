"""The records of a restored table merged into the live one by the event handler's own fold.

The fold is commutative and idempotent: nothing newer is lost, whatever arrives meanwhile, and a second run changes
nothing that the first one merged.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from handlers.logins import LoginEvent
from handlers.store import BATCH_GET_KEYS, Change, UserRecordStore
from handlers.stored import KEY, StoredRecord
from ops.errors import OperatorError, pluralize
from ops.redrive import Pace
from ops.stack import StackOutputs

# The store leaves out what no time is left for. A command has time; its attempts are limited instead.
CALL_SECONDS = 60.0
KEY_SCHEMA = [{"AttributeName": KEY, "KeyType": "HASH"}]

Item = dict[str, Any]


@dataclass(kw_only=True)
class Counts:
    """What has become of the records of the restored table so far."""

    read: int = 0
    excluded: int = 0
    damaged: int = 0
    changed: int = 0
    """Records of the live table that got logins, or would get them."""
    unchanged: int = 0
    outgrown: int = 0
    """Logins that an item has no room for."""
    failures: Counter[str] = field(default_factory=Counter)
    """Records that could not be read or written, by error code."""

    @property
    def failed(self) -> int:
        """How many records a second run has to merge."""
        return self.failures.total()


class Restore:
    """A merge of one table into the live one, by pages. After an interruption, only its page is not counted."""

    def __init__(
        self,
        outputs: StackOutputs,
        table: str,
        *,
        excluded: Collection[str],
        pace: Pace,
        on_damaged: Callable[[Item], None],
    ) -> None:
        self._dynamodb = outputs.client("dynamodb")
        self._live, self._table = outputs.table_name, table
        self._store = UserRecordStore(self._dynamodb, outputs.table_name)
        self._excluded, self._pace, self._on_damaged = frozenset(excluded), pace, on_damaged
        self.counts = Counts()

    def check(self) -> int:
        """Return about how many records the table has; raises OperatorError unless it is a copy of the live one."""
        if self._table == self._live:
            raise OperatorError(f"{self._table} is the live table. Name the table that was restored from it.")
        described = self._describe(self._table)
        if described["KeySchema"] != KEY_SCHEMA:
            raise OperatorError(f"{self._table} is not a table of user records: its key is not {KEY} alone.")
        if described["TableStatus"] != "ACTIVE":
            raise OperatorError(f"{self._table} is {described['TableStatus']}. Wait until it is ACTIVE.")
        source = described.get("RestoreSummary", {}).get("SourceTableArn")
        if source and source != self._describe(self._live)["TableArn"]:
            raise OperatorError(f"{self._table} was restored from another table: {source}.")
        return described.get("ItemCount", 0)

    def run(self, *, dry_run: bool, on_progress: Callable[[int], None]) -> None:
        """Merge every record, or count what would change; raises OperatorError when no record of a page gets through.

        A damaged record is passed to `on_damaged`, and what can be read of it is merged.
        """
        for items in self._pages():
            self._pace.wait_for(len(items))
            changes = dict(filter(None, map(self._read_item, items)))
            failed = self._merge(changes, dry_run=dry_run)
            self.counts.read += len(items)
            on_progress(self.counts.read)
            if changes and failed == len(changes):
                codes = ", ".join(sorted(self.counts.failures))
                raise OperatorError(f"No record of a page could be merged ({codes}).")

    def _pages(self) -> Iterator[Sequence[Item]]:
        request: dict[str, Any] = {"TableName": self._table, "Limit": BATCH_GET_KEYS}
        while True:
            page = self._dynamodb.scan(**request)
            yield page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _read_item(self, item: Item) -> tuple[str, tuple[LoginEvent, ...]] | None:
        user = item[KEY]["S"]
        if user in self._excluded:
            self.counts.excluded += 1
            return None
        stored = StoredRecord.of(user, item)
        if stored.is_partial:
            self.counts.damaged += 1
            self._on_damaged(item)
        return user, tuple(
            LoginEvent(
                user_id=user,
                service_id=service.service_id,
                service_name=service.service_name,
                occurred_at=service.last_accessed,
            )
            for service in stored.record.services
        )

    def _merge(self, events: dict[str, tuple[LoginEvent, ...]], *, dry_run: bool) -> int:
        """Merge the events of a page and return how many users failed."""
        read = self._store.read(events, lambda: CALL_SECONDS)
        codes = Counter(read.error_codes.values())
        changes = [Change(stored=stored, events=events[user]) for user, stored in read.records.items()]
        if dry_run:
            for change in changes:
                merged = change.stored.merged_with(change.events)
                self._count(is_changed=merged.record is not None, outgrown=len(merged.outgrown))
        else:
            for outcome in self._store.write(changes, lambda: CALL_SECONDS).values():
                if outcome.error_code:
                    codes[outcome.error_code] += 1
                else:
                    self._count(is_changed=outcome.changed > 0, outgrown=len(outcome.outgrown))
        self.counts.failures.update(codes)
        return codes.total()

    def _count(self, *, is_changed: bool, outgrown: int) -> None:
        self.counts.changed += is_changed
        self.counts.unchanged += not is_changed
        self.counts.outgrown += outgrown

    def _describe(self, table: str) -> dict[str, Any]:
        return self._dynamodb.describe_table(TableName=table)["Table"]


def describe(counts: Counts, *, dry_run: bool) -> str:
    """Return the counts as a sentence."""
    verb = "would change" if dry_run else "changed"
    parts = [
        f"{pluralize(counts.read, 'record')} read",
        f"{counts.changed} {verb}",
        f"{counts.unchanged} already complete",
        *([f"{counts.excluded} excluded"] if counts.excluded else []),
        *([f"{counts.damaged} damaged"] if counts.damaged else []),
        *([f"{counts.failed} failed"] if counts.failed else []),
    ]
    return ", ".join(parts) + "."
