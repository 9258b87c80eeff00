"""Over TLS, requests go to a server that botocore would trust, and to no other."""

import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import SSLError

from handlers import clients
from handlers.dynamodb_requests import DynamoDbRequests
from tests.fakes.aws import TABLE
from tests.fakes.certificates import Authority
from tests.fakes.faulty_table import FaultyTable
from tests.handlers.support import Ours, Theirs, outcome_of

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
READ = {"TableName": TABLE, "Key": {"user_id": {"S": "u"}}}


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Authority]:
    folder = tmp_path_factory.mktemp("authorities")
    return {name: Authority(folder, name) for name in ("trusted", "other")}


@pytest.fixture
def server(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Who signed the server's certificate, and for which address."""
    return getattr(request, "param", ("trusted", HERE))


@pytest.fixture
def table(authorities: dict[str, Authority], server: tuple[str, str]) -> Iterator[FaultyTable]:
    """The table behind TLS."""
    signer, address = server
    with FaultyTable(TABLE, authorities[signer].server(address)) as table:
        yield table


@pytest.fixture(autouse=True)
def trust(
    table: FaultyTable, backoffs: list[float], authorities: dict[str, Authority], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """The file of the authority that the clients trust."""
    path = authorities["trusted"].path
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://{HERE}:{table.port}")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(path))
    return path


def requests_of_botocore(client: Any) -> list[Any]:
    sent: list[Any] = []
    client._botocores().client.meta.events.register("before-send.dynamodb", lambda request, **_: sent.append(request))
    return sent


def assert_served_without_botocore(table: FaultyTable, ours: Ours) -> None:
    client = ours()
    sent = requests_of_botocore(client)
    for _ in range(3):
        assert "Item" not in client.get_item(**READ)
    assert (len(table.requests), len(table.connections), sent) == (3, 1, [])


def test_trusted_server_is_asked_without_botocore(table: FaultyTable, ours: Ours) -> None:
    assert_served_without_botocore(table, ours)


def test_authority_can_be_named_in_the_configuration_file(
    table: FaultyTable, ours: Ours, trust: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE")
    (tmp_path / "config").write_text(f"[default]\nca_bundle = {trust}\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    assert_served_without_botocore(table, ours)


def assert_nothing_is_sent(table: FaultyTable, ours: Ours, theirs: Theirs) -> None:
    outcomes = [outcome_of(client, "get_item", READ) for client in (ours(), theirs())]
    assert outcomes == [(SSLError, "SSLError")] * 2
    assert table.requests == []


UNTRUSTED = pytest.mark.parametrize(
    "server", [("trusted", ELSEWHERE), ("other", HERE)], indirect=True, ids=["other host", "other authority"]
)


@UNTRUSTED
def test_server_that_is_not_trusted_gets_no_request(table: FaultyTable, ours: Ours, theirs: Theirs) -> None:
    assert_nothing_is_sent(table, ours, theirs)


def test_authorities_of_the_web_are_not_those_of_this_table(
    table: FaultyTable, ours: Ours, theirs: Theirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE")
    assert_nothing_is_sent(table, ours, theirs)


def _trusting(change: Callable[[ssl.SSLContext], None]) -> SimpleNamespace:
    def make(protocol: int) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        change(context)
        return context

    return SimpleNamespace(SSLContext=make, PROTOCOL_TLS_CLIENT=ssl.PROTOCOL_TLS_CLIENT)


def any_host(context: ssl.SSLContext) -> None:
    context.check_hostname = False


def any_authority(context: ssl.SSLContext) -> None:
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE


@pytest.mark.parametrize(
    ("server", "defect"),
    [(("trusted", ELSEWHERE), any_host), (("other", HERE), any_authority)],
    indirect=["server"],
    ids=["any host", "any authority"],
)
def test_control_client_that_trusts_too_many_is_caught(
    table: FaultyTable,
    ours: Ours,
    theirs: Theirs,
    defect: Callable[[ssl.SSLContext], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(clients, "ssl", _trusting(defect))
    with pytest.raises(AssertionError):
        assert_nothing_is_sent(table, ours, theirs)


def test_control_client_that_leaves_all_to_botocore_is_caught(
    table: FaultyTable, ours: Ours, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(self: Any, _: str, method: str, request: dict[str, Any]) -> Any:
        return getattr(self._botocores().client, method)(**request)

    monkeypatch.setattr(DynamoDbRequests, "_call", call)
    with pytest.raises(AssertionError):
        assert_served_without_botocore(table, ours)
