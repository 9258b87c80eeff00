"""What several kinds of tests share."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path

import botocore.session
import pytest

from localcloud.deployer import recorder
from localcloud.deployer.recorder import PROD_OVERLAY, Graph, record
from tests.fakes.checkout import link_checkout
from tests.fakes.stack_files import Guard


@pytest.fixture(scope="session")
def dev_graph() -> Graph:
    """The whole program as stack `dev` would deploy it. Not to be changed by a test: copy first."""
    return record("dev")


@pytest.fixture(scope="session")
def prod_graph() -> Graph:
    """The whole program as stack `prod` would deploy it, with clients and somebody to page named."""
    return record("prod", PROD_OVERLAY)


@pytest.fixture(scope="session")
def extended_graph() -> Graph:
    """Stack `dev` with everything switched on that makes resources of its own."""
    extensions = {
        "cmk": True,
        "manageApiGatewayAccount": True,
        "producerPrincipals": ["arn:aws:iam::210987654321:role/identity-provider"],
        "apiClients": ["one", "two"],
        "alarmEmail": "oncall@example.com",
        "monitoring": "full",
        "alarms": {"queue-age": {"threshold": 900}, "api-5xx": {"enabled": False}, "queue-silent": {"enabled": True}},
        "batchSize": 100,
        "batchWindowSeconds": 5,
    }
    return record("dev", extensions)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to run commands in as in the checkout, with stack files of the tests' own."""
    return link_checkout(tmp_path_factory.mktemp("checkout"))


GUARD = Guard()


@pytest.fixture
def committed_stacks() -> Iterator[None]:
    """Lets a test read the stack files of the checkout."""
    with GUARD.lifted():
        yield


@pytest.fixture(autouse=True, scope="session")
def _recordings_are_shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Workers beside each other record a stack once; their own folders lie in one that is this run's alone."""
    with pytest.MonkeyPatch.context() as patch:
        if "PYTEST_XDIST_WORKER" in os.environ:
            patch.setattr(recorder, "shared_folder", tmp_path_factory.getbasetemp().parent)
        yield


@pytest.fixture(autouse=True, scope="session")
def _services_are_read_once() -> Iterator[None]:
    """Megabytes that describe AWS's services are read once a process, and not by each of hundreds of sessions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing that a test caches is left in the home of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield
