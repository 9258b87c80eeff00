"""Metric math: the subset that this program's alarms and boards use. Anything else is an error that names it.

With AND and OR in lower case, the subset is valid Python with the same precedence, so Python's own parser reads it, and
this module gives each node its meaning. Missing data follows the user guide: of two series, one missing value counts as
0, and two missing values give no value. A division by zero gives no data point.
"""

import ast
import functools
import operator
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from localcloud.cloudwatch.nesting import check_nesting

# MetricDataQuery's limit.
_MOST_CHARACTERS = 2_048
Series = list[float | None]
_Inputs = Mapping[str, Series]


class ExpressionError(ValueError):
    """An expression that CloudWatch would reject, or that this evaluator does not support."""


@dataclass(frozen=True)
class _Term:
    """A constant, or a function that computes a series. Expressions that reduce a series to a number are errors."""

    number: float | None = None
    series: Callable[[_Inputs], Series] | None = None


@dataclass(frozen=True)
class Expression:
    """A series computed from the series of the metrics it names."""

    text: str
    metric_ids: frozenset[str]
    is_pointwise: bool
    """Each data point depends only on the inputs' points at the same time, so points can be computed separately."""
    evaluate: Callable[[_Inputs], Series]


def parse(text: str, known_ids: Collection[str]) -> Expression:
    """The expression in `text` over metrics with `known_ids`; ExpressionError names the part that is not supported."""
    if len(text) > _MOST_CHARACTERS:
        raise ExpressionError(f"metric math has at most {_MOST_CHARACTERS} characters, and this has {len(text)}")
    if unsupported := re.search(r"[^\w+\-*/<>=!&|(),.\[\]\s]", text, re.ASCII):
        raise ExpressionError(f"{unsupported[0]!r} is not supported, in: {text}")
    source = re.sub(r"\bAND\b|&&", " and ", re.sub(r"\bOR\b|\|\|", " or ", text)).strip()
    try:
        tree = ast.parse(source, mode="eval")
        check_nesting(tree.body)
    except SyntaxError as error:
        raise ExpressionError(f"not metric math ({error.msg}): {text}") from None
    except ValueError as error:
        raise ExpressionError(str(error)) from None
    term = _Compiler(text, source, known_ids).compile(tree.body)
    if term.series is None:
        raise ExpressionError(f"the result must be a time series, not one number: {text}")
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    # FILL with REPEAT alone looks at other points.
    return Expression(text, frozenset(names & set(known_ids)), "REPEAT" not in names, term.series)


def _divide(dividend: float, divisor: float) -> float | None:
    return dividend / divisor if divisor else None


_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float | None]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: _divide,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], float]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_REDUCTIONS: dict[str, Callable[[Sequence[float]], float]] = {"SUM": sum, "MAX": max, "MIN": min}


