"""What a check returns, and what it checks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from components.settings.stack_settings import StackSettings
from ops.errors import explain
from ops.preflight.state import StackState


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    PROBLEM = "problem"
    NOT_CHECKED = "not checked"


OK, PROBLEM, NOT_CHECKED = CheckState


@dataclass(frozen=True)
class Check:
    """A finished check: what was found and, for a problem, how to fix it."""

    name: str
    state: CheckState
    found: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is to be deployed, and where."""

    settings: StackSettings
    state: StackState
    account: str
    embedded: Mapping[str, Any] | None = field(default=None, repr=False)
    """How to reach the embedded cloud of stack local."""

    def client(self, service: Any) -> Any:
        """Return a boto3 client for the region of the stack."""
        return client_of(service, self.settings.region, self.embedded)


def client_of(service: Any, region: str, embedded: Mapping[str, Any] | None) -> Any:
    """Return a boto3 client of AWS, or of the embedded cloud that is reached so."""
    from ops.clients import aws_client, embedded_client  # here, because boto3 is slow to import

    if embedded is None:
        return aws_client(service, region)
    keys = embedded["accessKeyId"], embedded["secretAccessKey"]
    return embedded_client(service, region, embedded["endpoint"], *keys)


def sentence(error: Exception) -> str:
    """Return an error of AWS as a sentence for an operator."""
    return explain(error) or type(error).__name__
