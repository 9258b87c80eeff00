"""DynamoDB as the handlers use it: one table, its atomic conditional writes, and reads that may be a moment old.

The model knows the requests of the handlers and no others (`NotInTheModelError`). Unlike DynamoDB, it compares numbers
as text and sets in order; the handlers write both back exactly as they read them. tests/stand_ins runs the same tests
against this model, moto and the embedded cloud.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from localcloud.models.client import NotInTheModelError, client_error

ITEM_BYTES_MAX = 400 * 1024
ANSWER_BYTES_MAX = 16 * 1024 * 1024
KEYS_MAX = 100
VERSIONS_KEPT = 4

_SET = re.compile(r"SET (#?\w+) = (:\w+)")
_EQUAL = re.compile(r"(#?\w+) = (:\w+)")
_NOT_EXISTS = re.compile(r"attribute_not_exists\((#?\w+)\)")
_KNOWN = {
    "get_item": {"TableName", "Key", "ConsistentRead"},
    "put_item": {"TableName", "Item"},
    "batch_get_item": {"RequestItems"},
    "update_item": {"TableName", "Key", "UpdateExpression", "ConditionExpression"}
    | {"ExpressionAttributeNames", "ExpressionAttributeValues", "ReturnValuesOnConditionCheckFailure"},
}

Item = dict[str, Any]


class Version(NamedTuple):
    """An item as text, which nobody can change behind the table's back; None before the first write."""

    text: str | None
    size: int


class TableModel:
    """A table with the string key `user_id`; every method is one indivisible request.

    `lag` returns how many versions an eventually consistent read is behind, given how many versions it can see.
    """

    def __init__(self, name: str, *, lag: Callable[[int], int] = lambda versions: 0) -> None:
        self._name = name
        self._lag = lag
        self._versions: dict[str, list[Version]] = {}

    def items(self) -> dict[str, Item]:
        """Everything in the table, by key."""
        return {key: json.loads(versions[-1].text) for key, versions in self._versions.items() if versions[-1].text}

    def text_of(self, key: str) -> str:
        """The item as JSON, an empty object if there is none."""
        return self._seen(key, consistent=True).text or "{}"

    def get_item(self, **request: Any) -> dict[str, Any]:
        """One item, or nothing."""
        self._check("get_item", request, request["TableName"])
        found = self._seen(_key("GetItem", request["Key"]), consistent=request.get("ConsistentRead", False))
        return {"Item": json.loads(found.text)} if found.text else {}

    def batch_get_item(self, **request: Any) -> dict[str, Any]:
        """Up to 100 items, as many as fit in a response."""
        [(table, wanted)] = request["RequestItems"].items()
        self._check("batch_get_item", request, table)
        if set(wanted) - {"Keys"}:
            raise NotInTheModelError(f"batch_get_item with {sorted(wanted)}")
        keys = [_key("BatchGetItem", key) for key in wanted["Keys"]]
        if not 1 <= len(keys) <= KEYS_MAX:
            raise _invalid("BatchGetItem", "Member must have length less than or equal to 100, and at least 1")
        if len(set(keys)) < len(keys):
            raise _invalid("BatchGetItem", "Provided list of item keys contains duplicates")
        found, left, size = [], [], 0
        for key in keys:
            version = self._seen(key, consistent=False)
            if version.text and (left or size + version.size > ANSWER_BYTES_MAX):
                left.append({"user_id": {"S": key}})
            elif version.text:
                size += version.size
                found.append(json.loads(version.text))
        return {"Responses": {table: found}, "UnprocessedKeys": {table: {"Keys": left}} if left else {}}

    def put_item(self, **request: Any) -> dict[str, Any]:
        """Replace an item."""
        self._check("put_item", request, request["TableName"])
        self._store("PutItem", _key("PutItem", {"user_id": request["Item"].get("user_id")}), request["Item"])
        return {}

    def update_item(self, **request: Any) -> dict[str, Any]:
        """Set one attribute, if the condition holds."""
        self._check("update_item", request, request["TableName"])
        key = _key("UpdateItem", request["Key"])
        resolve = _Placeholders(request)
        attribute, value = resolve.pair(_SET, request["UpdateExpression"])
        current = self._seen(key, consistent=True)
        item = json.loads(current.text) if current.text else {}
        holds = _holds(request.get("ConditionExpression"), resolve, item)
        resolve.require_all_used()
        if not holds:
            gives_back = item and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            code, found = "ConditionalCheckFailedException", {"Item": item} if gives_back else None
            raise client_error("UpdateItem", code, "The conditional request failed", members=found)
        self._store("UpdateItem", key, {"user_id": {"S": key}, **item, attribute: value})
        return {}

    def _seen(self, key: str, *, consistent: bool) -> Version:
        versions = self._versions.get(key) or [Version(None, 0)]
        return versions[-1 if consistent else -1 - self._lag(len(versions))]

    def _store(self, operation: str, key: str, item: Item) -> None:
        size = sum(len(name.encode()) + value_bytes(value) for name, value in item.items())
        if size > ITEM_BYTES_MAX:
            subject = "Item size to update" if operation == "UpdateItem" else "Item size"
            raise _invalid(operation, f"{subject} has exceeded the maximum allowed size")
        versions = self._versions.setdefault(key, [Version(None, 0)])
        versions.append(Version(json.dumps(item), size))
        del versions[:-VERSIONS_KEPT]

    def _check(self, operation: str, request: dict[str, Any], table: str) -> None:
        if unknown := set(request) - _KNOWN[operation]:
            raise NotInTheModelError(f"{operation} with {sorted(unknown)}")
        if table != self._name:
            raise client_error(operation, "ResourceNotFoundException", "Requested resource not found")


