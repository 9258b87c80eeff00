"""Runs a query over log lines."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from localcloud.insights.parser import LIMIT_MAX
from localcloud.insights.records import LogRecord, Row
from localcloud.insights.syntax import Column, Command, Dedup, Fields, Filter, Limit, Parse, Sort, Stats
from localcloud.insights.values import Value, is_true, sort_key, text_of

ROWS_BETWEEN_LOOKS = 1_000
DEFAULT = ("@timestamp", "@message")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a query returns: for each row, the columns that have a value."""

    rows: tuple[tuple[tuple[str, str], ...], ...]
    matched: int
    """Lines that passed every filter; also those that no row shows."""
    scanned: int
    bytes_scanned: int


class StoppedError(Exception):
    """A query was stopped, or took too long."""


def run(
    commands: Sequence[Command],
    records: Iterable[LogRecord],
    *,
    limit: int = LIMIT_MAX,
    is_stopped: Callable[[], bool] = lambda: False,
) -> Result:
    """The result over these lines, in any order; StoppedError as soon as that is noticed."""
    newest_first = sorted(records, key=lambda record: record.at)[::-1]
    query = _Run([Row(record) for record in newest_first], is_stopped)
    for command in commands:
        query.apply(command)
    rows = tuple(query.shown(row) for row in query.rows[:limit])
    size = sum(len(record.message.encode()) for record in newest_first)
    return Result(rows=rows, matched=query.matched, scanned=len(newest_first), bytes_scanned=size)


class _Run:
    def __init__(self, rows: list[Row], is_stopped: Callable[[], bool]) -> None:
        self.rows = rows
        self.matched = len(rows)
        self._is_stopped = is_stopped
        self._columns: list[Column] = []
        """What fields and display show."""
        self._parsed: list[str] = []
        self._of_groups: list[str] | None = None
        """The columns of stats, once there are groups instead of lines."""

    def apply(self, command: Command) -> None:
        match command:
            case Fields():
                self._fields(command)
            case Filter():
                self.rows = [row for row in self._looking() if is_true(command.condition.value(row))]
                if self._of_groups is None:
                    self.matched = len(self.rows)
            case Stats():
                self._stats(command)
            case Sort():
                # The last order first, because a sort keeps what is equal in its order.
                for order in reversed(command.orders):
                    keys = {id(row): sort_key(order.expression.value(row)) for row in self._looking()}
                    self.rows = sorted(self.rows, key=lambda row: keys[id(row)], reverse=order.descending)
            case Limit():
                self.rows = self.rows[: command.count]
            case Parse():
                self._parse(command)
            case Dedup():
                self._dedup(command)

    def shown(self, row: Row) -> tuple[tuple[str, str], ...]:
        """The columns of a row that have a value."""
        values: dict[str, Value] = {}
        if self._columns:
            values = {column.name: self._value(column, row) for column in self._columns}
            values |= {name: row.made.get(name) for name in self._parsed}
        elif self._of_groups is not None:
            values = {name: row.made.get(name) for name in self._of_groups}
        else:
            values = {name: row.value(name, (name,)) for name in DEFAULT}
            values |= {name: row.made.get(name) for name in self._parsed}
        if row.record:
            values["@ptr"] = row.record.pointer
        return tuple((name, text_of(value)) for name, value in values.items() if value is not None)

    def _value(self, column: Column, row: Row) -> Value:
        return row.made[column.name] if column.name in row.made else column.expression.value(row)

    def _looking(self) -> Iterable[Row]:
        for number, row in enumerate(self.rows):
            if number % ROWS_BETWEEN_LOOKS == 0 and self._is_stopped():
                raise StoppedError
            yield row

    def _fields(self, command: Fields) -> None:
        for row in self._looking():
            # All from the fields before: a column does not see the others of its command.
            row.made |= {column.name: column.expression.value(row) for column in command.columns}
        names = {column.name for column in command.columns}
        if command.only:
            self._columns, self._parsed = list(command.columns), []
        else:
            self._columns = [column for column in self._columns if column.name not in names] + list(command.columns)
        self._parsed = [name for name in self._parsed if name not in names]

    def _stats(self, command: Stats) -> None:
        groups: dict[tuple[str | None, ...], tuple[list[Value], list[Row]]] = {}
        for row in self._looking():
            values = [column.expression.value(row) for column in command.groups]
            key = tuple(None if value is None else text_of(value) for value in values)
            groups.setdefault(key, (values, []))[1].append(row)
        if not command.groups and not groups:
            groups[()] = ([], [])  # the number of no lines is 0
        self.rows = []
        for values, rows in groups.values():
            made = dict(zip((column.name for column in command.groups), values, strict=True))
            group = Row(None, made, tuple(aggregate.of(rows) for aggregate in command.aggregates))
            group.made |= {column.name: column.expression.value(group) for column in command.columns}
            self.rows.append(group)
        self._columns, self._parsed = [], []
        self._of_groups = [column.name for column in (*command.groups, *command.columns)]

    def _parse(self, command: Parse) -> None:
        for row in self._looking():
            source = command.source.value(row)
            found = None if source is None else command.groups(command.text(source))
            row.made |= dict(zip(command.names, found or [None] * len(command.names), strict=True))
        names = [column.name for column in self._columns]
        self._parsed += [name for name in command.names if name not in (*names, *self._parsed)]

    def _dedup(self, command: Dedup) -> None:
        seen: set[tuple[str, ...]] = set()
        kept = []
        for row in self._looking():
            values = [column.expression.value(row) for column in command.columns]
            key = tuple(map(text_of, values))
            if None in values or key not in seen:
                kept.append(row)
                seen.add(key)
        self.rows = kept
