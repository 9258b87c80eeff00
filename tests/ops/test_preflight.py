"""Everything that would stop a deployment is found before it, with its fix."""

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
from ops.preflight import names
from ops.preflight.check import Target
from tests.fakes import pulumi_cli

ACCOUNT = "123456789012"
CONFIG = {
    "aws:region": "eu-west-1",
    "event-processing:owner": "team",
    "event-processing:runbookUrl": "https://example.com/runbook.md",
    "event-processing:apiClients": '["example"]',
    "event-processing:pythonVersion": "3.11",
}
CHECKS = ["pulumi CLI", "settings", "python", "state", "credentials", "API Gateway", "concurrency", "names", "domain"]
RELEASE = Path(__file__).parents[1] / "engine/releases/0.1.0/dev.jsonl"
URN = "urn:pulumi:dev::event-processing::"


class NotFoundError(Exception):
    """Stands in for Lambda's ResourceNotFoundException."""


class Machine:
    """A machine with a Pulumi CLI and AWS credentials, of which a test breaks one part."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: dict[str, dict[str, Any]] = {}
        for key, value in CONFIG.items():
            self.configure(key, value)
        self.version = "v3.219.0"
        self.exists = True
        self.errors: dict[str, Exception] = {}
        self.state: dict[str, Any] = {"deployment": {}}
        self.role = "arn:aws:iam::123456789012:role/api-gateway-logs"
        self.roles = {"api-gateway-logs"}
        self.limit = 1000
        self.unreserved = 1000
        self.holders: dict[str, str] = {}
        self.reserved: int | None = None
        self.domain: dict[str, str] = {}
        self.pool_name = "event-processing-dev-callers"

    def configure(self, key: str, value: str, *, secret: bool = False) -> None:
        self.config[key] = {"value": value, "secret": secret}

    def deployed(self) -> list[dict[str, Any]]:
        """Deploy release 0.1.0, and return the resources of its state."""
        resources = [json.loads(line) for line in RELEASE.read_text().splitlines()]
        self.state["deployment"]["resources"] = resources
        return resources

    def client(self, service: str) -> Any:
        if service in self.errors:
            raise self.errors[service]
        return {
            "sts": SimpleNamespace(get_caller_identity=lambda: {"Account": ACCOUNT}),
            "apigateway": SimpleNamespace(get_account=lambda: {"cloudwatchRoleArn": self.role} if self.role else {}),
            "iam": SimpleNamespace(get_role=self.get_role),
            "lambda": SimpleNamespace(
                exceptions=SimpleNamespace(ResourceNotFoundException=NotFoundError),
                get_account_settings=lambda: {
                    "AccountLimit": {
                        "ConcurrentExecutions": self.limit,
                        "UnreservedConcurrentExecutions": self.unreserved,
                    }
                },
                get_function_concurrency=self.get_function_concurrency,
                list_provisioned_concurrency_configs=lambda **_: {"ProvisionedConcurrencyConfigs": []},
            ),
            "cognito-idp": SimpleNamespace(
                describe_user_pool_domain=self.describe_user_pool_domain,
                describe_user_pool=lambda **_: {"UserPool": {"Id": "pool", "Name": self.pool_name}},
            ),
        }[service]

    def get_role(self, RoleName: str) -> None:  # noqa: N803
        if RoleName not in self.roles:
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": ""}}, "GetRole")

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:  # noqa: N803
        assert FunctionName == "event-processing-dev-event-handler"
        if self.reserved is None:
            raise NotFoundError
        return {"ReservedConcurrentExecutions": self.reserved}

    def describe_user_pool_domain(self, Domain: str) -> dict[str, Any]:  # noqa: N803
        assert Domain == domain_prefix("event-processing-dev-callers", ACCOUNT)
        return {"DomainDescription": self.domain}

    def run(self, *arguments: str, stack: str = "dev") -> Result:
        printed = {"version": self.version}
        if self.exists:
            printed[f"config --json --show-secrets --stack {stack}"] = json.dumps(self.config)
            printed[f"stack export --stack {stack}"] = json.dumps(self.state)
        pulumi_cli.install(self.folder, printed)
        return CliRunner().invoke(app, ["preflight", "--stack", stack, *arguments])

    def problems(self, stack: str = "dev") -> dict[str, str]:
        """Return what was found and its fix by name, of every check that is not ok."""
        answer = self.run("--json", stack=stack)
        document = json.loads(answer.stdout)
        assert answer.exit_code == (0 if document["ready"] else 1)
        assert [check["name"] for check in document["checks"]] == CHECKS
        return {
            check["name"]: f"{check['found']} | {check['fix']}" if check["state"] == "problem" else check["state"]
            for check in document["checks"]
            if check["state"] != "ok"
        }


@pytest.fixture
def machine(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(preflight, "aws_client", lambda service, region: machine.client(service))
    monkeypatch.setattr(Target, "client", lambda target, service: machine.client(service))
    # The look-ups are tested against the emulator's account.
    monkeypatch.setattr(names, "_holder", lambda target, name: machine.holders.get(name.value))
    monkeypatch.setattr("ops.stack.PROJECT", checkout)
    # Finding an interpreter is tested with the artifact, and would start a process in every test.
    monkeypatch.setattr(preflight, "find_interpreter", lambda version: "python")
    return machine


def test_ready_stack_prints_one_line_per_check(machine: Machine):
    answer = machine.run()
    assert answer.exit_code == 0
    assert [line[:12].strip() for line in answer.stdout.splitlines()] == ["ok"] * len(CHECKS)


def test_without_cli_other_checks_are_skipped(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", "")
    answer = machine.run()
    assert answer.exit_code == 1
    assert "problem     pulumi CLI: the Pulumi CLI is not on PATH" in answer.stdout
    assert answer.stdout.count("not checked") == len(CHECKS) - 1


def test_old_cli_is_a_problem_and_new_cli_is_not(machine: Machine):
    machine.version = "v3.99.0"
    assert "version 3.99.0 | install 3.219.0" in machine.problems()["pulumi CLI"]
    machine.version = "v4.0.0"
    assert machine.problems() == {}


@pytest.mark.parametrize("version", ["", "dev"])
def test_cli_of_unknown_version_is_used(machine: Machine, version: str):
    machine.version = version
    assert machine.problems() == {}
    assert "pulumi CLI: unknown version; the program needs 3.219.0 or newer" in machine.run().stdout


def test_unknown_stack_is_a_problem(machine: Machine):
    machine.exists = False
    answer = machine.run(stack="other")
    assert "no stack named that" in answer.stdout
    assert "fix: pulumi stack select other --create" in answer.stdout


@pytest.mark.parametrize("stack", ["acme/dev", "acme/event-processing/dev"])
def test_qualified_name_reaches_the_cli_and_its_last_part_the_program(machine: Machine, stack: str):
    machine.role = ""
    assert machine.problems(stack) == {
        "API Gateway": "API Gateway may not write logs in account 123456789012, region eu-west-1; the stage would fail"
        f" | pulumi config set --stack {stack} manageApiGatewayAccount true"
    }


@pytest.mark.parametrize("stack", ["prod-eu", "acme/prod-eu", "acme/event-processing/prod-eu"])
def test_production_is_recognized_by_the_last_part_of_its_name(machine: Machine, stack: str):
    answer = machine.run(stack=stack)
    assert f"fix: pulumi config set --stack {stack} protect true" in answer.stdout
    assert f"fix: pulumi config set --stack {stack} deletionProtection true" in answer.stdout


def test_control_whole_name_given_to_the_program_is_noticed(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(preflight, "short_stack_name", str)
    assert 'stack is "acme/prod-eu"; it must be lower-case letters' in machine.run(stack="acme/prod-eu").stdout


def test_all_invalid_settings_are_reported_together(machine: Machine):
    machine.configure("event-processing:owner", "")
    del machine.config["aws:region"]
    answer = machine.run()
    assert answer.exit_code == 1
    assert "fix: pulumi config set --stack dev owner TEAM" in answer.stdout
    assert "fix: pulumi config set --stack dev aws:region eu-west-1" in answer.stdout


def test_secret_setting_is_not_printed(machine: Machine):
    machine.configure("event-processing:pageEndpoint", "http://pager/KEY", secret=True)
    assert "pageEndpoint must be an https URL" in machine.run().stdout
    assert "KEY" not in machine.run().stdout
    machine.config["event-processing:pageEndpoint"]["secret"] = False
    assert "KEY" in machine.run().stdout  # the control


def test_missing_python_is_a_problem(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    def none(version: str) -> str:
        raise preflight.ArtifactError(f"no python{version}")

    monkeypatch.setattr(preflight, "find_interpreter", none)
    assert machine.problems() == {"python": "no python3.11 | uv python install 3.11"}


def test_without_credentials_account_checks_are_skipped(machine: Machine):
    machine.errors["sts"] = NoCredentialsError()
    problems = machine.problems()
    assert problems.pop("credentials").startswith("No complete AWS credentials were found")
    assert problems == dict.fromkeys(CHECKS[5:], "not checked")


def test_disallowed_account_is_a_problem(machine: Machine):
    machine.configure("aws:allowedAccountIds", '["210987654321"]')
    assert "account 123456789012, but aws:allowedAccountIds is 210987654321" in machine.problems()["credentials"]
    machine.configure("aws:allowedAccountIds", f'["{ACCOUNT}"]')
    assert machine.problems() == {}


def test_missing_permission_fails_only_its_check(machine: Machine):
    error = {"Error": {"Code": "AccessDeniedException", "Message": "no"}}
    machine.errors["lambda"] = ClientError(error, "GetAccountSettings")
    assert list(machine.problems()) == ["concurrency"]


def test_api_gateway_needs_permission_to_write_logs(machine: Machine):
    machine.role = ""
    assert "manageApiGatewayAccount true" in machine.problems()["API Gateway"]
    assert "fix: pulumi config set --stack dev manageApiGatewayAccount true" in machine.run().stdout
    machine.configure("event-processing:manageApiGatewayAccount", "true")
    assert machine.problems() == {}


def test_role_of_an_earlier_life_or_another_stack_is_not_replaced(machine: Machine):
    machine.configure("event-processing:manageApiGatewayAccount", "true")
    assert machine.problems() == {
        "API Gateway": "API Gateway may write logs already, as api-gateway-logs; this stack would replace that role "
        "for all APIs | pulumi config set --stack dev manageApiGatewayAccount false"
    }
    type_ = "aws:apigateway/account:Account"
    machine.state["deployment"]["resources"] = [{"type": type_, "urn": f"{URN}{type_}::api-gateway-setting"}]
    assert machine.problems() == {}  # the control: the stack manages that role


def test_deleted_role_is_a_problem_unless_this_stack_creates_one(machine: Machine):
    machine.roles.clear()
    assert "which does not exist; it would write none" in machine.problems()["API Gateway"]
    machine.configure("event-processing:manageApiGatewayAccount", "true")
    assert machine.problems() == {}


@pytest.mark.parametrize(
    ("unreserved", "held", "good"),
    [(110, None, True), (109, None, False), (100, 10, True), (100, 9, False), (10, None, False), (50, 12, True)],
)
def test_hundred_executions_stay_unreserved(machine: Machine, unreserved: int, held: int | None, good: bool):
    machine.configure("event-processing:reservedConcurrency", "10")
    machine.unreserved, machine.reserved = unreserved, held
    assert (machine.problems() == {}) == good


@pytest.mark.parametrize(
    ("consumers", "requests", "left"), [(2, 10, 8), (8, 20, 2), (8, 21, None), (9, 10, 1), (10, 10, None)]
)
def test_small_account_has_concurrency_left_for_queries(
    machine: Machine, consumers: int, requests: int, left: int | None
):
    machine.limit = machine.unreserved = 10
    machine.configure("event-processing:consumerMaxConcurrency", str(consumers))
    machine.configure("event-processing:apiRateLimit", str(requests))
    if left is None:
        assert "| lower consumerMaxConcurrency or apiRateLimit, or raise the quota" in machine.problems()["concurrency"]
    else:
        assert machine.problems() == {}
        assert f"up to {consumers} of them, which leaves {left} for the query function" in machine.run().stdout


def test_reserved_concurrency_is_not_taken_twice(machine: Machine):
    machine.limit, machine.unreserved = 115, 105
    machine.configure("event-processing:reservedConcurrency", "10")
    machine.configure("event-processing:consumerMaxConcurrency", "10")
    machine.configure("event-processing:apiRateLimit", "1050")
    machine.reserved = 10
    assert machine.problems() == {}
    machine.configure("event-processing:reservedConcurrency", "-1")  # the control
    assert "leaves 95 for the query function" in machine.problems()["concurrency"]


@pytest.mark.parametrize(
    ("owner", "pool_name", "deployed", "found"),
    [
        (ACCOUNT, "event-processing-dev-callers", True, ""),
        (ACCOUNT, "event-processing-dev-callers", False, "not in its state"),
        (ACCOUNT, "another", True, "another user pool"),
        ("210987654321", "event-processing-dev-callers", True, "another account"),
    ],
)
def test_domain_is_free_or_belongs_to_this_stack(
    machine: Machine, owner: str, pool_name: str, deployed: bool, found: str
):
    machine.domain, machine.pool_name = {"UserPoolId": "pool", "AWSAccountId": owner}, pool_name
    if deployed:
        machine.deployed()
    assert found in machine.problems()["domain"] if found else machine.problems() == {}


def test_taken_name_has_both_ways_out(machine: Machine):
    table = "event-processing-dev-user-services"
    machine.holders[table] = table
    assert machine.problems()["names"] == (
        f"Table {table} exists, but not in the state of this stack; `pulumi up` would stop at it | to keep it, "
        "pulumi import --stack dev --protect=false aws:dynamodb/table:Table user-services-records "
        f"{table} --parent 'parent={URN}event-processing:table:UserServicesTable::user-services' "
        f"--provider 'provider={URN}pulumi:providers:aws::aws'; to delete it and what it holds, "
        f"aws dynamodb delete-table --table-name {table} --region eu-west-1"
    )
    machine.deployed()
    assert machine.problems() == {}  # the control: the table is this stack's


def test_interrupted_update_is_a_problem(machine: Machine):
    urn = machine.deployed()[-1]["urn"]
    machine.state["deployment"]["pending_operations"] = [{"resource": {"urn": urn}, "type": "creating"}]
    found = machine.problems()["state"]
    assert urn.split("::")[-1] in found
    assert found.endswith("| pulumi cancel --stack dev; then pulumi refresh --stack dev")


def test_state_that_cannot_be_read_is_a_problem(machine: Machine):
    machine.state = []  # pyright: ignore[reportAttributeAccessIssue]
    problems = machine.problems()
    assert problems.pop("state").startswith("`pulumi stack export` did not print a deployment")
    assert problems == dict.fromkeys(CHECKS[4:], "not checked")


def test_moved_region_is_a_problem(machine: Machine):
    provider = next(resource for resource in machine.deployed() if resource["type"] == "pulumi:providers:aws")
    assert provider["inputs"]["region"] == "eu-west-1"
    machine.configure("aws:region", "eu-central-1")
    assert machine.problems()["state"] == (
        "deployed in eu-west-1; aws:region eu-central-1 would replace everything, the table too | "
        "pulumi config set --stack dev aws:region eu-west-1"
    )


def test_renamed_stack_is_a_problem(machine: Machine):
    machine.deployed()
    for service in ("lambda", "cognito-idp"):
        machine.errors[service] = ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "Get")
    assert machine.problems("blue")["state"] == (
        "its table is event-processing-dev-user-services; as blue, the stack would replace everything, the table too | "
        "give project and stack their old names (stack: dev)"
    )


def test_rename_is_never_a_fix(machine: Machine):
    answer = machine.run(stack="Not_valid")
    assert "fix: pulumi stack init NAME" in answer.stdout
    assert "pulumi stack rename" not in answer.stdout
