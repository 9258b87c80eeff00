"""The console acts on a real stack: an event becomes an item or a dead letter, and the API answers what was stored."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.e2e.conftest import Stack, event
from tests.fakes.metering import counted
from tests.fakes.waiting import HANG_SECONDS, eventually

TIMESTAMP = "2024-01-01T00:00:00Z"


class Page:
    """The console of a stack, as its own page uses it."""

    def __init__(self, stack: Stack) -> None:
        self._address = f"{stack.outputs['endpoint']}/_console"
        self._dead = stack.outputs["deadLetterQueueUrl"].rpartition("/")[2]
        page = requests.get(self._address, timeout=HANG_SECONDS).text
        found = re.search(r'name="console-token" content="([^"]+)"', page)
        assert found
        self._token = found[1]

    def read(self, path: str, **query: str) -> Any:
        response = requests.get(f"{self._address}/{path}", params=query, timeout=HANG_SECONDS)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, **value: Any) -> requests.Response:
        headers = {"X-Console-Token": self._token}
        return requests.post(f"{self._address}/{path}", json=value, headers=headers, timeout=HANG_SECONDS)

    def send(self, body: str) -> str:
        response = self.post("send", body=body)
        assert response.status_code == 200, response.text
        return response.json()["messageId"]

    def letters(self, text: str) -> list[dict[str, Any]]:
        return self.read("queue", name=self._dead, text=text)["messages"]

    def run(self, **command: Any) -> dict[str, Any]:
        """Run a command about dead letters, and return what became of it."""
        assert self.post("dead-letters", **command).status_code == 200
        return eventually(lambda: self.read("queues")["run"], lambda run: run["ended"])

    def ask(self, user: str, authorization: str = "token") -> list[dict[str, Any]]:
        client = self.read("clients")["clients"][0]
        response = self.post("try", user=user, client=client, authorization=authorization)
        assert response.status_code == 200, response.text
        return response.json()["exchanges"]


@pytest.fixture
def page(stack: Stack) -> Page:
    return Page(stack)


def test_event_that_was_sent_is_an_item_and_a_response_of_the_api(page: Page, user: str):
    page.send(event(user, "mail", TIMESTAMP))
    items: list[dict[str, Any]] = eventually(lambda: page.read("items", key=user)["items"])
    [item] = items
    assert item["attributes"]["services"][0]["service_id"] == "mail"
    token, api = page.ask(user)
    assert (token["party"], token["status"], api["party"], api["status"]) == ("Token endpoint", 200, "API", 200)
    assert json.loads(api["body"])["services"][0]["last_accessed"] == TIMESTAMP
    assert dict(token["sent"])["Authorization"] == "Basic [the client's ID and secret]"
    assert re.fullmatch(r"Bearer eyJ.{7}….{4} \(\d+ characters\)", dict(api["sent"])["Authorization"])
    assert max(map(len, re.findall(r"eyJ[\w.-]*", json.dumps([token, api])))) == 10
    assert "content-type" in {name.lower() for name, _ in api["received"]}


def test_what_is_sent_is_measured_and_a_look_is_not(page: Page, stack: Stack, user: str):
    def measured() -> list[float]:
        events, dead = (stack.outputs[name].rpartition("/")[2] for name in ("queueUrl", "deadLetterQueueUrl"))
        cloudwatch = stack.client("cloudwatch")
        return [
            counted(cloudwatch, "AWS/ApiGateway", "Count", ApiName="event-processing-dev-api", Stage="v1"),
            counted(cloudwatch, "AWS/SQS", "NumberOfMessagesSent", QueueName=events),
            counted(cloudwatch, "AWS/SQS", "NumberOfMessagesReceived", QueueName=dead),
        ]

    requests_before, sent_before, received_before = before = measured()
    for path in ("queues", "items", "clients"):
        page.read(path)
    page.letters(user)
    assert measured() == before
    page.ask(user)
    page.send(event(user, "mail", TIMESTAMP))
    assert measured() == [requests_before + 1, sent_before + 1, received_before]


@pytest.mark.parametrize("authorization", ["none", "garbage", "expired"])
def test_api_rejects_what_is_no_valid_token(page: Page, user: str, authorization: str):
    [api] = page.ask(user, authorization)
    assert (api["status"], "Authorization" in dict(api["sent"])) == (401, authorization != "none")
    assert page.ask(user)[-1]["status"] == 200  # the control


def test_clients_tokens_and_a_temporary_client_leave_nothing(page: Page, stack: Stack, user: str):
    page.ask(user, "expired")
    pool = stack.client("cognito-idp").list_user_pool_clients(UserPoolId=stack.pool_id(), MaxResults=60)
    assert "console-expired" not in {client["ClientName"] for client in pool["UserPoolClients"]}


def test_dead_letter_is_redriven_and_discarded_by_the_operators_command(page: Page, checkout: Path, user: str):
    source = page.send(event(user, "mail", "yesterday"))
    [letter] = eventually(lambda: page.letters(user))
    assert (letter["reason"], letter["receives"]) == ("timestamp_malformed", 0)
    assert {"name": "source_message_id", "type": "String", "value": source} in letter["attributes"]
    run = page.run(action="redrive", id=letter["id"])
    assert (run["ok"], run["end"]) == (False, "It failed with exit code 1.")
    assert any("violates the contract" in line for line in run["lines"])
    run = page.run(action="redrive", id=letter["id"], force=True)
    assert (run["ok"], run["end"]) == (True, "Done."), run
    [again] = eventually(lambda: page.letters(user), lambda letters: letters and letters[0]["id"] != letter["id"])
    run = page.run(action="discard", id=again["id"])
    assert run["ok"], run
    assert page.letters(user) == []
    copy = next(match[1] for line in run["lines"] if (match := re.search(r"is in (\S+)\.$", line)))
    assert user in (checkout / copy).read_text()


def test_event_that_the_queue_does_not_accept_is_a_sentence(page: Page):
    found = page.post("send", body="")
    assert (found.status_code, "The queue did not accept it (" in found.json()["error"]) == (422, True)
    found = page.post("try", user="ada", client="absent", authorization="token")
    assert (found.status_code, found.json()["error"]) == (404, "The stack has no API client absent.")
