"""Parser of the tags that a stack adds to those of the project."""

import re
import shlex
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from components.settings.parsers import InvalidError, Parser, from_json, member, members

MOST_TAGS = 50
"""Tags that a resource can have."""
# The characters that every service of AWS accepts; some accept more.
_CHARACTERS = r"[A-Za-z0-9 _.:/=+@-]"
_KEY, _VALUE = rf"{_CHARACTERS}{{1,128}}", rf"{_CHARACTERS}{{1,256}}"
_WORDS = (
    'an object such as {"cost-center": "1234"}, with keys of 1 to 128 and values of 1 to 256 letters, digits, spaces'
    " or _.:/=+@-"
)


def free_tags(own: tuple[str, ...]) -> Parser:
    """An object from tag to value, without the tags `own`, which the project sets itself."""
    most = MOST_TAGS - len(own)
    words = f"{_WORDS}, at most {most} tags"

    def parse(raw: object) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for key, value in members(from_json(raw, words), words).items():
            text = _text(value)
            problem = _problem(key, text, own, found)
            if problem is not None or len(found) == most:
                fix = f"rm --path {shlex.quote('{key}' + member(key))}"
                raise InvalidError(words + (f", and {problem}" if problem else ""), fix)
            found[key] = text
        return MappingProxyType(found)

    return Parser(parse=parse, type="object", example="--path '{key}.cost-center' 1234")


def _problem(key: str, value: str, own: Iterable[str], earlier: Iterable[str]) -> str | None:
    """Return why AWS or the project rejects a tag, empty if its text alone is wrong; None if nothing is."""
    if not re.fullmatch(_KEY, key) or not re.fullmatch(_VALUE, value):
        return ""
    # IAM ignores case in keys: a role cannot have two tags whose keys differ in nothing else.
    lower = key.lower()
    if lower.startswith("aws:"):
        return f"{key} begins with aws:, which AWS keeps for its own tags"
    if lower in own:
        return f"the project itself sets {lower}: choose another key"
    if same := [other for other in earlier if other.lower() == lower]:
        return f"{same[0]} and {key} are one key for IAM: remove one of them"
    return None


def _text(value: object) -> str:
    """Return a value as text: `pulumi config set --path` stores 1234 as a number and true as a boolean."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int) else ""
