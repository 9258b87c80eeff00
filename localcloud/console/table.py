"""The items of tables, as JSON values. A look is no request to DynamoDB.

Items are personal data: the page that shows them says so.
"""

import heapq
import json
from http import HTTPStatus
from typing import Any

from localcloud.console.http import HttpError
from localcloud.console.times import write_time
from localcloud.observatory.observatory import Observatory

ITEMS_MAX = 25
"""How many items a page shows."""
ITEM_MAX = 20_000
"""How many characters of an item a page shows, as JSON; the item of a key that is asked for is shown whole."""


def items(
    observatory: Observatory, name: str | None, *, key: str | None = None, after: str | None = None
) -> dict[str, Any]:
    """The item of a key, or a page of the items after a key, by the order of the keys; HttpError without such a table.

    Without a name, the table is that of the stack, or the first.
    """
    tables = {table.name: table for table in observatory.contents.tables()}
    usual = observatory.stack.outputs.get("tableName") if observatory.stack else None
    found = name or (usual if usual in tables else min(tables, default=None))
    page: dict[str, Any] = {"now": write_time(observatory.clock.now()), "tables": sorted(tables)}
    if found is None:
        return page | {"name": None, "key": "", "count": 0, "next": None, "items": []}
    if found not in tables:
        raise HttpError(HTTPStatus.NOT_FOUND, f"There is no table {found}.")
    table = tables[found]
    if key is not None:
        keys = [key] if table.items.get(key) else []
    else:
        keys = heapq.nsmallest(ITEMS_MAX + 1, (other for other in table.items if after is None or other > after))
    shown = keys[:ITEMS_MAX]
    return page | {
        "name": table.name,
        "key": table.key,
        "count": sum(map(len, table.items.values())),
        "next": shown[-1] if len(keys) > len(shown) else None,
        "items": [
            _described(found_key, item, is_whole=key is not None)
            for found_key in shown
            for item in table.items[found_key]
        ],
    }


def _described(key: str, item: Any, *, is_whole: bool) -> dict[str, Any]:
    attributes = {name: plain(value) for name, value in item.items()}
    size = len(json.dumps(attributes, ensure_ascii=False))
    return {"key": key, "size": size, "attributes": attributes if is_whole or size <= ITEM_MAX else None}


def plain(value: Any) -> Any:
    """A value of DynamoDB's JSON as plain JSON; numbers stay text, because JSON's lose digits."""
    [(kind, content)] = value.items()
    if kind == "L":
        return [plain(element) for element in content]
    if kind == "M":
        return {name: plain(element) for name, element in content.items()}
    return None if kind == "NULL" else content
