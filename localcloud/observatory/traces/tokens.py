"""A filter expression as its words, texts, numbers and signs."""

import re
from dataclasses import dataclass

_PATTERN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?(?![\w.]))|(?P<key>\[[^\]"]*\])"""
    r"""|(?P<word>[A-Za-z_][\w.\-]*)|(?P<sign>!=|<=|>=|[=<>!(){},:]))"""
)


class ExpressionError(ValueError):
    """What is wrong with an expression, or not supported."""


@dataclass(frozen=True)
class Token:
    """A part of an expression; the end has no kind and no text."""

    kind: str
    text: str


def read_tokens(expression: str) -> list[Token]:
    """The parts of an expression; raises ExpressionError."""
    found: list[Token] = []
    at = 0
    while expression[at:].strip():
        match = _PATTERN.match(expression, at)
        if match is None:
            raise ExpressionError(f"The filter expression cannot be read from character {at + 1}.")
        found.append(Token(match.lastgroup or "", match[match.lastgroup or 0]))
        at = match.end()
    return found


def unquoted(token: Token) -> str:
    """What a text says."""
    return re.sub(r"\\(.)", r"\1", token.text[1:-1])