class _Compiler:
    def __init__(self, text: str, source: str, known_ids: Collection[str]) -> None:
        self._text, self._source, self._known_ids = text, source, known_ids

    def compile(self, node: ast.expr) -> _Term:
        match node:
            case ast.Constant(value=int() | float()) if re.fullmatch(r"\d+(\.\d+)?", self._written(node)):
                return _Term(number=float(self._written(node)))
            case ast.Name(id=name):
                if name not in self._known_ids:
                    raise self._error(f"no metric has the ID {name!r}")
                return _Term(series=lambda inputs: inputs[name])
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return _combine(operator.sub, _Term(number=0.0), self.compile(operand))
            case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
                return self._pair(_ARITHMETIC[type(op)], node.left, node.right)
            case ast.Compare(ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
                compare = _COMPARISONS[type(op)]
                return self._pair(lambda a, b: float(compare(a, b)), node.left, right)
            case ast.BoolOp(op=op, values=values):
                decide = all if isinstance(op, ast.And) else any
                terms = map(self.compile, values)
                return functools.reduce(functools.partial(_combine, lambda a, b: float(decide((a, b)))), terms)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(name, arguments)
        raise self._error(f"{self._written(node)!r} is not supported")

    def _pair(self, operation: Callable[[float, float], float | None], left: ast.expr, right: ast.expr) -> _Term:
        return _combine(operation, self.compile(left), self.compile(right))

    def _call(self, name: str, arguments: list[ast.expr]) -> _Term:
        match name, arguments:
            case "FILL", [filled, filler]:
                return self._fill(filled, filler)
            case "IF", [condition, chosen]:
                return _choose(self.compile(condition), self.compile(chosen), _Term(series=_nothing))
            case "IF", [condition, chosen, other]:
                return _choose(self.compile(condition), self.compile(chosen), self.compile(other))
            case (("SUM" | "MAX" | "MIN"), [ast.List(elts=elements)]) if elements:
                return self._reduce(_REDUCTIONS[name], [self.compile(element) for element in elements])
            case (("SUM" | "MAX" | "MIN"), _):
                raise self._error(
                    f"{name} of one series depends on how many points CloudWatch retrieves, so alarms must not use it; "
                    f"pass a list, {name}([a, b])"
                )
        raise self._error(f"function {name} with {len(arguments)} arguments is not supported")

    def _fill(self, filled: ast.expr, filler: ast.expr) -> _Term:
        series = self.compile(filled).series
        if series is None:
            raise self._error("FILL takes a series, not a number")
        if isinstance(filler, ast.Name) and filler.id == "REPEAT":
            return _Term(series=lambda inputs: _repeat(series(inputs)))
        number = self.compile(filler).number
        if number is None:
            raise self._error("FILL takes a number or REPEAT")
        return _Term(series=lambda inputs: [number if value is None else value for value in series(inputs)])

    def _reduce(self, reduction: Callable[[Sequence[float]], float], terms: list[_Term]) -> _Term:
        parts = [term.series for term in terms if term.series is not None]
        if len(parts) != len(terms):
            raise self._error("a list holds series, not numbers")

        def reduced(inputs: _Inputs) -> Series:
            columns = zip(*(part(inputs) for part in parts), strict=True)
            present = ([value for value in column if value is not None] for column in columns)
            return [reduction(values) if values else None for values in present]

        return _Term(series=reduced)

    def _written(self, node: ast.expr) -> str:
        return ast.get_source_segment(self._source, node) or ""

    def _error(self, reason: str) -> ExpressionError:
        return ExpressionError(f"{reason}, in: {self._text}")


def _combine(operation: Callable[[float, float], float | None], left: _Term, right: _Term) -> _Term:
    a, b = left.series, right.series
    x, y = left.number, right.number
    if a is not None and b is not None:
        return _Term(series=lambda inputs: [_both(operation, p, q) for p, q in zip(a(inputs), b(inputs), strict=True)])
    if a is not None and y is not None:
        return _Term(series=lambda inputs: [None if p is None else operation(p, y) for p in a(inputs)])
    if b is not None and x is not None:
        return _Term(series=lambda inputs: [None if q is None else operation(x, q) for q in b(inputs)])
    number = None if x is None or y is None else operation(x, y)
    if number is None:
        raise ExpressionError(f"{x:g} / {y:g} divides by zero")
    return _Term(number=number)


def _both(operation: Callable[[float, float], float | None], left: float | None, right: float | None) -> float | None:
    if left is None and right is None:
        return None
    return operation(left or 0.0, right or 0.0)


def _choose(condition: _Term, chosen: _Term, other: _Term) -> _Term:
    """IF: a missing condition gives no value; a missing value of `chosen` gives 0, one of `other` gives no value."""
    decide = condition.series
    if decide is None:
        return chosen if condition.number else other

    def values(inputs: _Inputs) -> Series:
        decisions = decide(inputs)
        yes = [chosen.number] * len(decisions) if chosen.series is None else chosen.series(inputs)
        no = [other.number] * len(decisions) if other.series is None else other.series(inputs)
        return [
            None if decision is None else ((yes[at] or 0.0) if decision else no[at])
            for at, decision in enumerate(decisions)
        ]

    return _Term(series=values)


def _nothing(inputs: _Inputs) -> Series:
    return [None] * len(next(iter(inputs.values())))


def _repeat(series: Series) -> Series:
    last: float | None = None
    filled: Series = []
    for value in series:
        last = last if value is None else value
        filled.append(last)
    return filled
