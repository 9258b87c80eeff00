"""Creates the program's resources in the emulator: one small function of boto3 calls per resource type.

Nothing is dropped silently: a type, invoke or input that no function knows is an error that names it.
"""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.deployer.engine import Created, Resource, ResourceFailed
from localcloud.emulator.connection import Account
from localcloud.providers import api, functions, identity, messaging, observability, schedules, storage
from localcloud.providers.inputs import INVOKES, RESOURCE_TYPES, Inputs

# Importing the modules fills the tables.
_MODULES = (api, functions, identity, messaging, observability, schedules, storage)


class Providers:
    """Creates resources in an emulator. Its methods may be called from several threads at once."""

    def __init__(self, cloud: Account):
        self._cloud = cloud

    def create(self, resource: Resource) -> Created:
        """Create a resource, or raise ResourceFailed saying why not."""
        if resource.type not in RESOURCE_TYPES:
            raise ResourceFailed("the embedded cloud has no provider for this type; add one to localcloud/providers")
        region = resource.provider.inputs.get("region") if resource.provider else None
        if region not in (None, self._cloud.region):
            raise ResourceFailed(
                f"its provider is for region {region}, but the embedded cloud is in {self._cloud.region}"
            )
        resource_type = RESOURCE_TYPES[resource.type]
        inputs = Inputs(resource.name, resource.inputs, resource_type.ignored)
        try:
            created = resource_type.create(self._cloud, inputs)
        except (BotoCoreError, ClientError) as error:
            raise ResourceFailed(" ".join(str(error).split())) from error
        if inputs.left:
            raise ResourceFailed(
                f"the embedded cloud does nothing with {', '.join(inputs.left)}; "
                "implement it in localcloud/providers, or list it there as ignored"
            )
        return created

    def invoke(self, token: str, arguments: dict[str, Any], provider: Resource | None) -> dict[str, Any]:
        """Return the result of an invoke."""
        if token not in INVOKES:
            raise ResourceFailed("the embedded cloud does not implement it; add it to localcloud/providers")
        return INVOKES[token](self._cloud, arguments)
