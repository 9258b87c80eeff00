"""No attack reaches the data, learns implementation details or gets its own text back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from components.api import METHOD, PATH
from handlers.vocabulary import MetricName
from tests.e2e.attacking import TREASURE, Answer, find_leaks, send
from tests.e2e.conftest import Stack, event
from tests.e2e.forgery import FORGERIES
from tests.fakes.waiting import HANG_SECONDS, eventually
from tools import attacks
from tools.attacks import ATTACKS, VICTIM, Attack

ANSWERED = (MetricName.QUERY_SUCCESS, MetricName.QUERY_INVALID, MetricName.QUERY_ERROR)


@pytest.fixture(scope="module")
def target(neighbour: Stack) -> Stack:
    """A stack with data to protect."""
    neighbour.send(event(VICTIM, "vault", "2024-03-01T00:00:00Z", TREASURE))
    eventually(lambda: neighbour.record(VICTIM), bool)
    return neighbour


@pytest.fixture(scope="module")
def tokens(stack: Stack, target: Stack) -> dict[str, str | None]:
    """The tokens that the attacks use, by name."""
    valid = target.token()
    assert TREASURE in target.query(VICTIM, valid).text, "otherwise there is nothing to protect"
    return {name: forge(target, valid) for name, forge in FORGERIES.items()} | {"of another pool": stack.token()}


def queries(stack: Stack) -> float:
    return sum(stack.metric_sum("query", metric) for metric in ANSWERED)


def content(stack: Stack) -> list[dict[str, Any]]:
    return stack.client("dynamodb").scan(TableName=stack.outputs["tableName"], ConsistentRead=True)["Items"]


def test_no_attack_succeeds(target: Stack, tokens: dict[str, str | None]):
    stored, answered = content(target), queries(target)
    found = {}
    for attack in ATTACKS:
        token = tokens[attack.token]
        if leaks := list(find_leaks(attack, token, send(target.outputs["apiUrl"], attack, token))):
            found[attack.what] = leaks
    assert not found
    reached = sum(attack.reaches_handler for attack in ATTACKS)
    eventually(lambda: queries(target) - answered, lambda seen: seen >= reached)
    assert queries(target) - answered == reached, "a request that API Gateway rejects never reaches the function"
    assert content(target) == stored


def test_no_attack_writes_its_text_into_the_log(target: Stack, tokens: dict[str, str | None]):
    before = len(target.log_lines("query"))
    handled = [attack for attack in ATTACKS if attack.reaches_handler]
    for attack in handled:
        send(target.outputs["apiUrl"], attack, tokens["valid"])
    lines = eventually(lambda: target.log_lines("query")[before:], lambda seen: len(seen) >= len(handled))
    ids = {attack.user_id for attack in handled if len(attack.user_id) > 2}
    for line in lines:
        text = json.dumps(json.loads(line), ensure_ascii=False) if line.startswith("{") else line
        assert not [user_id for user_id in ids | {VICTIM, "forged"} if user_id in text or user_id in line]


@pytest.fixture(scope="module")
def unscoped(target: Stack) -> Iterator[str]:
    """The URL of a copy of the route with the same authorizer and function, but without the scope."""
    client, api = target.client("apigateway"), target.outputs["apiUrl"].split("/")[-2]
    paths = {resource["path"]: resource["id"] for resource in client.get_resources(restApiId=api)["items"]}
    route = {"restApiId": api, "resourceId": paths["/" + "/".join(PATH)], "httpMethod": METHOD}
    method, integration = client.get_method(**route), client.get_integration(**route)
    assert method["authorizationScopes"] == [target.outputs["apiScope"]]
    made = client.create_resource(restApiId=api, parentId=paths["/" + "/".join(PATH[:-1])], pathPart="unscoped")
    twin = route | {"resourceId": made["id"]}
    kind = {key: method[key] for key in ("authorizationType", "authorizerId")}
    client.put_method(**twin, **kind)
    client.put_integration(**twin, type=integration["type"], integrationHttpMethod="POST", uri=integration["uri"])
    yield f"{target.outputs['apiUrl']}/users/{VICTIM}/unscoped"
    client.delete_resource(restApiId=api, resourceId=made["id"])


@pytest.mark.parametrize("token", ["an id token", "of another scope"])
def test_control_other_tokens_are_valid_without_the_scope(unscoped: str, tokens: dict[str, str | None], token: str):
    """The same token and the same request get the data where no scope is required."""
    answer = requests.get(unscoped, headers={"Authorization": f"Bearer {tokens[token]}"}, timeout=HANG_SECONDS)
    assert TREASURE in answer.text
    assert requests.get(unscoped, timeout=HANG_SECONDS).status_code == 401


REJECTION = b'{"message": "A valid access token is required.", "request_id": "r"}'
LEAKS = {
    "the status is 200, not 401": Answer(200, {"content-type": "application/json"}, b'{"user_id":"x","services":[]}'),
    "it contains the data": Answer(401, {}, REJECTION.replace(b"A valid", TREASURE.encode())),
    "it sets a cookie": Answer(401, {"set-cookie": "stolen=yes"}, REJECTION),
    "it reveals arn:": Answer(401, {}, REJECTION.replace(b"A valid", b"arn:aws:dynamodb")),
    "it repeats the request": Answer(401, {}, REJECTION.replace(b"A valid", b"no-token-at-all is no")),
    "it is not our error response": Answer(401, {}, b'{"message": "Unauthorized"}'),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_leaking_response_is_noticed(leak: str):
    attack = next(attack for attack in ATTACKS if attack.token == "garbage")
    assert any(leak in found for found in find_leaks(attack, "no-token-at-all", LEAKS[leak]))
    assert not list(find_leaks(attack, "no-token-at-all", Answer(401, {}, REJECTION)))


def test_response_for_another_user_or_as_html_is_noticed():
    attack = Attack(what="", aws="200", source="our handler", here=200, target=b"/users/a%2Fb/services")
    good = Answer(200, {"content-type": "application/json"}, b'{"user_id":"a/b","services":[]}')
    assert not list(find_leaks(attack, None, good))
    assert list(find_leaks(attack, None, replace(good, body=b'{"user_id":"a","services":[]}')))
    assert list(find_leaks(attack, None, replace(good, headers={"content-type": "text/html"})))


def test_attacks_page_is_up_to_date():
    assert attacks.DOCUMENT.read_text() == attacks.document(), "run: python -m tools.attacks"
    assert len({attack.what for attack in ATTACKS}) == len(ATTACKS)
    for attack in ATTACKS:
        assert bool(attack.difference) == (attack.aws != str(attack.here)), attack.what
