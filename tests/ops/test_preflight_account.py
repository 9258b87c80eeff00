"""What the account lacks or has already is found before a deployment, with its fix."""

import pytest

from tests.ops.preflight_machine import ACCOUNT, URN, Machine


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
