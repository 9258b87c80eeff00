"""Everything that would stop a deployment is found before it, with its fix."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from components.packaging.artifact import HOST, TARGET_VARIABLE
from components.packaging.wheels import ArtifactError
from ops import preflight
from ops.preflight import account
from ops.preflight.check import OK, Check
from tests.ops.preflight_machine import ACCOUNT, CHECKS, URN, Machine


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
    machine.state = []  # pyrefly: ignore[bad-assignment]
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


def start_cloud(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine run the cloud of stack local, in a terminal that uses it."""
    monkeypatch.chdir(machine.folder)
    (machine.folder / ".localcloud").mkdir()
    cloud = dict.fromkeys(("endpoint", "region", "tokenUrl", "accessKeyId", "secretAccessKey"), "http://127.0.0.1:4566")
    (machine.folder / ".localcloud" / "outputs.json").write_text(json.dumps(cloud))
    monkeypatch.setenv(TARGET_VARIABLE, HOST)
    machine.configure("event-processing:pythonVersion", "3.13")

    def find_interpreter(version: str) -> str:
        raise ArtifactError(f"no python{version}")

    monkeypatch.setattr(preflight, "find_interpreter", find_interpreter)


def test_stack_local_is_checked_in_the_embedded_cloud(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    start_cloud(machine, monkeypatch)
    clouds: list[str | None] = []

    def client_of(service: str, region: str, embedded: dict[str, str] | None) -> Any:
        clouds.append(embedded["endpoint"] if embedded else None)
        return machine.client(service)

    monkeypatch.setattr(preflight, "client_of", client_of)
    machine.role = ""
    machine.holders = {"event-processing-local-user-services": "event-processing-local-user-services"}
    # The stand-ins look for the names of stack dev.
    monkeypatch.setitem(account.ACCOUNT_CHECKS, "concurrency", lambda target: iter([Check("concurrency", OK, "")]))
    monkeypatch.setitem(account.ACCOUNT_CHECKS, "domain", lambda target: iter([Check("domain", OK, "")]))
    problems = machine.problems("local")
    assert list(problems) == ["names"], "no Python of Lambda's and no role of API Gateway's are needed here"
    assert "to delete it and what it holds, start the embedded cloud again" in problems["names"]
    assert clouds == ["http://127.0.0.1:4566"]
    assert {"python", "API Gateway"} <= machine.problems("dev").keys(), "the control"
    assert clouds[1:] == [None], "the control"


def test_stack_local_without_a_cloud_is_a_problem(machine: Machine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(machine.folder)
    assert "none is running" in machine.problems("local")["credentials"]
    machine.exists = False
    assert 'fix: eval "$(python -m localcloud env --pulumi)"' in machine.run(stack="local").stdout
