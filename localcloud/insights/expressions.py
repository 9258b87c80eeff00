"""The part of the grammar for values and conditions.

condition   and ("or" and)*
and         not ("and" not)*
not         "not" not | comparison
comparison  sum (("=" | "!=" | "<" | "<=" | ">" | ">=") sum | ["not"] "in" "[" sum ("," sum)* "]"
                 | ["not"] "like" (text | regex) | "=~" (text | regex))?
sum         product (("+" | "-") product)*
product     power (("*" | "/" | "%") power)*
power       unary ("^" power)?
unary       "-" unary | value
value       number | text | "true" | "false" | function "(" arguments ")" | field | "(" condition ")"
"""

from collections.abc import Callable

from localcloud.insights import regexes
from localcloud.insights.aggregates import AGGREGATES, PERCENTILES, percentile
from localcloud.insights.functions import FUNCTIONS, MILLISECONDS
from localcloud.insights.syntax import (
    Aggregate,
    Aggregates,
    Arithmetic,
    Call,
    Clock,
    Comparison,
    Expression,
    Field,
    Like,
    Literal,
    Logical,
    OneOf,
    QueryError,
)
from localcloud.insights.tokens import Kind, Token, Tokens, parts_of, text_in_quotes
from localcloud.insights.values import Timestamp, number_of, text_of

DEPTH_MAX = 60
TIMESTAMP = Field("@timestamp", ("@timestamp",))
RESERVED = frozenset({"and", "or", "not", "in", "like", "as", "by", "asc", "desc"})


class Expressions:
    """Reads values and conditions."""

    def __init__(self, tokens: Tokens, clock: Clock) -> None:
        self.tokens = tokens
        self._clock = clock
        self._depth = 0
        self._aggregates: Aggregates | None = None

    def with_aggregates(self, aggregates: Aggregates) -> Expression:
        """A value of a group; its aggregates are added to the others. Fields count within aggregates only."""
        self._aggregates = aggregates
        try:
            return self.value()
        finally:
            self._aggregates = None

    def condition(self) -> Expression:
        """A condition, or any other value."""
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise QueryError("The query is nested too deeply.", self.tokens.here.start, self.tokens.here.end)
        found = self._joined("or", lambda: self._joined("and", self._not))
        self._depth -= 1
        return found

    value = condition

    def _joined(self, word: str, part: Callable[[], Expression]) -> Expression:
        conditions = [part()]
        while self.tokens.here.says(word):
            self.tokens.take()
            conditions.append(part())
        return Logical(word, tuple(conditions)) if len(conditions) > 1 else conditions[0]

    def _not(self) -> Expression:
        count = 0
        while self.tokens.here.says("not"):
            self.tokens.take()
            count += 1
        found = self._comparison()
        if not count:
            return found
        negated = Logical("not", (found,))
        return negated if count % 2 else Logical("not", (negated,))

    def _comparison(self) -> Expression:
        left = self._sum()
        here = self.tokens.here
        if here.says("=", "!=", "<", "<=", ">", ">="):
            self.tokens.take()
            return Comparison(here.text, left, self._sum())
        if here.says("=~"):
            self.tokens.take()
            return self._like(left)
        negated = here.says("not")
        if negated:
            self.tokens.take()
        if self.tokens.here.says("like"):
            self.tokens.take()
            found = self._like(left)
        elif self.tokens.here.says("in"):
            self.tokens.take()
            found = OneOf(left, self._list())
        elif negated:
            raise self.tokens.wrong("like or in")
        else:
            return left
        return Logical("not", (found,)) if negated else found

    def _list(self) -> tuple[Expression, ...]:
        self.expect("[")
        options = [self._sum()]
        while self.takes(","):
            options.append(self._sum())
        self.expect("]")
        return tuple(options)

    def _like(self, left: Expression) -> Expression:
        if found := self.tokens.regex():
            text, start, end = found
            try:
                search = regexes.compiled(text).search
            except regexes.RegexError as error:
                raise QueryError(f"The regular expression at character {start + 1}: {error}.", start, end) from None
            return Like(left, lambda text: search(text) is not None, text_of)
        if self.tokens.here.kind is not Kind.TEXT:
            raise self.tokens.wrong("a text in quotes or a regular expression between slashes")
        part = text_in_quotes(self.tokens.take())
        return Like(left, lambda text: part in text, text_of)

    def _sum(self) -> Expression:
        found = self._product()
        while self.tokens.here.says("+", "-"):
            symbol = self.tokens.take().text
            found = Arithmetic(symbol, found, self._product())
        return found

    def _product(self) -> Expression:
        found = self._power()
        while self.tokens.here.says("*", "/", "%"):
            symbol = self.tokens.take().text
            found = Arithmetic(symbol, found, self._power())
        return found

    def _power(self) -> Expression:
        base = self._unary()
        if not self.takes("^"):
            return base
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise QueryError("The query is nested too deeply.", self.tokens.here.start, self.tokens.here.end)
        found = Arithmetic("^", base, self._power())
        self._depth -= 1
        return found

    def _unary(self) -> Expression:
        count = 0
        while self.takes("-"):
            count += 1
        found = self._value()
        return Arithmetic("-", Literal(0), found) if count % 2 else found

    def _value(self) -> Expression:
        here = self.tokens.here
        match here.kind:  # pyrefly: ignore[non-exhaustive-match] - no other kind begins a value
            case Kind.NUMBER:
                return Literal(number_of(self.tokens.take().text))
            case Kind.TEXT:
                return Literal(text_in_quotes(self.tokens.take()))
            case Kind.NAME if here.text.lower() not in RESERVED:
                return self._named(self.tokens.take())
        if self.takes("("):
            found = self.condition()
            self.expect(")")
            return found
        raise self.tokens.wrong("a value")

    def _named(self, name: Token) -> Expression:
        if self.tokens.here.says("(") and "`" not in name.text:
            return self._call(name)
        if name.text.lower() in ("true", "false"):
            return Literal(name.text.lower() == "true")
        if self._aggregates is not None and not self._aggregates.inside:
            sentence = (
                f"{name.text} at character {name.start + 1} must be within an aggregate such as max({name.text})."
            )
            raise QueryError(sentence, name.start, name.end)
        return field_of(name)

    def _call(self, name: Token) -> Expression:
        word = name.text.lower()
        if word in AGGREGATES or word in PERCENTILES:
            return self._aggregate(name)
        self.expect("(")
        if found := self._time(name, word):
            return found
        function = FUNCTIONS.get(word)
        if function is None:
            raise QueryError(
                f"There is no function {name.text}, or it is not supported here (character {name.start + 1}).",
                name.start,
                name.end,
            )
        arguments: list[Expression] = []
        while not self.tokens.here.says(")"):
            if arguments:
                self.expect(",")
            arguments.append(self.period() if len(arguments) == function.period_at else self.condition())
        self.expect(")")
        if not function.least <= len(arguments) <= function.most:
            counts = " to ".join(str(count) for count in sorted({function.least, function.most}))
            sentence = f"{name.text} at character {name.start + 1} takes {counts} arguments, not {len(arguments)}."
            raise QueryError(sentence, name.start, self.tokens.last_end)
        return Call(function.call, tuple(arguments))

    def _time(self, name: Token, word: str) -> Expression | None:
        """The functions that depend on when the query runs, and over which times; the bracket is taken."""
        values = {
            "now": self._clock.now // 1000,
            "querystarttime": Timestamp(self._clock.start),
            "queryendtime": Timestamp(self._clock.end),
            "querytimerange": self._clock.end - self._clock.start,
        }
        if word == "bin":
            period = self.period()
            self.expect(")")
            return Call(FUNCTIONS["datefloor"].call, (TIMESTAMP, period))
        if word in values:
            self.expect(")")
            return Literal(values[word])
        return None

    def period(self) -> Expression:
        """A period such as 5m, in milliseconds."""
        here = self.tokens.here
        unit = here.text.lstrip("0123456789").lower()
        count = here.text[: len(here.text) - len(unit)]
        if here.kind is not Kind.PERIOD or unit not in MILLISECONDS or not int(count):
            raise self.tokens.wrong("a period such as 30s, 5m, 1h or 1d")
        self.tokens.take()
        return Literal(int(count) * MILLISECONDS[unit])

    def _aggregate(self, name: Token) -> Expression:
        if self._aggregates is None or self._aggregates.inside:
            sentence = f"{name.text} at character {name.start + 1} can only be used in stats, and not within another."
            raise QueryError(sentence, name.start, name.end)
        self.expect("(")
        word, argument = name.text.lower(), None
        self._aggregates.inside = True
        if self.tokens.here.says("*", ")"):
            if word != "count":
                raise self.tokens.wrong("a value")
            self.takes("*")
        else:
            argument = self.condition()
        function = AGGREGATES[word] if word in AGGREGATES else percentile(self._percent())
        self._aggregates.inside = False
        self.expect(")")
        found = Aggregate(function, argument, len(self._aggregates.found))
        self._aggregates.found.append(found)
        return found

    def _percent(self) -> float:
        self.expect(",")
        percent = number_of(self.tokens.here.text) if self.tokens.here.kind is Kind.NUMBER else None
        if percent is None or not 0 <= percent <= 100:
            raise self.tokens.wrong("a number from 0 to 100")
        self.tokens.take()
        return percent

    def expect(self, symbol: str) -> None:
        """Take a symbol; QueryError if another is there."""
        if not self.takes(symbol):
            raise self.tokens.wrong(symbol)

    def takes(self, symbol: str) -> bool:
        """Take a symbol, if it is there."""
        if not self.tokens.here.says(symbol):
            return False
        self.tokens.take()
        return True


def field_of(name: Token) -> Field:
    """The field that a token names."""
    parts = parts_of(name.text)
    return Field(".".join(parts), parts)
