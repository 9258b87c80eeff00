"""Two stacks in an account share nothing: no event, no token, no permission, no name."""

import json
from typing import Any

from tests.e2e.conftest import Stack, event
from tests.fakes.waiting import eventually

# The scope is the same in every pool; the issuer of the token identifies the pool.
OF_THE_ACCOUNT = {"endpoint", "region", "accessKeyId", "secretAccessKey", "tokenUrl", "apiScope"}


def test_stacks_store_only_their_own_events(stack: Stack, neighbour: Stack, user: str):
    stack.send(event(user, "mail", "2024-03-01T00:00:00Z"))
    neighbour.send(event(user, "wiki", "2024-03-01T00:00:00Z"))
    for deployed, service in ((stack, "mail"), (neighbour, "wiki")):
        eventually(lambda deployed=deployed: deployed.record(user), bool)
        answer = deployed.query(user, deployed.token())
        assert [login["service_id"] for login in answer.json()["services"]] == [service]
    assert [login["service_id"] for login in stack.record(user)] == ["mail"], "still only its own"


def test_invalid_event_is_quarantined_in_its_own_stack(stack: Stack, neighbour: Stack):
    (message_id,) = neighbour.send("not even JSON")
    eventually(lambda: neighbour.dead_letter(message_id), bool)
    assert stack.dead_letter(message_id) is None


def test_token_of_another_stack_is_rejected(stack: Stack, neighbour: Stack):
    for own, other in ((stack, neighbour), (neighbour, stack)):
        assert own.query("anybody", own.token()).status_code == 200
        assert own.query("anybody", other.token()).status_code == 401


def names(stack: Stack) -> set[str]:
    """Return every name, address and ID in the outputs of the stack."""
    outputs = {key: value for key, value in stack.outputs.items() if key not in OF_THE_ACCOUNT}

    def flatten(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set().union(*map(flatten, value.values()))
        return {value}

    return flatten(outputs)


def test_stacks_share_no_name_and_no_role(stack: Stack, neighbour: Stack):
    assert names(stack)
    assert not names(stack) & names(neighbour)
    roles = [
        {
            deployed.client("lambda").get_function_configuration(FunctionName=function)["Role"]
            for function in deployed.outputs["functions"].values()
        }
        for deployed in (stack, neighbour)
    ]
    assert len(roles[0] | roles[1]) == 4
    for own, other in ((stack, neighbour), (neighbour, stack)):
        assert other.outputs["tableName"] not in json.dumps(permissions(own))


def permissions(stack: Stack) -> list[Any]:
    """Return the policies of a stack's functions."""
    iam, documents = stack.client("iam"), []
    for function in stack.outputs["functions"].values():
        role = stack.client("lambda").get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            documents.append(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    assert documents
    return documents
