"""None of the attacks reaches the data, learns of the inside or gets its own words back."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from components.api import METHOD, PATH
from handlers.vocabulary import MetricName
from tests.e2e.attacking import TREASURE, Answer, complaints, send
from tests.e2e.conftest import Stack, event
from tests.e2e.forgery import FORGERIES
from tests.fakes.waiting import HANG_SECONDS, eventually
from tools import attacks
from tools.attacks import ATTACKS, VICTIM, Attack

ANSWERED = (MetricName.QUERY_SUCCESS, MetricName.QUERY_INVALID, MetricName.QUERY_ERROR)


@pytest.fixture(scope="module")
def target(neighbour: Stack) -> Stack:
    """A stack that holds something worth having."""
    neighbour.send(event(VICTIM, "vault", "2024-03-01T00:00:00Z", TREASURE))
    eventually(lambda: neighbour.record(VICTIM), bool)
    return neighbour


@pytest.fixture(scope="module")
def tokens(stack: Stack, target: Stack) -> dict[str, str | None]:
    """Every token that an attack uses."""
    valid = target.token()
    assert TREASURE in target.query(VICTIM, valid).text, "or there is nothing to protect"
    return {name: forge(target, valid) for name, forge in FORGERIES.items()} | {"of another pool": stack.token()}


def queries(stack: Stack) -> float:
    return sum(stack.metric_sum("query", metric) for metric in ANSWERED)


def content(stack: Stack) -> list[dict[str, Any]]:
    return stack.client("dynamodb").scan(TableName=stack.outputs["tableName"], ConsistentRead=True)["Items"]


def test_no_attack_gets_anything(target: Stack, tokens: dict[str, str | None]):
    stored, answered = content(target), queries(target)
    found = {}
    for attack in ATTACKS:
        token = tokens[attack.token]
        if complained := list(complaints(attack, token, send(target.outputs["apiUrl"], attack, token))):
            found[attack.what] = complained
    assert not found
    reached = sum(attack.reaches_handler for attack in ATTACKS)
    eventually(lambda: queries(target) - answered, lambda seen: seen >= reached)
    assert queries(target) - answered == reached, "what API Gateway refuses never reaches the function"
    assert content(target) == stored


def test_no_attack_writes_into_the_log(target: Stack, tokens: dict[str, str | None]):
    before = len(target.log_lines("query"))
    asked = [attack for attack in ATTACKS if attack.reaches_handler]
    for attack in asked:
        send(target.outputs["apiUrl"], attack, tokens["valid"])
    lines = eventually(lambda: target.log_lines("query")[before:], lambda seen: len(seen) >= len(asked))
    ids = {attack.user_id for attack in asked if len(attack.user_id) > 2}
    for line in lines:
        said = json.dumps(json.loads(line), ensure_ascii=False) if line.startswith("{") else line
        assert not [user_id for user_id in ids | {VICTIM, "forged"} if user_id in said or user_id in line]


@pytest.fixture(scope="module")
def unscoped(target: Stack) -> Iterator[str]:
    """The path of a twin of the route: same authorizer, same function, but no scope asked for."""
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
def test_the_scope_is_what_keeps_other_tokens_out(unscoped: str, tokens: dict[str, str | None], token: str):
    """The control: the same token and the same request get the data where no scope is asked for."""
    answer = requests.get(unscoped, headers={"Authorization": f"Bearer {tokens[token]}"}, timeout=HANG_SECONDS)
    assert TREASURE in answer.text
    assert requests.get(unscoped, timeout=HANG_SECONDS).status_code == 401


REFUSAL = b'{"message": "A valid access token is required.", "request_id": "r"}'
LEAKS = {
    "the status is 200, not 401": Answer(200, {"content-type": "application/json"}, b'{"user_id":"x","services":[]}'),
    "it holds the data": Answer(401, {}, REFUSAL.replace(b"A valid", TREASURE.encode())),
    "it sets a cookie": Answer(401, {"set-cookie": "stolen=yes"}, REFUSAL),
    "it tells arn:": Answer(401, {}, REFUSAL.replace(b"A valid", b"arn:aws:dynamodb")),
    "it repeats what was sent": Answer(401, {}, REFUSAL.replace(b"A valid", b"no-token-at-all is no")),
    "it is not a refusal of ours": Answer(401, {}, b'{"message": "Unauthorized"}'),
}


@pytest.mark.parametrize("leak", LEAKS)
def test_an_answer_that_gives_something_away_is_noticed(leak: str):
    attack = next(attack for attack in ATTACKS if attack.token == "garbage")
    assert any(leak in complaint for complaint in complaints(attack, "no-token-at-all", LEAKS[leak]))
    assert not list(complaints(attack, "no-token-at-all", Answer(401, {}, REFUSAL)))


def test_an_answer_for_somebody_else_or_as_a_page_is_noticed():
    attack = Attack(what="", aws="200", source="our handler", here=200, target=b"/users/a%2Fb/services")
    good = Answer(200, {"content-type": "application/json"}, b'{"user_id":"a/b","services":[]}')
    assert not list(complaints(attack, None, good))
    assert list(complaints(attack, None, replace(good, body=b'{"user_id":"a","services":[]}')))
    assert list(complaints(attack, None, replace(good, headers={"content-type": "text/html"})))


def test_the_page_of_attacks_is_this_table():
    assert attacks.DOCUMENT.read_text() == attacks.document(), "run: python -m tools.attacks"
    assert len({attack.what for attack in ATTACKS}) == len(ATTACKS)
    for attack in ATTACKS:
        assert bool(attack.difference) == (attack.aws != str(attack.here)), attack.what
