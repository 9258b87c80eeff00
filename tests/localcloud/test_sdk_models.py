"""The models of AWS's services are those of botocore, read without its session."""

import subprocess
import sys

import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from localcloud.emulator.sdk_models import OneEndpointLoader
from ops import embedded_session

LOADERS = pytest.mark.parametrize(
    "loader", [OneEndpointLoader, embedded_session.OneEndpointLoader], ids=["localcloud", "ops"]
)


@LOADERS
def test_models_are_those_that_botocore_reads(loader: type[Loader]):
    for service in ("sts", "xray"):
        for kind in ("service-2", "paginators-1"):
            assert loader().load_service_model(service, kind) == Loader().load_service_model(service, kind)


@LOADERS
def test_unknown_service_and_endpoints_have_no_model(loader: type[Loader]):
    for service, kind in (("nowhere", "service-2"), ("sts", "endpoint-rule-set-1")):
        with pytest.raises(UnknownServiceError):
            loader().load_service_model(service, kind)


@pytest.mark.parametrize(
    ("module", "has_session"),
    [("localcloud.emulator.sdk_models", False), ("localcloud.emulator.sdk_session", True)],
    ids=["models", "control"],
)
def test_models_need_no_session(module: str, has_session: bool):
    program = f"import sys, {module}; print('botocore.session' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == str(has_session)
