"""The grammar of queries: commands, separated by |. What is not understood is an error that says where it is.

    fields, display   column ("," column)*              column   value ["as" name]
    filter            condition
    stats             column ("," column)* ["by" column ("," column)*]
    sort              value ["asc" | "desc"] ("," value ["asc" | "desc"])*
    limit             number
    parse             [value] (text "as" name ("," name)* | regex)
    dedup             field ("," field)*

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

from collections.abc import Callable, Sequence

from localcloud.insights import regexes
from localcloud.insights.expressions import RESERVED, Expressions, field_of
from localcloud.insights.syntax import (
    Aggregates,
    Clock,
    Column,
    Command,
    Dedup,
    Expression,
    Field,
    Fields,
    Filter,
    Limit,
    Order,
    Parse,
    QueryError,
    Sort,
    Stats,
)
from localcloud.insights.tokens import Kind, Tokens, parts_of, text_in_quotes
from localcloud.insights.values import text_of

LENGTH_MAX = 10_000
LIMIT_MAX = 10_000
STATS_MAX = 2
MESSAGE = Field("@message", ("@message",))


def parse_query(text: str, clock: Clock) -> tuple[Command, ...]:
    """The commands of a query, or QueryError."""
    if len(text) > LENGTH_MAX:
        raise QueryError(f"A query has at most {LENGTH_MAX} characters.", LENGTH_MAX, len(text))
    return _Parser(text, clock).commands()


def parse_condition(text: str, clock: Clock) -> Expression:
    """A condition alone, as of filter, or QueryError."""
    if len(text) > LENGTH_MAX:
        raise QueryError(f"A condition has at most {LENGTH_MAX} characters.", LENGTH_MAX, len(text))
    tokens = Tokens(text)
    found = Expressions(tokens, clock).condition()
    if tokens.here.kind is not Kind.END:
        raise tokens.wrong("the end")
    return found


class _Parser:
    def __init__(self, text: str, clock: Clock) -> None:
        self._tokens = Tokens(text)
        self._expressions = Expressions(self._tokens, clock)
        self._commands: dict[str, Callable[[], Command]] = {
            "fields": lambda: Fields(self._columns(), only=False),
            "display": lambda: Fields(self._columns(), only=True),
            "filter": lambda: Filter(self._expressions.condition()),
            "stats": self._stats,
            "sort": self._sort,
            "limit": self._limit,
            "parse": self._parse,
            "dedup": lambda: Dedup(self._columns()),
        }

    def commands(self) -> tuple[Command, ...]:
        found: list[Command] = [self._command(found=())]
        while self._expressions.takes("|"):
            found.append(self._command(found))
        if self._tokens.here.kind is not Kind.END:
            raise self._tokens.wrong("| or the end")
        return tuple(found)

    def _command(self, found: Sequence[Command]) -> Command:
        name = self._tokens.here
        read = self._commands.get(name.text.lower()) if name.kind is Kind.NAME else None
        if read is None:
            raise self._tokens.wrong(f"a command ({', '.join(self._commands)})")
        self._tokens.take()
        command = read()
        where = f"at character {name.start + 1}"
        if any(isinstance(earlier, Dedup) for earlier in found) and not isinstance(command, Limit):
            raise QueryError(f"After dedup there can only be limit, not {name.text} {where}.", name.start, name.end)
        if isinstance(command, Stats) and sum(isinstance(earlier, Stats) for earlier in found) == STATS_MAX:
            raise QueryError(f"A query has at most {STATS_MAX} stats, not another {where}.", name.start, name.end)
        return command

    def _columns(self) -> tuple[Column, ...]:
        columns = [self._column(self._expressions.value)]
        while self._expressions.takes(","):
            columns.append(self._column(self._expressions.value))
        return tuple(columns)

    def _column(self, read: Callable[[], Expression]) -> Column:
        start = self._tokens.here.start
        expression = read()
        text = self._tokens.query[start : self._tokens.last_end]
        if self._tokens.here.says("as"):
            self._tokens.take()
            return Column(self._name(), expression)
        return Column(expression.name if isinstance(expression, Field) else text, expression)

    def _name(self) -> str:
        here = self._tokens.here
        if here.kind is not Kind.NAME or here.text.lower() in RESERVED or "[" in here.text:
            raise self._tokens.wrong("a name")
        return ".".join(parts_of(self._tokens.take().text))

    def _stats(self) -> Command:
        columns: list[Column] = []
        aggregates = Aggregates()

        def read() -> Expression:
            begin, before = self._tokens.here, len(aggregates.found)
            expression = self._expressions.with_aggregates(aggregates)
            if len(aggregates.found) == before:
                sentence = f"Expected an aggregate such as count(*) at character {begin.start + 1}."
                raise QueryError(sentence, begin.start, begin.end)
            return expression

        columns.append(self._column(read))
        while self._expressions.takes(","):
            columns.append(self._column(read))
        groups: tuple[Column, ...] = ()
        if self._tokens.here.says("by"):
            self._tokens.take()
            groups = self._columns()
        return Stats(tuple(columns), groups, tuple(aggregates.found))

    def _sort(self) -> Command:
        orders = [self._order()]
        while self._expressions.takes(","):
            orders.append(self._order())
        return Sort(tuple(orders))

    def _order(self) -> Order:
        expression = self._expressions.value()
        descending = self._tokens.here.says("desc")
        if descending or self._tokens.here.says("asc"):
            self._tokens.take()
        return Order(expression, descending)

    def _limit(self) -> Command:
        here = self._tokens.here
        if here.kind is not Kind.NUMBER or not here.text.isdigit() or not 1 <= int(here.text) <= LIMIT_MAX:
            raise self._tokens.wrong(f"a number from 1 to {LIMIT_MAX}")
        self._tokens.take()
        return Limit(int(here.text))

    def _parse(self) -> Command:
        source: Expression = MESSAGE
        if self._tokens.here.kind is Kind.NAME:
            source = field_of(self._tokens.take())
        start = self._tokens.here.start
        if found := self._tokens.regex():
            return self._parse_regex(source, *found)
        if self._tokens.here.kind is not Kind.TEXT:
            raise self._tokens.wrong("a text with * in quotes, or a regular expression with named groups")
        pattern = text_in_quotes(self._tokens.take())
        if not self._tokens.here.says("as"):
            raise self._tokens.wrong("as")
        self._tokens.take()
        names = [self._name()]
        while self._expressions.takes(","):
            names.append(self._name())
        if len(names) != pattern.count("*"):
            raise QueryError(
                f"The pattern at character {start + 1} has {pattern.count('*')} *, for {len(names)} names.",
                start,
                self._tokens.last_end,
            )
        search = regexes.glob(pattern).search
        return Parse(source, tuple(names), lambda text: (found := search(text)) and found.groups(), text_of)

    def _parse_regex(self, source: Expression, text: str, start: int, end: int) -> Command:
        try:
            expression = regexes.compiled(text)
        except regexes.RegexError as error:
            raise QueryError(f"The regular expression at character {start + 1}: {error}.", start, end) from None
        names = tuple(expression.groupindex)
        if not names:
            sentence = f"The regular expression at character {start + 1} has no named group such as (?<name>\\d+)."
            raise QueryError(sentence, start, end)
        return Parse(
            source, names, lambda text: (found := expression.search(text)) and [found[name] for name in names], text_of
        )
