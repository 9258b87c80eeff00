"""What Pulumi knows about the stack."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ops.stack import PulumiError, run_pulumi


@dataclass(frozen=True, kw_only=True)
class StackState:
    """The resources in the stack's state, and the ones whose creation or change was interrupted."""

    resources: tuple[Mapping[str, Any], ...] = ()
    interrupted: tuple[str, ...] = ()
    """Their URNs."""

    @classmethod
    def read(cls, stack: str) -> "StackState":
        """Return the state of a stack; raises PulumiError when the CLI cannot export it."""
        try:
            deployment = json.loads(run_pulumi("stack", "export", "--stack", stack)).get("deployment") or {}
        except (ValueError, AttributeError):
            raise PulumiError("`pulumi stack export` did not print a deployment") from None
        pending = deployment.get("pending_operations") or ()
        return cls(
            resources=tuple(deployment.get("resources") or ()),
            interrupted=tuple(operation["resource"]["urn"] for operation in pending),
        )

    def inputs(self, type_: str, name: str | None = None) -> list[Mapping[str, Any]]:
        """Return the inputs of all resources of a type, or of the one with this logical name."""
        return [
            resource.get("inputs", {})
            for resource in self.resources
            if resource["type"] == type_ and name in (None, logical_name(resource["urn"]))
        ]

    def ids(self, type_: str) -> list[str]:
        """Return the IDs of all resources of a type."""
        return [resource["id"] for resource in self.resources if resource["type"] == type_ and resource.get("id")]


def logical_name(urn: str) -> str:
    """Return the last part of a URN, the name that the program gives a resource."""
    return urn.rpartition("::")[2]
