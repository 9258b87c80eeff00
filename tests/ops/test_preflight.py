"""Each thing that would stop a deployment is found before it, with the line that mends it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from typer.testing import CliRunner, Result

from components.identity import domain_prefix
from ops import preflight
from ops.__main__ import app

ACCOUNT = "123456789012"
CONFIG = {
    "aws:region": "eu-west-1",
    "event-processing:owner": "team",
    "event-processing:runbookUrl": "https://example.com/runbook.md",
    "event-processing:apiClients": '["example"]',
    "event-processing:pythonVersion": "3.11",
}
CHECKS = ["pulumi CLI", "settings", "python", "credentials", "API Gateway", "concurrency", "domain"]


class NotFoundError(Exception):
    """Stands for Lambda's ResourceNotFoundException."""


class Machine:
    """A machine with a Pulumi CLI and credentials of an account; a test spoils one thing of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: dict[str, dict[str, Any]] = {
            key: {"value": value, "secret": False} for key, value in CONFIG.items()
        }
        self.version = "v3.219.0"
        self.refusing: dict[str, Exception] = {}
        self.role = "arn:aws:iam::123456789012:role/api-gateway-logs"
        self.unreserved = 1000
        self.reserved: int | None = None
        self.domain: dict[str, str] = {}
        self.pool_name = "event-processing-dev-callers"

    def install_cli(self) -> None:
        answer = self.folder / "config.json"
        answer.write_text(json.dumps(self.config))
        cli = self.folder / "pulumi"
        cli.write_text(
            f"#!/bin/sh\n[ \"$1 $2\" = 'version --non-interactive' ] && echo {self.version} && exit\n"
            f"[ \"$*\" = 'config --json --show-secrets --stack dev --non-interactive' ] && exec cat {answer}\n"
            "echo 'error: no stack named that' >&2; exit 1\n"
        )
        cli.chmod(0o755)

    def client(self, service: str, settings: Any) -> Any:
        if service in self.refusing:
            raise self.refusing[service]
        return {
            "sts": SimpleNamespace(get_caller_identity=lambda: {"Account": ACCOUNT}),
            "apigateway": SimpleNamespace(get_account=lambda: {"cloudwatchRoleArn": self.role} if self.role else {}),
            "lambda": SimpleNamespace(
                exceptions=SimpleNamespace(ResourceNotFoundException=NotFoundError),
                get_account_settings=lambda: {"AccountLimit": {"UnreservedConcurrentExecutions": self.unreserved}},
                get_function_concurrency=self.get_function_concurrency,
                list_provisioned_concurrency_configs=lambda **_: {"ProvisionedConcurrencyConfigs": []},
            ),
            "cognito-idp": SimpleNamespace(
                describe_user_pool_domain=self.describe_user_pool_domain,
                describe_user_pool=lambda **_: {"UserPool": {"Id": "pool", "Name": self.pool_name}},
            ),
        }[service]

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:  # noqa: N803
        assert FunctionName == "event-processing-dev-event-handler"
        if self.reserved is None:
            raise NotFoundError
        return {"ReservedConcurrentExecutions": self.reserved}

    def describe_user_pool_domain(self, Domain: str) -> dict[str, Any]:  # noqa: N803
        assert Domain == domain_prefix("event-processing-dev-callers", ACCOUNT)
        return {"DomainDescription": self.domain}

    def run(self, *arguments: str, stack: str = "dev") -> Result:
        return CliRunner().invoke(app, ["preflight", "--stack", stack, *arguments])

    def problems(self) -> dict[str, str]:
        """Name -> what was found and how to fix it, of every check that is not ok."""
        self.install_cli()
        answer = self.run("--json")
        document = json.loads(answer.stdout)
        assert answer.exit_code == (0 if document["ready"] else 1)
        assert [check["name"] for check in document["checks"]] == CHECKS
        return {
            one["name"]: f"{one['found']} | {one['fix']}" if one["state"] == "problem" else one["state"]
            for one in document["checks"]
            if one["state"] != "ok"
        }


@pytest.fixture
def machine(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(preflight, "_client", machine.client)
    monkeypatch.setattr(preflight, "PROJECT", checkout)
    # Whether there is an interpreter is the artifact's test; a process each time would only take time.
    monkeypatch.setattr(preflight, "find_interpreter", lambda version: "python")
    return machine


def test_what_is_ready_is_said_line_by_line(machine: Machine):
    machine.install_cli()
    answer = machine.run()
    assert answer.exit_code == 0
    assert [line[:12].strip() for line in answer.stdout.splitlines()] == ["ok"] * len(CHECKS)


def test_a_problem_is_followed_by_what_mends_it(machine: Machine):
    machine.role = ""
    machine.install_cli()
    answer = machine.run()
    assert answer.exit_code == 1
    assert "fix: pulumi config set --stack dev manageApiGatewayAccount true" in answer.stdout


def test_without_the_cli_nothing_else_can_be_checked(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    answer = machine.run()
    assert answer.exit_code == 1
    assert "problem     pulumi CLI: the Pulumi CLI is not on PATH" in answer.stdout
    assert answer.stdout.count("not checked") == len(CHECKS) - 1


def test_an_old_cli_is_a_problem_and_a_newer_one_is_not(machine: Machine):
    machine.version = "v3.99.0"
    assert "version 3.99.0 | install 3.219.0" in machine.problems()["pulumi CLI"]
    machine.version = "v4.0.0"
    assert machine.problems() == {}


def test_a_stack_the_cli_does_not_know_is_a_problem(machine: Machine):
    machine.install_cli()
    answer = machine.run(stack="other")
    assert "no stack named that" in answer.stdout
    assert "fix: pulumi stack select other --create" in answer.stdout


def test_settings_are_checked_by_the_programs_own_rules_all_at_once(machine: Machine):
    machine.config["event-processing:owner"]["value"] = ""
    del machine.config["aws:region"]
    machine.install_cli()
    answer = machine.run()
    assert answer.exit_code == 1
    assert "fix: pulumi config set --stack dev owner TEAM" in answer.stdout
    assert "fix: pulumi config set --stack dev aws:region eu-west-1" in answer.stdout


def test_a_secret_setting_is_not_shown(machine: Machine):
    machine.config["event-processing:pageEndpoint"] = {"value": "http://pager/KEY", "secret": True}
    machine.install_cli()
    assert "pageEndpoint must be an https URL" in machine.run().stdout
    assert "KEY" not in machine.run().stdout
    machine.config["event-processing:pageEndpoint"]["secret"] = False
    machine.install_cli()
    assert "KEY" in machine.run().stdout  # the control


def test_a_missing_python_is_a_problem(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    def none(version: str) -> str:
        raise preflight.ArtifactError(f"no python{version}")

    monkeypatch.setattr(preflight, "find_interpreter", none)
    assert machine.problems() == {"python": "no python3.11 | uv python install 3.11"}


def test_without_credentials_the_account_is_not_checked(machine: Machine):
    machine.refusing["sts"] = NoCredentialsError()
    problems = machine.problems()
    assert problems.pop("credentials").startswith("No complete AWS credentials were found")
    assert problems == dict.fromkeys(CHECKS[4:], "not checked")


def test_an_account_that_is_not_allowed_is_a_problem(machine: Machine):
    machine.config["aws:allowedAccountIds"] = {"value": '["210987654321"]', "secret": False}
    assert "account 123456789012, but aws:allowedAccountIds is 210987654321" in machine.problems()["credentials"]
    machine.config["aws:allowedAccountIds"] = {"value": f'["{ACCOUNT}"]', "secret": False}
    assert machine.problems() == {}


def test_a_right_that_is_missing_is_a_problem_of_its_check_alone(machine: Machine):
    refusal = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    machine.refusing["lambda"] = ClientError(refusal, "GetAccountSettings")
    assert list(machine.problems()) == ["concurrency"]


def test_api_gateway_may_write_logs_or_the_stack_lets_it(machine: Machine):
    machine.role = ""
    assert "manageApiGatewayAccount true" in machine.problems()["API Gateway"]
    machine.config["event-processing:manageApiGatewayAccount"] = {"value": "true", "secret": False}
    assert machine.problems() == {}


@pytest.mark.parametrize(
    ("unreserved", "held", "good"),
    [(110, None, True), (109, None, False), (100, 10, True), (100, 9, False), (10, None, False), (50, 12, True)],
)
def test_a_hundred_must_stay_unreserved_after_what_the_stack_does_not_hold_yet(
    machine: Machine, unreserved: int, held: int | None, good: bool
):
    machine.config["event-processing:reservedConcurrency"] = {"value": "10", "secret": False}
    machine.unreserved, machine.reserved = unreserved, held
    assert (machine.problems() == {}) == good


def test_a_small_account_is_ready_for_a_stack_that_reserves_nothing(machine: Machine):
    machine.unreserved = 10
    assert machine.problems() == {}


@pytest.mark.parametrize(
    ("owner", "pool_name", "good"),
    [
        (ACCOUNT, "event-processing-dev-callers", True),
        (ACCOUNT, "another", False),
        ("210987654321", "event-processing-dev-callers", False),
    ],
)
def test_a_domain_is_free_or_this_stacks_own(machine: Machine, owner: str, pool_name: str, good: bool):
    machine.domain, machine.pool_name = {"UserPoolId": "pool", "AWSAccountId": owner}, pool_name
    assert (machine.problems() == {}) == good
