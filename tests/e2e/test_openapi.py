"""docs/openapi.yaml describes the API: the responses to generated requests conform to it."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
import schemathesis
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.failures import FailureGroup

from components.api import METHOD, PATH, REFUSALS
from components.identity import SCOPE_NAME
from tests.e2e.conftest import NEIGHBOUR, ROOT, Stack, event
from tests.e2e.permissions import edited, without
from tests.fakes.aws import key
from tests.fakes.waiting import HANG_SECONDS, eventually
from tests.security.iam_statements import QUERY

DOCUMENT = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
ROUTE, VERB = "/" + "/".join(PATH), METHOD.lower()
USER = "auth0|openapi/1"
LIMITS = ("rateLimit", "burstLimit")
load_all_checks()


@pytest.fixture(scope="module")
def api(neighbour: Stack) -> Stack:
    """A stack with a user who has two services."""
    neighbour.send(event(USER, "mail", "2024-03-01T10:00:00+02:00"), event(USER, "wiki", "2024-03-02T00:00:00Z"))
    eventually(lambda: len(neighbour.record(USER)), lambda count: count == 2)
    return neighbour


def operation(document: dict[str, Any]) -> schemathesis.APIOperation:
    return schemathesis.openapi.from_dict(document)[ROUTE][VERB]


RESPONSE_CHECKS = [
    CHECKS.get_one(f"{part}_conformance")
    for part in ("status_code", "content_type", "response_headers", "response_schema")
]
# Left out: unsupported_method, because API Gateway returns 403 where the check wants 405; positive_data_acceptance,
# because a schema cannot say that an ID must be printable; ignored_auth, which test_attacks.py covers.
REQUEST_CHECKS = [*RESPONSE_CHECKS, *map(CHECKS.get_one, ("not_a_server_error", "negative_data_rejection"))]


def check_requests(api: Stack, document: dict[str, Any], mode: GenerationMode, examples: int) -> set[int]:
    """Send generated requests, check every response against the document, and return the statuses."""
    headers, statuses = {"Authorization": f"Bearer {api.token()}"}, set()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(case=operation(document).as_strategy(generation_mode=mode))
    def conforms(case: schemathesis.Case) -> None:
        url = api.outputs["apiUrl"]
        response = case.call_and_validate(base_url=url, headers=headers, checks=REQUEST_CHECKS)  # pyrefly: ignore[bad-argument-type]
        statuses.add(response.status_code)

    conforms()
    return statuses


@pytest.mark.parametrize("examples", [10, pytest.param(1_000, marks=pytest.mark.soak)])
def test_generated_requests_conform(api: Stack, examples: int):
    assert 200 in check_requests(api, DOCUMENT, GenerationMode.POSITIVE, 2 * examples)
    assert check_requests(api, DOCUMENT, GenerationMode.NEGATIVE, examples) <= {400, 401, 403}


@contextmanager
def throttled(stack: Stack) -> Iterator[None]:
    """Throttle the API, as when all clients together exceed the limit."""
    client, (api, stage) = stack.client("apigateway"), stack.outputs["apiUrl"].split("/")[-2:]

    def put(rate: str) -> None:
        patch = [{"op": "replace", "path": f"/*/*/throttling/{limit}", "value": rate} for limit in LIMITS]
        client.update_stage(restApiId=api, stageName=stage, patchOperations=patch)

    put("0")
    yield
    put(str(NEIGHBOUR["apiRateLimit"]))


@pytest.fixture(scope="module")
def real_responses(api: Stack) -> dict[int, requests.Response]:
    """A real response of every status that the embedded cloud can produce."""
    token = api.token()
    found = {
        200: api.query(USER, token),
        400: api.query("x" * 256, token),
        401: api.query(USER, None),
        403: requests.get(f"{api.outputs['apiUrl']}/users", timeout=HANG_SECONDS),
    }
    with throttled(api):
        found[429] = api.query(USER, token)
    with edited(api, QUERY, without("ReadRecord")):
        found[500] = api.query(USER, token)
    return found


def validate(document: dict[str, Any], answer: requests.Response) -> None:
    case = operation(document).Case(path_parameters={"user_id": USER})
    case.validate_response(answer, checks=RESPONSE_CHECKS)  # pyrefly: ignore[bad-argument-type]


def test_every_status_conforms(real_responses: dict[int, requests.Response]):
    assert [answer.status_code for answer in real_responses.values()] == list(real_responses)
    for answer in real_responses.values():
        validate(DOCUMENT, answer)
    assert len(real_responses[200].json()["services"]) == 2
    # 504 needs a function that hangs.
    assert {int(status) for status in responses(DOCUMENT)} == real_responses.keys() | {504}
    assert {real_responses[status].json()["message"] for status in (401, 403, 429)} <= set(REFUSALS.values())


def test_partial_answer_conforms(api: Stack):
    damaged = f"{USER}/damaged"
    item = key(damaged) | {"services": {"L": [{"S": "garbage"}]}}
    api.client("dynamodb").put_item(TableName=api.outputs["tableName"], Item=item)
    answer = api.query(damaged, api.token())
    assert answer.json() == {"user_id": damaged, "services": [], "partial": True}
    validate(DOCUMENT, answer)
    for mistake in (lambda named: named.pop("partial"), lambda named: named["partial"].update(const=False)):
        document = copy.deepcopy(DOCUMENT)
        mistake(document["components"]["schemas"]["UserServices"]["properties"])
        with pytest.raises(FailureGroup):
            validate(document, answer)


def responses(document: dict[str, Any]) -> dict[str, Any]:
    return document["paths"][ROUTE][VERB]["responses"]


def test_document_names_the_scope():
    scopes = DOCUMENT["components"]["securitySchemes"]["clientCredentials"]["flows"]["clientCredentials"]["scopes"]
    assert list(scopes) == DOCUMENT["security"][0]["clientCredentials"]
    assert [scope.partition("/")[2] for scope in scopes] == [SCOPE_NAME]


ONLY_SERVICES = {"required": ["services"], "properties": {"services": {"type": "array"}}}
HTML = {"text/html": {"schema": {"type": "string"}}}
MISTAKES: dict[str, tuple[int, Callable[[dict[str, Any], dict[str, Any]], object]]] = {
    "another type": (200, lambda _, s: s["Service"]["properties"]["last_accessed"].update(type="integer")),
    "a missing field": (200, lambda _, s: s["Service"]["required"].append("x")),
    "an undescribed field": (200, lambda _, s: s["UserServices"].update(ONLY_SERVICES)),
    "another header": (200, lambda r, _: r["200"]["headers"]["Cache-Control"]["schema"].update(const="public")),
    "another media type": (400, lambda r, _: r["400"].update(content=HTML)),
    "no such status": (401, lambda r, _: r.pop("401")),
    "another error schema": (403, lambda _, s: s["Refusal"]["properties"]["request_id"].update(type="integer")),
    "an error with another field": (500, lambda _, s: s["Refusal"]["required"].append("stack_trace")),
}
"""What each mistake changes in the responses or the schemas of a document, and the status that shows it."""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_wrong_description_of_responses_is_noticed(real_responses: dict[int, requests.Response], mistake: str):
    document = copy.deepcopy(DOCUMENT)
    status, make = MISTAKES[mistake]
    make(responses(document), document["components"]["schemas"])
    with pytest.raises(FailureGroup):
        validate(document, real_responses[status])


def test_wrong_description_of_requests_is_noticed(api: Stack):
    document = copy.deepcopy(DOCUMENT)
    document["paths"][ROUTE][VERB]["parameters"][0]["schema"]["maxLength"] = 8
    with pytest.raises(FailureGroup):
        check_requests(api, document, GenerationMode.NEGATIVE, 20)
