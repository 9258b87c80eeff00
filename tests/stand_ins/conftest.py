"""The same empty table, three times: in the model of the chaos tests, in moto, and in the embedded cloud."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from handlers.clients import make_client
from handlers.store import UserRecordStore
from localcloud.emulator.process import Emulator
from tests.chaos.table import TableModel
from tests.stand_ins.requests import TABLE


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "differs(moto=, cloud=): why that stand-in is known not to do here as AWS does")


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-west-1")


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator.start() as running:
        yield running


def create_table(client: Any) -> None:
    client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "user_id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "user_id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture
def model() -> TableModel:
    return TableModel(TABLE)


@pytest.fixture
def moto(session: boto3.Session) -> Iterator[Any]:
    with mock_aws():
        client = make_client(session._session, "dynamodb", read_timeout_seconds=2)
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
    """What answers in AWS's place. Where one is known not to do as AWS does, the marker `differs` says why."""
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
