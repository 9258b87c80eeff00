"""The same empty table in the model, in moto, and in the embedded cloud."""

from collections.abc import Iterator
from typing import Any, cast

import pytest
from moto import mock_aws

from handlers.clients import make_client
from handlers.store import UserRecordStore
from localcloud.emulator.process import Emulator
from localcloud.models.table import TableModel
from tests.fakes.aws import TABLE, create_table, session


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "differs(moto=, cloud=): why that stand-in is known to differ from AWS here")


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator.start() as running:
        yield running


@pytest.fixture
def model() -> TableModel:
    return TableModel(TABLE)


@pytest.fixture
def moto() -> Iterator[Any]:
    with mock_aws():
        client = make_client(cast("Any", session()._session), "dynamodb", read_timeout_seconds=2)
        create_table(client)
        yield client


@pytest.fixture
def cloud(emulator: Emulator) -> Iterator[Any]:
    client = emulator.client("dynamodb")
    create_table(client)
    yield client
    client.delete_table(TableName=TABLE)


@pytest.fixture(params=["model", "moto", pytest.param("cloud", marks=pytest.mark.e2e)])
def stand_in(request: pytest.FixtureRequest) -> str:
    """The stand-in for AWS. Where a stand-in is known to differ from AWS, the marker `differs` says why."""
    differences = request.node.get_closest_marker("differs")
    reason = differences and differences.kwargs.get(request.param)
    if reason:
        request.applymarker(pytest.mark.xfail(reason=f"{request.param}: {reason}", strict=True))
    return request.param


@pytest.fixture
def dynamodb(request: pytest.FixtureRequest, stand_in: str) -> Any:
    """A client of an empty table."""
    return request.getfixturevalue(stand_in)


@pytest.fixture
def store(dynamodb: Any) -> UserRecordStore:
    return UserRecordStore(dynamodb, TABLE, sleep=lambda seconds: None)
