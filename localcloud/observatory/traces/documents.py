"""Segment documents as X-Ray accepts them; anything else is rejected.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
"""

import json
import math
from typing import Any

from localcloud.observatory.traces.headers import SPAN_ID, TRACE_ID

Document = dict[str, Any]
BYTES_MAX = 64 * 1024
NAME_MAX = 200
DEPTH_MAX = 50
SUBSEGMENT = "subsegment"
_KINDS = (
    *((key, dict, False) for key in ("annotations", "aws", "http", "metadata")),
    *((key, bool, False) for key in ("error", "fault", "throttle", "in_progress", "inferred")),
    *((key, dict, True) for key in ("subsegments", "links")),
    *((key, str, False) for key in ("namespace", "origin", "resource_arn", "user")),
)
"""Part, its type, and whether it is a list of that."""


class DocumentError(ValueError):
    """Why a document is rejected, without quoting it."""


def read_document(text: bytes | str) -> Document:
    """The segment, or the subsegment that was sent by itself; raises DocumentError."""
    if len(text) > BYTES_MAX:
        raise DocumentError(f"The document is larger than {BYTES_MAX} bytes.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise DocumentError("The document is not JSON.") from None
    if not isinstance(found, dict):
        raise DocumentError("The document is not a JSON object.")
    _check(found, 0)
    if not _matches(TRACE_ID, found.get("trace_id")):
        raise DocumentError("trace_id is not a trace ID.")
    if found.get("type", SUBSEGMENT) != SUBSEGMENT:
        raise DocumentError(f"type is not {SUBSEGMENT}.")
    if "type" in found and not found.get("parent_id"):
        raise DocumentError("A subsegment that is sent by itself needs a parent_id.")
    return found


def _check(found: Document, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise DocumentError(f"Subsegments are nested more than {DEPTH_MAX} deep.")
    if not _matches(SPAN_ID, found.get("id")):
        raise DocumentError("id is not 16 hexadecimal digits.")
    if found.get("parent_id") is not None and not _matches(SPAN_ID, found["parent_id"]):
        raise DocumentError("parent_id is not 16 hexadecimal digits.")
    name = found.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= NAME_MAX:
        raise DocumentError(f"name is not a text of 1 to {NAME_MAX} characters.")
    if not _is_time(found.get("start_time")):
        raise DocumentError("start_time is not a time.")
    if not _is_time(found.get("end_time")) and ("end_time" in found or found.get("in_progress") is not True):
        raise DocumentError("The document has neither an end_time nor in_progress.")
    _check_kinds(found)
    for nested in found.get("subsegments", []):
        _check(nested, depth + 1)


def _check_kinds(found: Document) -> None:
    """Parts that are read here must have the type that they are read as."""
    for key, kind, is_list in _KINDS:
        members = found.get(key)
        if members is None:
            continue
        if is_list and not isinstance(members, list):
            raise DocumentError(f"{key} is not a list.")
        if any(not isinstance(member, kind) for member in (members if is_list else [members])):
            raise DocumentError(f"{key} has the wrong type.")
    if any(not isinstance(value, str | int | float | bool) for value in (found.get("annotations") or {}).values()):
        raise DocumentError("An annotation is neither a text, a number nor a boolean.")
    if any(not isinstance(side, dict) for side in (found.get("http") or {}).values()):
        raise DocumentError("http has a part that is not an object.")
    for key in [key for key, *_ in _KINDS if key in found and found[key] is None]:
        del found[key]


def _matches(pattern: Any, found: object) -> bool:
    return isinstance(found, str) and bool(pattern.fullmatch(found))


def _is_time(found: object) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found) and 0 <= found < 1e11
