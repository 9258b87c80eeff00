"""Regular expressions of queries. On AWS they cannot run for long; here, those that could are rejected."""

import re
from re import _parser  # pyrefly: ignore[missing-module-attribute] - the only parser of what `re` will run
from typing import Any

_NAMED_GROUP = re.compile(r"\(\?<(?=[A-Za-z_])")
_FLAGS = re.compile(r"\(\?([ims]+)\)")
_REPEATS = ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT")
_REJECTED = {
    "ASSERT": "look around",
    "ASSERT_NOT": "look around",
    "GROUPREF": "refer to what a group matched",
    "GROUPREF_EXISTS": "refer to what a group matched",
}


class RegexError(ValueError):
    """A regular expression that is none, or that is not supported."""


def compiled(text: str) -> "re.Pattern[str]":
    """The expression; RegexError says why there is none.

    https://github.com/google/re2/wiki/Syntax
    """
    text = _NAMED_GROUP.sub("(?P<", text)
    # Flags in the middle count from there on.
    if (found := _FLAGS.search(text)) and found.start():
        text = f"{text[: found.start()]}(?{found[1]}:{text[found.end() :]})"
    try:
        expression = re.compile(text)
        _require_quick(_parser.parse(text), repeated=False)
    except (re.error, OverflowError, RecursionError) as error:
        raise RegexError(f"not a regular expression: {error}") from None
    return expression


def _require_quick(node: Any, *, repeated: bool) -> None:
    """RegexError for what can take exponential time: a repetition of a repetition or of alternatives."""
    for name, argument in node:
        if sentence := _REJECTED.get(str(name)):
            raise RegexError(f"an expression cannot {sentence}")
        if str(name) in _REPEATS:
            _, most, body = argument
            unbounded = most == _parser.MAXREPEAT
            if repeated and unbounded:
                raise RegexError("a repetition within a repetition is not supported here")
            _require_quick(body, repeated=repeated or unbounded)
        elif str(name) == "BRANCH":
            if repeated:
                raise RegexError("a repetition of alternatives is not supported here")
            for body in argument[1]:
                _require_quick(body, repeated=repeated)
        elif str(name) == "SUBPATTERN":
            _require_quick(argument[-1], repeated=repeated)
        elif str(name) == "ATOMIC_GROUP":
            _require_quick(argument, repeated=repeated)


def glob(text: str) -> "re.Pattern[str]":
    """The expression of a text in which each * is what is taken."""
    parts = [re.escape(part) for part in text.split("*")]
    # Each takes as little as possible; one at the end, all that is left.
    last = f"(.*?){parts[-1]}" if parts[-1] else "(.*)"
    return re.compile("(.*?)".join(parts[:-1]) + last, re.DOTALL)
