"""What a query consists of, and how each part has a value for a row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from localcloud.insights.records import Row
from localcloud.insights.values import Value, compare, is_true, number_of


class QueryError(ValueError):
    """A query that is not understood: what is wrong, and between which characters."""

    def __init__(self, sentence: str, start: int, end: int) -> None:
        super().__init__(sentence)
        self.sentence, self.start, self.end = sentence, start, end


class Expression(Protocol):
    """A part of a query that has a value for each row."""

    def value(self, row: Row) -> Value:
        """The value; None if there is none."""
        ...


@dataclass(frozen=True)
class Literal:
    """A number, a text or a truth value that the query names."""

    literal: Value

    def value(self, row: Row) -> Value:
        """The value, whatever the row."""
        return self.literal


@dataclass(frozen=True)
class Field:
    """A field of a row."""

    name: str
    parts: tuple[str, ...]

    def value(self, row: Row) -> Value:
        """The value of the field."""
        return row.value(self.name, self.parts)


@dataclass(frozen=True)
class Call:
    """A function of values."""

    function: Callable[..., Value]
    arguments: tuple[Expression, ...]

    def value(self, row: Row) -> Value:
        """The function's value of its arguments' values."""
        return self.function(*(argument.value(row) for argument in self.arguments))


@dataclass(frozen=True)
class Aggregate:
    """A function of all rows of a group; its value is at that place in the group's row."""

    function: Callable[[list[Value], Sequence[Row]], Value]
    argument: Expression | None
    place: int

    def value(self, row: Row) -> Value:
        """The value that was computed for the group."""
        return row.aggregates[self.place]

    def of(self, rows: Sequence[Row]) -> Value:
        """The value for a group; `count(*)` gets a value of each row."""
        argument = self.argument
        values = [True] * len(rows) if argument is None else [argument.value(row) for row in rows]
        return self.function(values, rows)


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The times that a query can ask for, in milliseconds since 1970."""

    now: int
    start: int
    end: int


@dataclass
class Aggregates:
    """The aggregates of a stats command, while it is read."""

    found: list[Aggregate] = field(default_factory=list)
    inside: bool = False


@dataclass(frozen=True)
class Comparison:
    """Two values compared."""

    symbol: str
    left: Expression
    right: Expression

    def value(self, row: Row) -> Value:
        """Whether the comparison holds."""
        return compare(self.symbol, self.left.value(row), self.right.value(row))


@dataclass(frozen=True)
class OneOf:
    """A value in a list."""

    left: Expression
    options: tuple[Expression, ...]

    def value(self, row: Row) -> Value:
        """Whether the value equals one of the list."""
        found = self.left.value(row)
        return any(compare("=", found, option.value(row)) for option in self.options)


@dataclass(frozen=True)
class Like:
    """A text that contains another, or that a regular expression matches."""

    left: Expression
    matches: Callable[[str], bool]
    text: Callable[[Value], str]

    def value(self, row: Row) -> Value:
        """Whether the text matches; a missing one does not."""
        found = self.left.value(row)
        return found is not None and self.matches(self.text(found))


@dataclass(frozen=True)
class Logical:
    """Conditions joined by `and`, `or` or `not`."""

    word: str
    conditions: tuple[Expression, ...]

    def value(self, row: Row) -> Value:
        """Whether they hold; a condition that has no value does not."""
        if self.word == "not":
            return not is_true(self.conditions[0].value(row))
        decide = all if self.word == "and" else any
        return decide(is_true(condition.value(row)) for condition in self.conditions)


@dataclass(frozen=True)
class Arithmetic:
    """Two numbers combined."""

    symbol: str
    left: Expression
    right: Expression

    def value(self, row: Row) -> Value:
        """The number; None where a side is no number, and where there is no result."""
        one, other = number_of(self.left.value(row)), number_of(self.right.value(row))
        if one is None or other is None:
            return None
        try:
            return _combined(self.symbol, one, other)
        except (ArithmeticError, ValueError):
            return None


def _combined(symbol: str, one: float, other: float) -> Value:
    match symbol:
        case "+":
            found = one + other
        case "-":
            found = one - other
        case "*":
            found = one * other
        case "/":
            found = one / other
        case "%":
            found = one - other * int(one / other)  # the sign of the dividend, as in most languages but Python
        case _:
            found = float(one) ** float(other)
    if isinstance(found, complex):
        return None
    return int(found) if isinstance(found, float) and found.is_integer() and abs(found) < 2**53 else found


@dataclass(frozen=True)
class Column:
    """An expression, and the name of its value."""

    name: str
    expression: Expression


@dataclass(frozen=True)
class Order:
    """An expression to sort by."""

    expression: Expression
    descending: bool


@dataclass(frozen=True)
class Fields:
    """Columns to compute and to show; with `only`, those and no others."""

    columns: tuple[Column, ...]
    only: bool


@dataclass(frozen=True)
class Filter:
    """A condition that rows must meet."""

    condition: Expression


@dataclass(frozen=True)
class Stats:
    """Aggregates for each group of rows."""

    columns: tuple[Column, ...]
    groups: tuple[Column, ...]
    aggregates: tuple[Aggregate, ...]


@dataclass(frozen=True)
class Sort:
    """The order of rows."""

    orders: tuple[Order, ...]


@dataclass(frozen=True)
class Limit:
    """The most rows that are kept."""

    count: int


@dataclass(frozen=True)
class Parse:
    """Fields taken from a text."""

    source: Expression
    names: tuple[str, ...]
    groups: Callable[[str], Sequence[str | None] | None]
    text: Callable[[Value], str]


@dataclass(frozen=True)
class Dedup:
    """The first row of each combination of values."""

    columns: tuple[Column, ...]


Command = Fields | Filter | Stats | Sort | Limit | Parse | Dedup
