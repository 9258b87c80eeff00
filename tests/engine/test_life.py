"""A stack under the real Pulumi engine: deployed, unchanged, changed, protected, repaired."""

import subprocess
import sys
from pathlib import Path

import pytest

from localcloud import samples
from tools.terminal import PulumiFailedError, Step, Terminal, make_checkout

FUNCTION = "aws:lambda/function:Function"


def test_second_up_changes_nothing(deployed: Terminal) -> None:
    assert deployed.plan() == []
    assert deployed.up() == {}


def test_checkout_at_another_path_changes_nothing(deployed: Terminal, tmp_path: Path) -> None:
    assert deployed.in_checkout(make_checkout(tmp_path / "another")).plan() == []


def test_deployment_leaves_the_checkout_as_it_is(deployed: Terminal) -> None:
    stack_file = "Pulumi.local.yaml"
    assert (deployed.checkout / stack_file).read_text() == (samples.FOLDER / stack_file).read_text()


def test_state_has_no_secret(deployed: Terminal) -> None:
    deployed.up("--refresh")
    cognito = deployed.account.client("cognito-idp")
    (pool,) = cognito.list_user_pools(MaxResults=10)["UserPools"]
    (client,) = cognito.list_user_pool_clients(UserPoolId=pool["Id"])["UserPoolClients"]
    where = {"UserPoolId": pool["Id"], "ClientId": client["ClientId"]}
    secret = cognito.describe_user_pool_client(**where)["UserPoolClient"]["ClientSecret"]
    state = deployed.state.read_text()
    assert client["ClientId"] in state  # the control: the client is in the state
    assert secret not in state


def test_operator_reaches_the_running_cloud(deployed: Terminal) -> None:
    smoke = [sys.executable, "-m", "ops", "smoke", "--stack", "local"]
    tested = subprocess.run(
        smoke, cwd=deployed.checkout, env=dict(deployed.variables), capture_output=True, text=True, check=False
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_protected_resources_are_not_destroyed(deployed: Terminal) -> None:
    with deployed.settings(protect=True, deletionProtection=True):
        deployed.up()
        with pytest.raises(PulumiFailedError, match="protected"):
            deployed.pulumi("destroy", "--yes")  # with its preview: without, it deletes until it meets a protection
    assert deployed.account.client("dynamodb").list_tables()["TableNames"], "nothing was deleted before the refusal"
    assert deployed.account.client("lambda").list_functions()["Functions"], "nothing was deleted before the refusal"
    deployed.up()


def test_refresh_undoes_what_was_changed_by_hand(deployed: Terminal) -> None:
    functions, logs = deployed.account.client("lambda"), deployed.account.client("logs")
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=1, Enabled=False)
    group = logs.describe_log_groups()["logGroups"][0]["logGroupName"]
    logs.delete_log_group(logGroupName=group)
    assert deployed.plan() == [], "without a refresh the engine trusts its state"
    changes = deployed.up("--refresh")
    assert changes["create"] >= 1
    held = functions.get_event_source_mapping(UUID=mapping["UUID"])
    assert (held["BatchSize"], held["State"]) == (10, "Enabled")
    assert group in {found["logGroupName"] for found in logs.describe_log_groups()["logGroups"]}
    assert deployed.plan("--refresh") == []


def test_renamed_component_is_replaced(deployed: Terminal) -> None:
    """The control of the plans above: the engine does see what it must not do."""
    with deployed.edited("__main__.py", 'EventQueue("events"', 'EventQueue("renamed"'):
        planned = deployed.plan()
    queue = "aws:sqs/queue:Queue"
    assert {step.operation for step in planned if step.type == queue} == {"create", "delete"}
    assert Step("create", queue, "renamed-source") in planned
