"""Saved queries: PutQueryDefinition, DescribeQueryDefinitions and DeleteQueryDefinition."""

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.observatory.clock import Clock
from localcloud.observatory.query_api import invalid
from localcloud.observatory.requests import ApiError

DEFINITIONS_MAX = 1_000
_PUT = frozenset({"name", "queryDefinitionId", "queryString", "logGroupNames", "queryLanguage", "clientToken"})


@dataclass(frozen=True, kw_only=True)
class SavedQuery:
    """A query under a name, with the log groups that it is meant for."""

    id: str
    name: str
    text: str
    groups: tuple[str, ...]
    changed: int


class SavedQueries:
    """The saved queries of the cloud. Its methods may be called from any thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._saved: dict[str, SavedQuery] = {}
        self._lock = threading.Lock()
        self.operations = {
            "PutQueryDefinition": self.put,
            "DescribeQueryDefinitions": self.describe,
            "DeleteQueryDefinition": self.delete,
        }

    def all(self) -> list[SavedQuery]:
        """Every saved query, by name."""
        with self._lock:
            return sorted(self._saved.values(), key=lambda query: (query.name, query.id))

    def put(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Save a query, or change one. As on AWS, its text is only read when it runs."""
        if unknown := parameters.keys() - _PUT:
            raise invalid(f"PutQueryDefinition has no parameter {min(unknown)}, or it is not supported here.")
        if parameters.get("queryLanguage", "CWLI") != "CWLI":
            raise invalid("The queryLanguage must be CWLI.")
        name, text, groups = (parameters.get(key) for key in ("name", "queryString", "logGroupNames"))
        if not isinstance(name, str) or not 1 <= len(name) <= 255:
            raise invalid("The name must be a text of 1 to 255 characters.")
        if not isinstance(text, str) or not 1 <= len(text) <= 10_000:
            raise invalid("The queryString must be a text of 1 to 10000 characters.")
        groups = [] if groups is None else groups
        if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
            raise invalid("The logGroupNames must be a list of names.")
        given = parameters.get("queryDefinitionId")
        with self._lock:
            if given is not None and given not in self._saved:
                raise ApiError("ResourceNotFoundException", "There is no saved query of that queryDefinitionId.")
            if given is None and len(self._saved) >= DEFINITIONS_MAX:
                raise ApiError("LimitExceededException", f"There can be at most {DEFINITIONS_MAX} saved queries.")
            key = given or str(uuid.uuid4())
            changed = int(self._clock.now() * 1000)
            self._saved[key] = SavedQuery(id=key, name=name, text=text, groups=tuple(groups), changed=changed)
        return {"queryDefinitionId": key}

    def describe(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The saved queries whose names begin with a prefix, in pages."""
        if unknown := parameters.keys() - {"queryDefinitionNamePrefix", "maxResults", "nextToken", "queryLanguage"}:
            raise invalid(f"DescribeQueryDefinitions has no parameter {min(unknown)}.")
        prefix, most, token = (
            parameters.get(name, default)
            for name, default in (("queryDefinitionNamePrefix", ""), ("maxResults", 1_000), ("nextToken", "0"))
        )
        if not isinstance(prefix, str) or not isinstance(most, int) or not 1 <= most <= 1_000:
            raise invalid("The maxResults must be a number from 1 to 1000.")
        if not isinstance(token, str) or not token.isdigit():
            raise invalid("The nextToken must be one that was returned.")
        found = [query for query in self.all() if query.name.startswith(prefix)]
        first = int(token)
        page = [
            {
                "queryLanguage": "CWLI",
                "queryDefinitionId": query.id,
                "name": query.name,
                "queryString": query.text,
                "lastModified": query.changed,
                "logGroupNames": list(query.groups),
            }
            for query in found[first : first + most]
        ]
        return {"queryDefinitions": page} | ({"nextToken": str(first + most)} if len(found) > first + most else {})

    def delete(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Delete a saved query."""
        with self._lock:
            if self._saved.pop(str(parameters.get("queryDefinitionId", "")), None) is None:
                raise ApiError("ResourceNotFoundException", "There is no saved query of that queryDefinitionId.")
        return {"success": True}
