"""The models of AWS's services, read without a session of botocore, which takes longer to import than all models."""

import functools
import gzip
import json
from pathlib import Path
from typing import Any

from botocore.exceptions import UnknownServiceError
from botocore.loaders import JSONFileLoader, Loader, instance_cache


class _PlainFiles(JSONFileLoader):
    """Reads files into Python's own dictionaries, in half the time of botocore's ordered ones; they keep order too."""

    def load_file(self, file_path: str) -> Any:
        """Return the content of `file_path` with the ending of either kind of file, or None."""
        for ending, open_file in ((".json", open), (".json.gz", gzip.open)):
            if Path(f"{file_path}{ending}").is_file():
                with open_file(f"{file_path}{ending}", "rb") as file:
                    return json.loads(file.read())
        return None


class OneEndpointLoader(Loader):
    """Loads the models of services, and of endpoints none: a client uses the one it is given."""

    FILE_LOADER_CLASS = _PlainFiles

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
def model_loader() -> OneEndpointLoader:
    """Return the loader of this process, which reads each model once."""
    return OneEndpointLoader()
