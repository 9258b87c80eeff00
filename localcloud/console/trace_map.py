"""Where each service is on the map: one column further right than what calls it."""

from collections.abc import Iterable
from typing import Any

from localcloud.observatory.traces.graph import Calls, Service


def map_of(services: Iterable[Service]) -> dict[str, Any]:
    """The services with column and row, and what leads from one to another."""
    services = list(services)
    numbers = {service.identity: number for number, service in enumerate(services)}
    edges = [(service, edge) for service in services for edge in service.edges.values()]
    columns = dict.fromkeys(numbers, 0)
    # A cycle would never end: no service is further right than there are services.
    for _ in services:
        for service, edge in edges:
            if columns[edge.target] <= columns[service.identity] < len(services) - 1:
                columns[edge.target] = columns[service.identity] + 1
    rows: dict[int, int] = {}
    nodes: list[dict[str, Any]] = []
    for service in services:
        column = columns[service.identity]
        rows[column] = rows.get(column, -1) + 1
        nodes.append(
            {"name": service.name, "type": service.type, "column": column, "row": rows[column]} | _calls(service.calls)
        )
    return {
        "nodes": nodes,
        "edges": [
            {"from": numbers[service.identity], "to": numbers[edge.target], "isLink": edge.is_link} | _calls(edge.calls)
            for service, edge in edges
        ],
    }


def _calls(calls: Calls) -> dict[str, Any]:
    return {
        "total": calls.total,
        "faults": calls.faults,
        "errors": calls.errors,
        "milliseconds": round(calls.seconds / calls.total * 1000, 1) if calls.total else None,
    }