class _Placeholders:
    """The names and values of an expression; one that is given and not used is an error, as in the service."""

    def __init__(self, request: dict[str, Any]) -> None:
        self._names = request.get("ExpressionAttributeNames") or {}
        self._values = request.get("ExpressionAttributeValues") or {}
        self._unused = {*self._names, *self._values}

    def name(self, word: str) -> str:
        self._unused.discard(word)
        return self._names[word] if word.startswith("#") else word

    def pair(self, form: re.Pattern[str], expression: str) -> tuple[str, Any]:
        match = form.fullmatch(expression)
        if match is None:
            raise NotInTheModelError(f"the expression {expression!r}")
        self._unused.discard(match[2])
        return self.name(match[1]), self._values[match[2]]

    def require_all_used(self) -> None:
        if self._unused:
            raise _invalid("UpdateItem", f"Value unused in expressions: keys: {sorted(self._unused)}")


def _holds(condition: str | None, resolve: _Placeholders, item: Item) -> bool:
    if condition is None:
        return True
    if match := _NOT_EXISTS.fullmatch(condition):
        return resolve.name(match[1]) not in item
    attribute, value = resolve.pair(_EQUAL, condition)
    return item.get(attribute) == value


def value_bytes(value: dict[str, Any]) -> int:
    """The size of a value, by the rules AWS publishes."""
    [(kind, content)] = value.items()
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "L":
        return 3 + sum(1 + value_bytes(element) for element in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + value_bytes(element) for name, element in content.items())
    if kind == "SS":
        return sum(len(element.encode()) for element in content)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "N":
        return len(content) // 2 + 2
    raise NotInTheModelError(f"values of type {kind}")


def _key(operation: str, key: dict[str, Any]) -> str:
    if set(key) != {"user_id"} or set(key["user_id"] or ()) != {"S"}:
        raise _invalid(operation, "The provided key element does not match the schema")
    text = key["user_id"]["S"]
    if not 1 <= len(text.encode()) <= 2048:
        raise _invalid(operation, "One or more parameter values are not valid: a key is 1 to 2048 bytes long")
    return text


def _invalid(operation: str, message: str) -> Exception:
    return client_error(operation, "ValidationException", message)
