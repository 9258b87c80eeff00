"""Lets answers get their content type without reading AWS's models of every service that is used, for half a second."""

from types import SimpleNamespace
from typing import Any

from ministack.core import responses

from localcloud.emulator.seams import seam
from localcloud.emulator.service_metadata import metadata


def read_only_the_metadata() -> None:
    """Give ministack the metadata of a service, which is all that a content type depends on."""
    service_model = seam(responses, "_service_model", "service")

    class Model(SimpleNamespace):
        """The metadata; whatever else is read, such as an operation, is of the whole model."""

        service: str

        def __getattr__(self, name: str) -> Any:
            return getattr(service_model(self.service), name)

    def head_of(service: str) -> Any:
        found = metadata(responses._BOTOCORE_NAME.get(service, service))
        return service_model(service) if found is None else Model(service=service, metadata=found)

    responses._service_model = head_of
