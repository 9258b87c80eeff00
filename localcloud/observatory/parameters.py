"""Parameters of requests to CloudWatch, checked; each function raises ApiError."""

import re
from collections.abc import Mapping
from typing import Any

from localcloud.observatory.requests import ApiError, invalid


def reject_unknown(parameters: Mapping[str, Any], known: set[str]) -> None:
    """ApiError for a parameter that is not among the known, and for a request that could not be read."""
    if unknown := sorted(name for name, value in parameters.items() if name not in known and value is not None):
        raise ApiError("ValidationError", f"The embedded cloud does not support {', '.join(unknown)}.")
    if "" in parameters:
        raise ApiError("SerializationException", "The request cannot be read.")


def structure(found: Any, name: str) -> dict[str, Any]:
    """A structure."""
    if not isinstance(found, dict):
        raise invalid(f"The parameter {name} must be a structure.")
    return found


def listed(parameters: Mapping[str, Any], name: str, least: int = 1) -> list[Any]:
    """A list with at least so many members."""
    found = parameters.get(name)
    if found is None and not least:
        return []
    if not isinstance(found, list) or len(found) < least:
        if not found:
            raise invalid(f"The parameter {name} is missing or empty; it must be a list.")
        raise invalid(f"The parameter {name} must be a list.")
    return found


def text_of(parameters: Mapping[str, Any], name: str) -> str:
    """A text that is not empty."""
    found = parameters.get(name)
    if not isinstance(found, str) or not 1 <= len(found) <= 255:
        raise invalid(f"The parameter {name} must be a text of 1 to 255 characters.")
    return found


def integer(parameters: Mapping[str, Any], name: str, most: int) -> int:
    """A number from 1 to `most`, which is also the default."""
    found = parameters.get(name, most)
    if isinstance(found, bool) or not isinstance(found, int) or not 1 <= found <= most:
        raise invalid(f"The parameter {name} must be a number from 1 to {most}.")
    return found


def period_minutes(parameters: Mapping[str, Any]) -> int:
    """The period in minutes."""
    found = integer(parameters, "Period", 86_400) if parameters.get("Period") else 0
    if not found or found % 60:
        given = parameters.get("Period")
        raise invalid(f"The parameter Period is {given}; it must be a multiple of 60, at most 86400.")
    return found // 60


def strings(parameters: Mapping[str, Any], name: str) -> list[str]:
    """A list of texts; empty if it is not given."""
    found = listed(parameters, name, 0)
    if not all(isinstance(text, str) for text in found):
        raise invalid(f"The parameter {name} must be a list of texts.")
    return found


def page_token(parameters: Mapping[str, Any]) -> int:
    """How many results the earlier pages had."""
    found = parameters.get("NextToken") or "0"
    if not isinstance(found, str) or not re.fullmatch(r"[0-9]{1,9}", found):
        raise ApiError("InvalidNextToken", "The NextToken is not valid.")
    return int(found)
