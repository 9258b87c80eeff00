"""The words of a query, each with its place."""

import re
from dataclasses import dataclass
from enum import StrEnum

from localcloud.insights.syntax import QueryError

PIECE = r"(?:`[^`\n]+`|[A-Za-z0-9_@$]+)"


class Kind(StrEnum):
    """What a token is."""

    NAME = "name"
    NUMBER = "number"
    PERIOD = "period"
    TEXT = "text"
    SYMBOL = "symbol"
    END = "end"


@dataclass(frozen=True)
class Token:
    """A word of a query."""

    kind: Kind
    text: str
    start: int
    end: int

    def says(self, *words: str) -> bool:
        """Whether it is one of these words, in any case, or symbols."""
        return self.kind in (Kind.NAME, Kind.SYMBOL) and self.text.lower() in words


_SKIPPED = re.compile(r"(?:\s|#[^\n]*)*")
_TOKENS = re.compile(
    rf"""
      (?P<period>\d+[A-Za-z]+\b)
    | (?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<name>(?:`[^`\n]+`|[A-Za-z_@$][A-Za-z0-9_@$]*)(?:\.{PIECE}|\[\d+\])*)
    | (?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<symbol>=~|!=|<=|>=|[=<>|,()\[\]+\-*/%^])
    """,
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/((?:[^/\\\n]|\\.)+)/")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"} | {character: character for character in "\\\"'/"}


class Tokens:
    """The tokens of a query, read as they are needed: whether / begins a regular expression depends on what is before.

    `here` is the token at which the reader stands.
    """

    def __init__(self, query: str) -> None:
        self.query = query
        self.last_end = 0
        """Where the token before `here` ends."""
        self.here = self._read(0)

    def take(self) -> Token:
        """Return the token and go to the next one."""
        token = self.here
        self.last_end = token.end
        if token.kind is not Kind.END:
            self.here = self._read(token.end)
        return token

    def regex(self) -> tuple[str, int, int] | None:
        """Take a regular expression; None, if none begins here."""
        if self.here.text[:1] != "/":
            return None
        found = _REGEX.match(self.query, self.here.start)
        if not found:
            raise QueryError("The regular expression has no end.", self.here.start, len(self.query))
        self.last_end, self.here = found.end(), self._read(found.end())
        return found[1].replace("\\/", "/"), found.start(), found.end()

    def wrong(self, expected: str) -> QueryError:
        """The error that something else was expected here."""
        token = self.here
        there = "the end" if token.kind is Kind.END else token.text
        return QueryError(f"Expected {expected} at character {token.start + 1}, found {there}.", token.start, token.end)

    def _read(self, at: int) -> Token:
        skipped = _SKIPPED.match(self.query, at)
        start = skipped.end() if skipped else at
        if start == len(self.query):
            return Token(Kind.END, "", start, start)
        found = _TOKENS.match(self.query, start)
        if not found:
            raise QueryError(f"Unexpected {self.query[start]} at character {start + 1}.", start, start + 1)
        return Token(Kind(str(found.lastgroup)), found[0], start, found.end())


def text_in_quotes(token: Token) -> str:
    """The text that a token quotes; QueryError for an escape that has no meaning."""

    def plain(found: re.Match[str]) -> str:
        if (character := _ESCAPES.get(found[1])) is None:
            at = token.start + 1 + found.start()
            raise QueryError(
                f"Unknown escape {found[0]} at character {at + 1}. Write \\\\ for a backslash.", at, at + 2
            )
        return character

    return re.sub(r"\\(.)", plain, token.text[1:-1], flags=re.DOTALL)


def parts_of(name: str) -> tuple[str, ...]:
    """The parts of a field's name, which dots and brackets separate."""
    return tuple(quoted or plain for quoted, plain in re.findall(r"`([^`]+)`|([A-Za-z0-9_@$]+)", name))
