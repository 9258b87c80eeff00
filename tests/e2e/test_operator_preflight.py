"""`python -m ops preflight` against an account in which the stack is deployed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.settings.stack_settings import StackSettings
from localcloud.deployer import stack_config
from localcloud.deployer.recorder import Graph
from ops import preflight
from ops.__main__ import app
from ops.preflight import names
from tests.e2e.conftest import Stack
from tests.fakes import pulumi_cli

Run = Callable[[list[dict[str, Any]]], dict[str, list[str]]]


@pytest.fixture
def run(stack: Stack, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `preflight` with a state, settings of stack dev and credentials of the account; returns finds by check."""
    values = stack_config.read(checkout, "dev").values
    monkeypatch.setattr("ops.stack.PROJECT", checkout)
    # The interpreters of this machine are not part of this test.
    monkeypatch.setattr(preflight, "find_interpreter", lambda version: "python")
    # The emulator does not keep what X-Ray names; tests/ops looks them up.
    monkeypatch.setattr(names, "_find_trace_group", lambda target, name: None)
    monkeypatch.setattr(names, "_find_sampling_rule", lambda target, name: None)
    config = json.dumps({key: {"value": value, "secret": False} for key, value in values.items()})
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("AWS_ENDPOINT_URL", stack.outputs["endpoint"])
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", stack.outputs["accessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", stack.outputs["secretAccessKey"])

    def run(resources: list[dict[str, Any]]) -> dict[str, list[str]]:
        printed = {
            "version": "v3.219.0",
            "config --json --show-secrets --stack dev": config,
            "stack export --stack dev": json.dumps({"deployment": {"resources": resources}}, default=str),
        }
        pulumi_cli.install(tmp_path, printed)
        answer = CliRunner().invoke(app, ["preflight", "--stack", "dev", "--json"])
        assert answer.stderr == ""
        assert answer.exit_code == 1
        problems: dict[str, list[str]] = {}
        for check in json.loads(answer.stdout)["checks"]:
            if check["state"] != "ok":
                problems.setdefault(check["name"], []).append(check["found"])
        return problems

    return run


def test_preflight_checks_the_account(run: Run, dev_graph: Graph):
    state = [{"urn": made.urn, "type": made.type, "inputs": made.inputs} for made in dev_graph.resources]
    # Like a new AWS account, the emulator's has no role for API Gateway's logs.
    assert list(run(state)) == ["API Gateway"]


def test_resources_of_a_lost_state_are_found(run: Run):
    found = run([])
    assert "which has this stack's name and is not in its state" in found["domain"][0]
    assert [" ".join(sentence.split()[:2]) for sentence in found["names"]] == [
        "Table event-processing-dev-user-services",
        "Queue event-processing-dev-events",
        "Queue event-processing-dev-events-dead-letters",
        "Function event-processing-dev-event-handler",
        "Alias live",
        "Function event-processing-dev-query",
        "Alias live",
        "LogGroup /event-processing/dev/api-access",
        "LogGroup /event-processing/dev/event-handler",
        "LogGroup /event-processing/dev/query",
        "EventSourceMapping event-processing-dev-events",
    ]


def test_names_within_a_pool_and_an_api_are_found(run: Run, stack: Stack, dev_graph: Graph):
    """What `up` was creating when it was killed is not in the state, but the pool and the API are."""
    pools = stack.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"]
    apis = stack.client("apigateway").get_rest_apis()["items"]
    ids = {"aws:cognito/userPool:UserPool": pools[0]["Id"], "aws:apigateway/restApi:RestApi": apis[0]["id"]}
    group = f"API-Gateway-Execution-Logs_{apis[0]['id']}/v1"
    state = [
        {"urn": made.urn, "type": made.type, "inputs": made.inputs, "id": ids.get(made.type)}
        for made in dev_graph.resources
        if made.type != "aws:cognito/resourceServer:ResourceServer" and made.name != "api-execution-log"
    ]
    found = [" ".join(sentence.split()[:2]) for sentence in run(state)["names"]]
    assert found == ["ResourceServer event-processing", f"LogGroup {group}"]


def test_names_of_a_stack_that_was_never_deployed_are_free(run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(StackSettings, "physical_prefix", "event-processing-other")
    monkeypatch.setattr(StackSettings, "log_group_name", lambda settings, role: f"/event-processing/other/{role}")
    assert list(run([])) == ["API Gateway"]
