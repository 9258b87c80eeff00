"""Filter expressions of X-Ray: what the language has and this module does not know is an error, never ignored.

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-filters.html
Not here: root causes (`rootcause`, `json`, `first`, `last`, `index`, `coverage`, `remote`) and `message`.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.observatory.traces.joined import JoinedTrace
from localcloud.observatory.traces.subjects import BOOLEANS, NUMBERS, TEXTS, Subject, Value, of_segment, of_trace
from localcloud.observatory.traces.tokens import ExpressionError, Token, read_tokens, unquoted

LENGTH_MAX, DEPTH_MAX = 2_000, 20
Wanted = Callable[[JoinedTrace], bool]
_Check = Callable[[Subject], bool]
_ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
_WORDS: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda found, wanted: wanted in found,
    "beginswith": str.startswith,
    "endswith": str.endswith,
}


def read_filter(expression: str, groups: Mapping[str, str] | None = None) -> Wanted:
    """What the expression wants; raises ExpressionError. `groups` has the expressions of groups, by name and by ARN."""
    check = _Reader(expression, groups or {}, ()).read()
    return lambda trace: check(of_trace(trace))


class _Reader:
    """Reads one expression. `within` has the groups that refer to it, so that none refers to itself."""

    def __init__(self, expression: str, groups: Mapping[str, str], within: tuple[str, ...]) -> None:
        if len(expression) > LENGTH_MAX:
            raise ExpressionError(f"The filter expression is longer than {LENGTH_MAX} characters.")
        self._tokens, self._at, self._depth = read_tokens(expression), 0, 0
        self._groups, self._within = groups, within
        self._is_nested = False
        """Whether it reads the braces of a service or an edge."""

    def read(self) -> _Check:
        """The whole expression."""
        check = self._either()
        if self._next().kind:
            raise self._unexpected()
        return check

    def _either(self) -> _Check:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise ExpressionError(f"The filter expression is nested more than {DEPTH_MAX} deep.")
        checks = [self._both()]
        while self._take("word", "or"):
            checks.append(self._both())
        self._depth -= 1
        return checks[0] if len(checks) == 1 else lambda subject: any(check(subject) for check in checks)

    def _both(self) -> _Check:
        checks = [self._negated()]
        # Two conditions side by side must both hold: `ok !partial`.
        while self._take("word", "and") or self._next().text.lower() not in ("", ")", "}", ",", "or"):
            checks.append(self._negated())
        return checks[0] if len(checks) == 1 else lambda subject: all(check(subject) for check in checks)

    def _negated(self) -> _Check:
        if self._take("sign", "!"):
            self._depth += 1
            if self._depth > DEPTH_MAX:
                raise ExpressionError(f"The filter expression is nested more than {DEPTH_MAX} deep.")
            check = self._negated()
            self._depth -= 1
            return lambda subject: not check(subject)
        if self._take("sign", "("):
            check = self._either()
            self._expect(")")
            return check
        return self._condition()

    def _condition(self) -> _Check:
        token = self._next()
        if token.kind != "word":
            raise self._unexpected()
        self._at += 1
        name = token.text.lower()
        if name in ("service", "edge", "group.name", "group.arn") or name.startswith("annotation"):
            if self._is_nested:
                raise ExpressionError(f"{token.text} cannot be used inside of service or edge.")
            return self._complex(token.text)
        if name in BOOLEANS:
            return self._boolean(name)
        if name in NUMBERS:
            return self._compared(name, lambda subject: NUMBERS[name](subject), (float,))
        if name in TEXTS and (self._is_nested or name not in ("name", "type")):
            return self._compared(name, lambda subject: TEXTS[name](subject), (str,))
        raise ExpressionError(f"The embedded cloud does not support {token.text} here.")

    def _complex(self, word: str) -> _Check:
        name = word.lower()
        if name == "service":
            self._expect("(")
            wanted = None if self._next().text == ")" else self._service()
            self._expect(")")
            inside = self._braces()
            return lambda subject: any(
                inside(of_segment(subject.trace, segment))
                for segment in subject.trace.segments
                if wanted is None or wanted(segment.service)
            )
        if name == "edge":
            return self._edge()
        if name in ("group.name", "group.arn"):
            return self._group(word)
        key = word[len("annotation.") :] if name.startswith("annotation.") else ""
        if name == "annotation" and self._next().kind == "key":
            key = self._next().text[1:-1]
            self._at += 1
        if not key:
            raise ExpressionError(f"The embedded cloud does not support {word} here.")

        def values(subject: Subject) -> list[Value]:
            return [value for found, value, _ in subject.trace.annotations if found == key]

        return self._compared(word, values, (str, float, bool))

    def _edge(self) -> _Check:
        self._expect("(")
        source = self._service()
        self._expect(",")
        target = self._service()
        self._expect(")")
        inside = self._braces()

        def has_edge(subject: Subject) -> bool:
            trace = subject.trace
            by_id = {segment.id: segment for segment in trace.segments}
            return any(
                inside(of_segment(trace, segment))
                for segment in trace.segments
                if target(segment.service)
                and (parent := trace.parents.get(segment.id))
                and source(by_id[parent].service)
            )

        return has_edge

    def _service(self) -> Callable[[tuple[str, str]], bool]:
        """A name, or `id(name: "…", type: "…")`."""
        token = self._next()
        if token.kind == "text":
            self._at += 1
            name = unquoted(token)
            return lambda service: service[0] == name
        if not self._take("word", "id"):
            raise self._unexpected()
        self._expect("(")
        wanted: dict[str, str] = {}
        while True:
            part = self._next()
            if part.kind != "word" or part.text.lower() not in ("name", "type", "account.id"):
                raise self._unexpected()
            self._at += 1
            if part.text.lower() == "account.id":
                raise ExpressionError("The embedded cloud does not support account.id here.")
            self._expect(":")
            wanted[part.text.lower()] = unquoted(self._take_text())
            if not self._take("sign", ","):
                break
        self._expect(")")
        return lambda service: (
            wanted.get("name", service[0]) == service[0] and wanted.get("type", service[1]) == (service[1])
        )

    def _braces(self) -> _Check:
        if not self._take("sign", "{"):
            return lambda subject: True
        before, self._is_nested = self._is_nested, True
        check = self._either()
        self._is_nested = before
        self._expect("}")
        return check

    def _group(self, word: str) -> _Check:
        self._expect("=")
        name = unquoted(self._take_text())
        if name not in self._groups:
            raise ExpressionError(f"There is no group {name}.")
        if name in self._within:
            raise ExpressionError(f"Group {name} refers to itself.")
        return _Reader(self._groups[name], self._groups, (*self._within, name)).read()

    def _boolean(self, name: str) -> _Check:
        found = BOOLEANS[name]
        for sign, negated in (("=", False), ("!=", True)):
            if self._take("sign", sign):
                wanted = self._truth() is not negated
                return lambda subject: found(subject) is wanted
        return found

    def _truth(self) -> bool:
        token = self._next()
        text = unquoted(token) if token.kind == "text" else token.text
        if text.lower() not in ("true", "false"):
            raise self._unexpected()
        self._at += 1
        return text.lower() == "true"

    def _compared(self, word: str, values: Callable[[Subject], list[Any]], kinds: tuple[type, ...]) -> _Check:
        """A keyword with what it is compared with; without that, whether it is set."""
        token = self._next()
        if token.kind == "word" and token.text.lower() in _WORDS:
            if str not in kinds:
                raise ExpressionError(f"{word} is no text, so {token.text} does not apply.")
            self._at += 1
            holds, wanted = _WORDS[token.text.lower()], unquoted(self._take_text())
            return lambda subject: any(isinstance(v, str) and holds(v, wanted) for v in values(subject))
        if token.kind != "sign" or token.text not in ("!=", *_ORDERS):
            return lambda subject: any(value is not False for value in values(subject))
        self._at += 1
        value = self._value(word, kinds)
        if token.text == "!=":
            return lambda subject: bool(found := values(subject)) and all(not _equal(v, value) for v in found)
        if token.text == "=":
            return lambda subject: any(_equal(v, value) for v in values(subject))
        if not _is_number(value):
            raise ExpressionError(f"{word} {token.text} needs a number.")
        holds = _ORDERS[token.text]
        return lambda subject: any(_is_number(v) and holds(v, value) for v in values(subject))

    def _value(self, word: str, kinds: tuple[type, ...]) -> Value:
        token = self._next()
        if token.kind == "text" and str in kinds:
            self._at += 1
            return unquoted(token)
        if token.kind == "number" and float in kinds:
            self._at += 1
            return float(token.text)
        if token.kind == "word" and token.text.lower() in ("true", "false") and bool in kinds:
            return self._truth()
        raise ExpressionError(f"{word} cannot be compared with {token.text or 'nothing'}.")

    def _next(self) -> Token:
        return self._tokens[self._at] if self._at < len(self._tokens) else Token("", "")

    def _take(self, kind: str, text: str) -> bool:
        token = self._next()
        if token.kind == kind and token.text.lower() == text:
            self._at += 1
            return True
        return False

    def _take_text(self) -> Token:
        token = self._next()
        if token.kind != "text":
            raise self._unexpected()
        self._at += 1
        return token

    def _expect(self, sign: str) -> None:
        if not self._take("sign", sign):
            raise ExpressionError(f"The filter expression needs {sign} before {self._next().text or 'its end'}.")

    def _unexpected(self) -> ExpressionError:
        return ExpressionError(f"The filter expression has {self._next().text or 'an end'} where a condition belongs.")


def _is_number(found: object) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _equal(found: Value, wanted: Value) -> bool:
    return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted
