"""Every connection of the commands: who is asked, with which credentials, and who is named when no answer comes."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from requests.auth import HTTPBasicAuth
from typer.testing import CliRunner

from ops import clients, connections
from ops.__main__ import app
from ops.api import query_services, request_token
from ops.errors import explain
from ops.stack import StackOutputs, parse_outputs
from tests.fakes.checkout import ROOT
from tests.fakes.command_lines import CommandLine, walk
from tests.fakes.strangers import (
    NETRC_AUTHORIZATION,
    PROXIES,
    Recorder,
    Respond,
    bad_gateway,
    empty,
    make_hostile,
    outputs_at,
    recording,
)

SERVICES = sorted(set(re.findall(r'\.client\("([a-z-]+)"\)', "".join(f.read_text() for f in ROOT.glob("ops/**/*.py")))))
COMMANDS = [line for line in walk("ops") if "--outputs" in line.options]


def call(client: Any) -> None:
    """Call a signed operation that needs no input."""
    operations = map(client.meta.service_model.operation_model, client.meta.service_model.operation_names)
    signed = (operation for operation in operations if operation.auth_type != "none")
    client._make_api_call(next(o.name for o in signed if not (o.input_shape or o).metadata.get("required")), {})


def first_call(service: str) -> Callable[[StackOutputs], None]:
    return lambda outputs: call(outputs.client(service))


# What each connection is to be asked with, and how it is named.
CONNECTIONS: dict[str, Callable[[StackOutputs], Any]] = {
    "token endpoint": lambda outputs: request_token(outputs, outputs.api_client(None)),
    "API": lambda outputs: query_services(outputs, "ada", "granted").services,
    "API without a token": lambda outputs: query_services(outputs, "ada", None).services,
    **{service: first_call(service) for service in SERVICES},
}
AUTHORIZATIONS = {"token endpoint": r"Basic dGhlLWlk\S+", "API": "granted", "API without a token": ""}
PARTIES = {"token endpoint": "oauth2/token|token endpoint", "API": "API", "API without a token": "API"}


def outputs_of(url: str) -> StackOutputs:
    return parse_outputs(json.dumps(outputs_at(url)), "a file")


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """A proxy that the environment of this process names for everything, with all else that could mislead it."""
    # boto3 keeps a session, with its credentials, for the process.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with recording(bad_gateway) as proxy:
        make_hostile(tmp_path / "home", proxy.url, monkeypatch)
        yield proxy


def test_every_service_of_the_commands_is_found():
    assert {"cloudwatch", "dynamodb", "lambda", "logs", "sns", "sqs"} <= set(SERVICES)


@pytest.mark.parametrize("name", CONNECTIONS)
def test_embedded_cloud_is_asked_directly_and_with_its_own_credentials(name: str, proxy: Recorder):
    with recording() as cloud:
        explained(lambda: CONNECTIONS[name](outputs_of(cloud.url)))
    assert proxy.received == []
    assert len(cloud.received) == 1
    wanted = AUTHORIZATIONS.get(name, r"AWS4-HMAC-SHA256 Credential=key/\d+/eu-west-1/.*")
    assert re.fullmatch(wanted, cloud.received[0].authorization)


@pytest.mark.parametrize("line", COMMANDS, ids=str)
def test_every_command_asks_the_embedded_cloud_directly(line: CommandLine, proxy: Recorder, tmp_path: Path):
    file = tmp_path / "outputs.json"
    with recording() as cloud:
        file.write_text(json.dumps(outputs_at(cloud.url)))
        CliRunner().invoke(app, line.words("--outputs", str(file))[1:], catch_exceptions=False)
    assert proxy.received == []
    assert cloud.received
    assert NETRC_AUTHORIZATION not in {request.authorization for request in cloud.received}


def test_control_plain_clients_are_misled(proxy: Recorder, monkeypatch: pytest.MonkeyPatch):
    with recording() as cloud:
        requests.get(cloud.url, timeout=5)
        assert (len(proxy.received), cloud.received) == (1, [])
        with pytest.raises(BotoCoreError):
            boto3.client("sqs", endpoint_url=cloud.url)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        requests.get(f"{cloud.url}/api", headers={"Authorization": "granted"}, timeout=5)
        assert [request.authorization for request in cloud.received] == [NETRC_AUTHORIZATION]


def test_aws_is_asked_through_the_proxy_and_never_with_a_password_of_netrc(
    proxy: Recorder, monkeypatch: pytest.MonkeyPatch
):
    for authorize, sent in ((HTTPBasicAuth("c", "d"), "Basic Yzpk"), (lambda prepared: prepared, "")):
        connections.request("GET", "http://api.example.com/v1", "API", authorize=authorize)
        assert proxy.received.pop().authorization == sent
    for name in ("PROFILE", "DEFAULTS_MODE", "RETRY_MODE", "STS_REGIONAL_ENDPOINTS", "CA_BUNDLE", "ENDPOINT_URL"):
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.delenv("AWS_ACCOUNT_ID_ENDPOINT_MODE")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nope")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nope")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(clients, "CLIENT_CONFIG", Config(retries={"total_max_attempts": 1}))
    sentence = explained(lambda: clients.aws_client("sqs", "eu-west-1").list_queues())
    assert [(request.method, request.path) for request in proxy.received] == [
        ("CONNECT", "sqs.eu-west-1.amazonaws.com:443")
    ]
    assert "https_proxy" in sentence


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("https_proxy", "http://puser:psecret@127.0.0.1:notaport", "https_proxy"),
        ("https_proxy", "socks5://puser:psecret@127.0.0.1:9", "https_proxy"),
        ("REQUESTS_CA_BUNDLE", "/nope", "REQUESTS_CA_BUNDLE"),
    ],
)
def test_mistake_in_the_environment_is_named_without_its_password(
    variable: str, value: str, named: str, monkeypatch: pytest.MonkeyPatch
):
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv(variable, value)
    url = "https://api.example.invalid/v1"
    sentence = explained(lambda: connections.request("GET", url, "API", authorize=lambda prepared: prepared))
    assert named in sentence
    assert "psecret" not in sentence


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/a", "http://[::1]:1", "http://localhost", "http://a.localhost:4"])
def test_loopback_is_recognized(url: str):
    assert connections.is_loopback(url)
    assert not connections.is_loopback(url.replace("localhost", "localhost.example").replace("1", "2"))


def explained(ask: Callable[[], Any]) -> str:
    """Return the sentence an operator reads when this fails; any other failure is a defect."""
    try:
        ask()
    except Exception as error:
        sentence = explain(error)
        if sentence is None:
            raise
        return sentence
    return ""


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands wait for a fifth of a second."""
    monkeypatch.setattr(connections, "TIMEOUT_SECONDS", (5, 0.2))
    one_try = Config(connect_timeout=5, read_timeout=0.2, retries={"total_max_attempts": 1})
    monkeypatch.setattr(clients, "CLIENT_CONFIG", one_try)


