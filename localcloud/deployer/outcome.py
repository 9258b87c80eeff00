"""How a deployment ends, apart from the engine, which is slow to import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from localcloud.deployer.resource_monitor import Resource


class DeploymentFailed(Exception):  # noqa: N818 (an outcome)
    """What failed and why, short enough to be shown as it is."""


@dataclass(frozen=True)
class Deployment:
    """A finished deployment: the resources in the order of registration, and the stack's outputs as plain values."""

    resources: list[Resource]
    outputs: dict[str, Any]
    secret_outputs: set[str]
