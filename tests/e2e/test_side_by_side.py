"""Two stacks in one account share nothing: no event, no token, no permission, no name."""

import json
from typing import Any

from tests.e2e.conftest import Stack, event
from tests.fakes.waiting import eventually

# The scope is the same text in every pool; what the pools are told apart by is the issuer of the token.
OF_THE_ACCOUNT = {"endpoint", "region", "accessKeyId", "secretAccessKey", "tokenUrl", "apiScope"}


def test_both_tell_their_own_story(stack: Stack, neighbour: Stack, user: str):
    stack.send(event(user, "mail", "2024-03-01T00:00:00Z"))
    neighbour.send(event(user, "wiki", "2024-03-01T00:00:00Z"))
    for one, service in ((stack, "mail"), (neighbour, "wiki")):
        eventually(lambda one=one: one.record(user), bool)
        answer = one.query(user, one.token())
        assert [login["service_id"] for login in answer.json()["services"]] == [service]
    assert [login["service_id"] for login in stack.record(user)] == ["mail"], "and it stays that way"


def test_what_can_never_succeed_is_quarantined_in_the_stack_it_was_sent_to(stack: Stack, neighbour: Stack):
    (message_id,) = neighbour.send("not even JSON")
    eventually(lambda: neighbour.dead_letter(message_id), bool)
    assert stack.dead_letter(message_id) is None


def test_a_token_of_one_does_not_open_the_other(stack: Stack, neighbour: Stack):
    for one, other in ((stack, neighbour), (neighbour, stack)):
        assert one.query("anybody", one.token()).status_code == 200
        assert one.query("anybody", other.token()).status_code == 401


def names(stack: Stack) -> set[str]:
    """Every name, address and id that the stack tells its users."""
    outputs = {key: value for key, value in stack.outputs.items() if key not in OF_THE_ACCOUNT}

    def flatten(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set().union(*map(flatten, value.values()))
        return {value}

    return flatten(outputs)


def test_they_share_no_name_and_no_identity(stack: Stack, neighbour: Stack):
    assert names(stack)
    assert not names(stack) & names(neighbour)
    roles = [
        {
            one.client("lambda").get_function_configuration(FunctionName=function)["Role"]
            for function in one.outputs["functions"].values()
        }
        for one in (stack, neighbour)
    ]
    assert len(roles[0] | roles[1]) == 4
    for one, other in ((stack, neighbour), (neighbour, stack)):
        assert other.outputs["tableName"] not in json.dumps(permissions(one))


def permissions(stack: Stack) -> list[Any]:
    """The policies of a stack's functions."""
    iam, documents = stack.client("iam"), []
    for function in stack.outputs["functions"].values():
        role = stack.client("lambda").get_function_configuration(FunctionName=function)["Role"].rpartition("/")[2]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            documents.append(iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"])
    assert documents
    return documents
