"""The session of botocore for the embedded cloud: nothing of the operator's configuration, and no choice of endpoints.

All clients share it. To make it, and to load what chooses among AWS's endpoints, takes longer than the requests of most
commands.
"""

import functools
from pathlib import Path
from typing import Any

from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader, instance_cache
from botocore.session import Session


class OneEndpointLoader(Loader):
    """Loads the models of services, and of endpoints none: a client uses the one it is given."""

    @instance_cache
    def list_available_services(self, type_name: str) -> list[str]:
        """Return the names of all services; whether they have this type of model is found when it is loaded."""
        return [folder.name for root in self.search_paths if Path(root).is_dir() for folder in Path(root).iterdir()]

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """Return a model; raises UnknownServiceError for the rules of endpoints, without which botocore does."""
        if type_name == "endpoint-rule-set-1":
            raise UnknownServiceError(service_name=service_name, known_service_names="")
        return super().load_service_model(service_name, type_name, api_version)

    def load_data_with_path(self, name: str) -> Any:
        """Return data and the path of its file; the older table of endpoints is empty."""
        return ({"partitions": []}, "") if name == "endpoints" else super().load_data_with_path(name)


@functools.cache
def embedded_session() -> Session:
    """Return the session."""
    # A variable is (name in the configuration file, name in the environment, default, conversion).
    defaults = {name: (None, None, *rest) for name, (_, _, *rest) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
    defaults |= dict.fromkeys(("config_file", "credentials_file"), (None, None, None, None))
    session = Session(session_vars=defaults)
    session.register_component("data_loader", OneEndpointLoader())
    return session
