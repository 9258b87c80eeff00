"""docs/api.md: every command of the page, run unchanged against a deployed stack."""

import json
import os
import re
import subprocess

import pytest

from tests.e2e.conftest import ROOT, Stack, event
from tests.fakes.waiting import HANG_SECONDS, eventually

PAGE = (ROOT / "docs" / "api.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def run(stack: Stack, command: str, **variables: str) -> str:
    client = stack.outputs["apiClients"]["reporting"]
    environment = {
        "PATH": os.environ["PATH"],
        "TOKEN_URL": stack.outputs["tokenUrl"],
        "API_URL": stack.outputs["apiUrl"],
        "API_SCOPE": stack.outputs["apiScope"],
        "CLIENT_ID": client["clientId"],
        "CLIENT_SECRET": client["clientSecret"],
        "no_proxy": "*",
    }
    shell, environment = ["sh", "-c", command], environment | variables
    ran = subprocess.run(shell, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert (ran.returncode, ran.stderr) == (0, ""), f"{command}\n{ran.stderr}"
    return ran.stdout


@pytest.fixture(scope="module")
def logins(neighbour: Stack) -> None:
    for user in ("alice", "auth0|team/7 \u00e4"):
        neighbour.send(event(user, "mail", "2026-11-23T05:50:18Z", "Web mail"))
        eventually(lambda user=user: neighbour.record(user), bool)


def test_commands_of_the_page_work(neighbour: Stack, logins: None):
    get_token, query, query_encoded, query_without_token = COMMANDS
    granted = json.loads(run(neighbour, get_token))
    assert granted.keys() == {"access_token", "expires_in", "token_type"}
    token = granted["access_token"]
    (shown,) = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert json.loads(run(neighbour, query, TOKEN=token)) == json.loads(shown)
    encoded = json.loads(shown) | {"user_id": "auth0|team/7 \u00e4"}
    assert json.loads(run(neighbour, query_encoded, TOKEN=token)) == encoded
    body, status = run(neighbour, query_without_token).split("\n")[:2]
    assert status == "401"
    assert json.loads(body).keys() == {"message", "request_id"}


def test_status_table_matches_openapi():
    described = re.findall(r'^        "(\d+)":$', (ROOT / "docs" / "openapi.yaml").read_text(), re.MULTILINE)
    assert re.findall(r"^\| (\d{3}) \|", PAGE, re.MULTILINE) == [status for status in described if status != "200"]


@pytest.mark.parametrize(
    ("secret", "scope", "error"), [("guessed", None, "invalid_client"), (None, "other/scope", "invalid_scope")]
)
def test_token_endpoint_errors_are_as_documented(neighbour: Stack, secret: str | None, scope: str | None, error: str):
    client = neighbour.outputs["apiClients"]["reporting"]
    id_and_secret = client["clientId"], secret or client["clientSecret"]
    answer = neighbour.request_token(*id_and_secret, scope or neighbour.outputs["apiScope"])
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert f'`400 {{"error": "{error}"}}`' in PAGE