def assert_names_the_party(name: str, url: str) -> None:
    sentence = explained(lambda: CONNECTIONS[name](outputs_of(url)))
    assert re.search(PARTIES.get(name, re.escape(url)), sentence), sentence
    assert sentence.endswith((".", "?"))
    assert "the-secret" not in sentence


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("respond", [empty, bad_gateway, None], ids=["empty", "502", "silent"])
@pytest.mark.parametrize("name", CONNECTIONS)
def test_failed_connection_names_the_party(name: str, respond: Respond | None):
    with recording(respond) as server:
        assert_names_the_party(name, server.url)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", CONNECTIONS)
def test_closed_port_names_the_party(name: str):
    with recording() as server:
        pass
    assert_names_the_party(name, server.url)


@pytest.mark.parametrize("line", COMMANDS, ids=str)
def test_every_command_reports_a_stranger_on_the_port(line: CommandLine, tmp_path: Path, monkeypatch: Any):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with recording(empty) as stranger:
        Path("outputs.json").write_text(json.dumps(outputs_at(stranger.url)))
        result = CliRunner().invoke(app, line.words("--outputs", "outputs.json")[1:], catch_exceptions=False)
    assert result.exit_code == 1
    assert re.search("not the embedded cloud|something other than a token", result.stderr.splitlines()[-1])
