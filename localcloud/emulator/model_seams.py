"""Lets ministack read the model of a service once, and without a session of botocore.

ministack takes content types, routes and tags from botocore's models. For each service it would make a session, search
all services for it, and read the model twice: a fifth of the emulator's processor time during a deployment.
"""

import functools
from typing import Any

from botocore.exceptions import BotoCoreError
from botocore.model import ServiceModel
from ministack.core import iam_actions, responses

from localcloud.emulator.sdk_models import model_loader
from localcloud.emulator.seams import seam


def read_models_once() -> None:
    """Replace how ministack reads models."""
    seam(responses, "_service_model", "service")
    seam(iam_actions, "_load_botocore_model", "botocore_service")
    responses._service_model = _service_model
    iam_actions._load_botocore_model = _document


@functools.cache
def _service_model(service: str) -> ServiceModel | None:
    """Return the model of a service by ministack's name; None for a service that AWS's SDK does not know."""
    document = _document(responses._BOTOCORE_NAME.get(service, service))
    return ServiceModel(document, service) if document else None


@functools.cache
def _document(service: str) -> dict[str, Any]:
    """Return a model as it is in its file; empty for a service that AWS's SDK does not know."""
    try:
        return model_loader().load_service_model(service, "service-2")
    except BotoCoreError:
        return {}
