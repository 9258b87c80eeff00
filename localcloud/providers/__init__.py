"""The resource types of the program, each made by one small function out of boto3 calls to the emulator.

Nothing is lost in silence: a type, an invoke or an input that no function here knows is an error that names it.
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from localcloud.deployer.engine import Created, Resource, ResourceFailed
from localcloud.emulator.process import Emulator
from localcloud.providers import api, functions, identity, messaging, observability, storage
from localcloud.providers.inputs import INVOKES, PROVIDERS, Inputs

__all__ = ["Providers", "UnknownInvoke", "UnknownResourceType", "UnknownSetting"]

# Importing them fills the table.
_MODULES = (api, functions, identity, messaging, observability, storage)


class UnknownResourceType(ResourceFailed):
    """The embedded cloud cannot make resources of a type."""


class UnknownInvoke(ResourceFailed):
    """The embedded cloud cannot answer a question the program asks."""


class UnknownSetting(ResourceFailed):
    """The embedded cloud would not do what an input says."""


class Providers:
    """Makes resources in one emulator, from several threads at once."""

    def __init__(self, cloud: Emulator):
        self._cloud = cloud

    def create(self, resource: Resource) -> Created:
        """Make one resource, or raise a ResourceFailed whose sentence says why not."""
        if resource.type not in PROVIDERS:
            raise UnknownResourceType(
                "the embedded cloud has no provider for this type, add one to localcloud/providers"
            )
        region = resource.provider.inputs.get("region") if resource.provider else None
        if region not in (None, self._cloud.region):
            raise UnknownSetting(f"its provider is of region {region}, and the embedded cloud is {self._cloud.region}")
        provider, ignored = PROVIDERS[resource.type]
        given = Inputs(resource.name, resource.inputs, ignored)
        try:
            made, outputs = provider(self._cloud, given)
        except (BotoCoreError, ClientError, WaiterError) as error:
            raise ResourceFailed(" ".join(str(error).split())) from error
        if given.left:
            raise UnknownSetting(
                f"the embedded cloud does nothing with {', '.join(given.left)}: teach it, "
                "or say in localcloud/providers that it may be ignored"
            )
        return Created(made, outputs)

    def invoke(self, token: str, arguments: dict[str, Any], provider: Resource | None) -> dict[str, Any]:
        """Answer a provider function."""
        if token not in INVOKES:
            raise UnknownInvoke("the embedded cloud has no answer to it, add one to localcloud/providers")
        return INVOKES[token](self._cloud, arguments)
