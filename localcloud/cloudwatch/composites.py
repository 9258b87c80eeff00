"""Composite alarms: the rule over the states of other alarms, and the suppression of actions.

The grammar of a rule is that of Python's `and`, `or` and `not`, so Python's own parser reads it.
"""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.cloudwatch.nesting import check_nesting
from localcloud.cloudwatch.states import State

_CONDITION = re.compile(r"\b(ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(\"[^\"]+\"|[^\s()\"]+)\s*\)")
_ARN = re.compile(r"arn:aws:cloudwatch:[^:]*:[^:]*:alarm:(.+)")
# PutCompositeAlarm's limit.
_MOST_CHARACTERS = 10_240


def alarm_name(reference: str) -> str:
    """The name of an alarm, from the name or ARN in a rule or suppressor."""
    arn = _ARN.fullmatch(reference.strip('"'))
    return arn[1] if arn else reference.strip('"')


@dataclass(frozen=True)
class Rule:
    """A rule, with the names of the alarms it depends on."""

    text: str
    alarms: tuple[str, ...]
    _tree: ast.expr
    _conditions: Mapping[str, tuple[State, str]]

    def state(self, states: Mapping[str, State]) -> State:
        """ALARM if the rule holds, else OK."""
        return State.ALARM if self._holds(self._tree, states) else State.OK

    def _holds(self, node: ast.expr, states: Mapping[str, State]) -> bool:
        match node:
            case ast.Constant(value=bool() as value):
                return value
            case ast.Name(id=name):
                state, alarm = self._conditions[name]
                return states[alarm] is state
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return not self._holds(operand, states)
            case ast.BoolOp(op=op, values=values):
                return (all if isinstance(op, ast.And) else any)(self._holds(value, states) for value in values)
        raise AssertionError("unreachable: parse_rule rejects everything else")


def parse_rule(text: str) -> Rule:
    """The rule in `text`; ValueError if CloudWatch would reject it, or if it is too deep to be evaluated here."""
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"a rule has at most {_MOST_CHARACTERS} characters, and this one has {len(text)}")
    conditions: dict[str, tuple[State, str]] = {}

    def remember(found: re.Match[str]) -> str:
        name = f"condition_{len(conditions)}"
        conditions[name] = State(found[1]), alarm_name(found[2])
        return name

    source = _CONDITION.sub(remember, text)
    for word, meaning in {"AND": "and", "OR": "or", "NOT": "not", "TRUE": "True", "FALSE": "False"}.items():
        source = re.sub(rf"\b{word}\b", f" {meaning} ", source)
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f"not a rule of a composite alarm: {text}") from None
    allowed = (ast.BoolOp, ast.UnaryOp, ast.Name, ast.Constant, ast.And, ast.Or, ast.Not, ast.Load)
    check_nesting(tree)
    for node in ast.walk(tree):
        unknown = not isinstance(node, allowed) or (isinstance(node, ast.Name) and node.id not in conditions)
        if unknown or (isinstance(node, ast.Constant) and not isinstance(node.value, bool)):
            raise ValueError(
                f"a rule consists of ALARM(), OK(), INSUFFICIENT_DATA(), TRUE, FALSE, AND, OR and NOT only: {text}"
            )
    return Rule(text, tuple(dict.fromkeys(alarm for _, alarm in conditions.values())), tree, conditions)


class Suppression:
    """Decides when a composite alarm takes its actions, as the user guide's "Suppressing composite alarm actions" says.

    While the suppressor is in ALARM, a change is held back. Otherwise a change starts the wait period. When the
    suppressor leaves ALARM and a change is held back, the extension period starts. When the wait or extension period
    ends, the action for the current state is taken. If no change is held back, no action is taken.
    """

    def __init__(self, wait_seconds: int, extension_seconds: int) -> None:
        self._wait_seconds, self._extension_seconds = wait_seconds, extension_seconds
        self._due: float | None = None
        self._held_back = False
        self._suppressing = False

    def acts(self, now: float, *, changed: bool, suppressing: bool) -> bool:
        """Whether the action for the current state is taken now."""
        released = self._suppressing and not suppressing
        self._suppressing = suppressing
        self._held_back = self._held_back or changed
        if suppressing:
            self._due = None
        elif changed:
            self._due = now + self._wait_seconds
        elif released and self._held_back:
            self._due = now + self._extension_seconds
        if self._due is None or now < self._due:
            return False
        self._due, self._held_back = None, False
        return True
