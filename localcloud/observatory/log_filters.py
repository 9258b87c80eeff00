"""Metric filters with JSON patterns: which log lines count, and what they publish.

Patterns compare members of a line with texts and numbers, joined by && and ||. Everything else is an error.
"""

import ast
import functools
import json
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localcloud.cloudwatch.metrics import MetricKey

_COMPARISON = re.compile(
    r'\$((?:\.[A-Za-z_][A-Za-z0-9_]*)+)\s*(=|!=|<=|>=|<|>)\s*("(?:[^"\\])*"|-?\d+(?:\.\d+)?)(?=[\s)&|}]|$)'
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class FilterError(ValueError):
    """A pattern that CloudWatch would reject, or that is not supported here."""


@dataclass(frozen=True, kw_only=True)
class MetricFilter:
    """A metric filter of a log group."""

    pattern: str
    namespace: str
    name: str
    value: str
    dimensions: tuple[tuple[str, str], ...] = ()

    def sample(self, line: str) -> tuple[MetricKey, float] | None:
        """What the line publishes; None if it does not match, or lacks a dimension or the value."""
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            return None
        if not isinstance(document, dict) or not parse_pattern(self.pattern)(document):
            return None
        dimensions = [(name, _selected(document, selector)) for name, selector in self.dimensions]
        value = _selected(document, self.value) if self.value.startswith("$") else self.value
        if any(found is None for _, found in dimensions) or value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        return MetricKey(self.namespace, self.name, frozenset((name, str(found)) for name, found in dimensions)), number


@functools.lru_cache(maxsize=256)
def parse_pattern(text: str) -> Callable[[dict[str, Any]], bool]:
    """Whether a line matches, as a function of its JSON object; FilterError names the pattern."""
    body = re.fullmatch(r"\s*\{(.*)\}\s*", text, re.DOTALL)
    if not body:
        raise FilterError(f"only JSON patterns are supported: {text}")
    conditions: list[Callable[[dict[str, Any]], bool]] = []

    def remember(found: re.Match[str]) -> str:
        path, compare, wanted = found[1], _OPERATORS[found[2]], json.loads(found[3])
        if isinstance(wanted, str) and (found[2] not in ("=", "!=") or "*" in wanted):
            raise FilterError(f"texts can only be compared for equality, without *: {text}")
        conditions.append(lambda document: _holds(compare, _selected(document, f"${path}"), wanted))
        return f" c{len(conditions) - 1} "

    source = _COMPARISON.sub(remember, body[1]).replace("&&", " and ").replace("||", " or ")
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError:
        raise FilterError(f"not a pattern that is supported: {text}") from None
    return functools.partial(_evaluate, _checked(tree, len(conditions), text), conditions)


def _checked(tree: ast.expr, conditions: int, text: str) -> ast.expr:
    names = {f"c{number}" for number in range(conditions)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.BoolOp | ast.Name | ast.And | ast.Or | ast.Load) or (
            isinstance(node, ast.Name) and node.id not in names
        ):
            raise FilterError(f"not a pattern that is supported: {text}")
    return tree


def _evaluate(node: ast.expr, conditions: list[Callable[[dict[str, Any]], bool]], document: dict[str, Any]) -> bool:
    if isinstance(node, ast.BoolOp):
        decide = all if isinstance(node.op, ast.And) else any
        return decide(_evaluate(value, conditions, document) for value in node.values)
    assert isinstance(node, ast.Name)
    return conditions[int(node.id[1:])](document)


def _holds(compare: Callable[[Any, Any], bool], found: Any, wanted: Any) -> bool:
    if isinstance(wanted, str):
        return isinstance(found, str) and compare(found, wanted)
    return isinstance(found, int | float) and not isinstance(found, bool) and compare(found, wanted)


def _selected(document: Any, selector: str) -> Any:
    for name in selector.removeprefix("$.").split("."):
        document = document.get(name) if isinstance(document, dict) else None
    return document
