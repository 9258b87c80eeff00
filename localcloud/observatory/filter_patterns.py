"""JSON filter patterns of CloudWatch Logs: a grammar, and whether a line matches.

    pattern    "{" any "}"
    any        all ("||" all)*
    all        one ("&&" one)*
    one        "(" any ")" | selector (operator value | "IS" ("NULL" | "TRUE" | "FALSE") | "NOT" "EXISTS")
    selector   "$" ("." name | "[" number "]")+
    operator   "=" | "!=" | "<" | "<=" | ">" | ">="
    value      number | text, with or without quotes, with "*" at an end or both | "%" regular expression "%"

A text is compared with texts and a number with numbers; only a lone "*" matches both. A condition on a member that is
missing, an object or a list does not hold, whatever its operator. Patterns of words or of columns are not supported.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import functools
import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Condition = Callable[[Mapping[str, Any]], bool]
EXPRESSIONS_MAX = 2
DEPTH_MAX = 50
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<selector>\$(?:\.[A-Za-z0-9_-]+|\[\d+\])*)
    | (?P<operator><=|>=|!=|=|<|>)
    | (?P<joint>&&|\|\||[(){}])
    | (?P<quoted>"(?:[^"\\]|\\.)*")
    | (?P<expression>%[^%]*%)
    | (?P<word>[A-Za-z0-9_.*+:/-]+)
    | (?P<end>$)
    )""",
    re.VERBOSE,
)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", re.IGNORECASE)
_ALLOWED = re.compile(r"""[A-Za-z0-9:_#=@/;,\-^$?\[\]{}|\\*+.]*""", re.ASCII)
_MISSING = object()


class FilterError(ValueError):
    """A pattern that CloudWatch would reject, or that is not supported here."""


@functools.lru_cache(maxsize=256)
def parse_pattern(text: str) -> Condition:
    """Whether a line matches, as a function of its JSON object; FilterError names what is wrong and where."""
    return _Parser(text).pattern()


def selected(document: Any, selector: str) -> Any:
    """The member that a selector names, or None."""
    found = _member(document, _path(selector))
    return None if found is _MISSING else found


class _Parser:
    def __init__(self, text: str) -> None:
        if not text.lstrip().startswith("{"):
            raise FilterError(f"Only JSON patterns are supported, which begin with {{: {text}")
        self._text, self._expressions, self._depth = text, 0, 0
        self._at = 0
        self._next()

    def pattern(self) -> Condition:
        self._expect("{")
        condition = self._any()
        self._expect("}")
        if self._kind != "end":
            raise self._wrong("the end of the pattern")
        return condition

    def _next(self) -> None:
        self._begin = self._at
        found = _TOKEN.match(self._text, self._at)
        if not found:
            raise self._wrong("a selector, an operator or a value")
        self._kind, self._word = str(found.lastgroup), found[str(found.lastgroup)]
        self._begin, self._at = found.start(self._kind), found.end()

    def _wrong(self, expected: str) -> FilterError:
        there = self._text[self._begin :].strip()[:20] or "the end"
        return FilterError(f"Expected {expected} at character {self._begin + 1}, found {there}: {self._text}")

    def _expect(self, joint: str) -> None:
        if self._word != joint or self._kind != "joint":
            raise self._wrong(joint)
        self._next()

    def _takes(self, joint: str) -> bool:
        if self._kind != "joint" or self._word != joint:
            return False
        self._next()
        return True

    def _any(self) -> Condition:
        conditions = [self._all()]
        while self._takes("||"):
            conditions.append(self._all())
        return lambda document: any(holds(document) for holds in conditions)

    def _all(self) -> Condition:
        conditions = [self._one()]
        while self._takes("&&"):
            conditions.append(self._one())
        return lambda document: all(holds(document) for holds in conditions)

    def _one(self) -> Condition:
        if self._takes("("):
            self._depth += 1
            if self._depth > DEPTH_MAX:
                raise FilterError(f"A pattern has at most {DEPTH_MAX} parentheses within each other: {self._text}")
            condition = self._any()
            self._expect(")")
            self._depth -= 1
            return condition
        if self._kind != "selector" or self._word == "$":
            raise self._wrong("a selector such as $.name")
        path = _path(self._word)
        self._next()
        if self._kind == "word":
            return self._state(path)
        if self._kind != "operator":
            raise self._wrong("an operator")
        symbol = self._word
        self._next()
        holds = self._comparison(symbol)
        self._next()
        return lambda document: holds(_member(document, path))

    def _state(self, path: tuple[str | int, ...]) -> Condition:
        words = self._word
        self._next()
        words += f" {self._word}"
        wanted = {"IS NULL": None, "IS TRUE": True, "IS FALSE": False, "NOT EXISTS": _MISSING}
        if self._kind != "word" or words not in wanted:
            raise self._wrong("IS NULL, IS TRUE, IS FALSE or NOT EXISTS")
        self._next()
        return lambda document: _member(document, path) is wanted[words]

    def _comparison(self, symbol: str) -> Callable[[Any], bool]:
        """Whether the value at which the parser stands compares to a member."""
        if self._kind == "word" and _NUMBER.fullmatch(self._word):
            return functools.partial(_compares_number, _OPERATORS[symbol], float(self._word))
        if self._kind not in ("word", "quoted", "expression"):
            raise self._wrong("a value")
        if symbol not in ("=", "!="):
            raise self._wrong(f"a number after {symbol}")
        wanted = symbol == "="
        matches = self._expression() if self._kind == "expression" else self._matches_text()
        return lambda found: matches(found) is wanted and _is_value(found)

    def _matches_text(self) -> Callable[[Any], bool]:
        text = self._word
        if self._kind == "quoted":
            try:
                text = json.loads(text)
            except ValueError:
                raise self._wrong("a text in quotes") from None
        if text == "*":
            return _is_value
        begins, ends = text.endswith("*"), text.startswith("*")
        term = text[1 if ends else 0 : -1 if begins else None]

        def matches(found: Any) -> bool:
            if not isinstance(found, str):
                return False
            if begins and ends:
                return term in found
            if begins:
                return found.startswith(term)
            return found.endswith(term) if ends else found == term

        return lambda found: matches(found)

    def _expression(self) -> Callable[[Any], bool]:
        self._expressions += 1
        if self._expressions > EXPRESSIONS_MAX:
            raise FilterError(f"A pattern has at most {EXPRESSIONS_MAX} regular expressions: {self._text}")
        text = self._word[1:-1]
        if not text or not _ALLOWED.fullmatch(text):
            raise self._wrong("a regular expression of letters, digits, :_#=@/;,- and ^$?[]{}|\\*+.")
        try:
            compiled = re.compile(text, re.ASCII)
        except re.error:
            raise self._wrong("a regular expression") from None
        return lambda found: isinstance(found, str) and compiled.search(found) is not None


def _compares_number(compare: Callable[[Any, Any], bool], wanted: float, found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and compare(found, wanted)


def _is_value(found: Any) -> bool:
    return isinstance(found, str | int | float)


def _path(selector: str) -> tuple[str | int, ...]:
    if not re.fullmatch(r"\$(\.[A-Za-z0-9_-]+|\[\d+\])+", selector):
        raise FilterError(f"{selector} is not a selector such as $.name or $.list[0].name")
    parts = re.findall(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]", selector)
    return tuple(name or int(number) for name, number in parts)


def _member(document: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        if isinstance(part, int):
            document = document[part] if isinstance(document, list) and part < len(document) else _MISSING
        else:
            document = document.get(part, _MISSING) if isinstance(document, dict) else _MISSING
    return document
