"""Events and requests that go on while something else happens, and what became of each."""

import json
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Any

import requests

from tests.fakes.aws import key, services_in
from tests.fakes.events import login
from tests.fakes.waiting import eventually
from tools.documents import table
from tools.terminal import Terminal

SENT_EVERY_SECONDS = 0.05
# Below apiRateLimit, so that no request is rejected for being too much.
REQUESTED_EVERY_SECONDS = 0.15
ASKED = "asked-for"


@dataclass
class Figures:
    """What was sent and requested, and what became of it."""

    sent: int = 0
    lost: list[str] = field(default_factory=list)
    """Users whose event the queue accepted and the table does not have."""
    dead_letters: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    """Responses of the API by status; an answer without the user's service counts as `wrong`."""
    wrong_answers: list[str] = field(default_factory=list)
    slowest_seconds: float = 0
    batches: Counter[str] = field(default_factory=Counter)
    """Invocations of the event handler by executed version."""
    queries: Counter[str] = field(default_factory=Counter)
    """Invocations of the query function by executed version."""

    @property
    def failed(self) -> int:
        """Requests without the right answer."""
        return self.statuses.total() - self.statuses["200"]

    def document(self) -> str:
        """Return the figures as a table."""
        versions = {"batches": self.batches, "requests": self.queries}
        rows = [
            ["events sent", str(self.sent)],
            ["events lost", str(len(self.lost))],
            ["dead letters", str(self.dead_letters)],
            ["requests", str(self.statuses.total())],
            ["requests without the right answer", str(self.failed)],
            ["wrong answers", " ".join(self.wrong_answers)],
            ["slowest request", f"{self.slowest_seconds:.2f} s"],
            *(
                [f"{name} by version {version}", str(number)]
                for name in versions
                for version, number in versions[name].items()
            ),
        ]
        return table(["", ""], rows)


class Traffic:
    """Sends an event and asks for a user's services again and again, from its entry to its exit as a context."""

    def __init__(self, terminal: Terminal):
        account = terminal.account
        self._sqs, self._dynamodb, self._logs = (account.client(name) for name in ("sqs", "dynamodb", "logs"))
        self._outputs: dict[str, Any] = json.loads(terminal.pulumi("stack output", "--json", "--show-secrets"))
        cloud = json.loads((terminal.checkout / ".localcloud" / "outputs.json").read_text())
        self._token_url, self._over = cloud["tokenUrl"], threading.Event()
        self._users: list[str] = []
        self._before = {name: self._invocations(name) for name in ("event-handler", "query")}
        self.figures = Figures()
        self._threads = [
            threading.Thread(target=self._again_and_again, args=(act, seconds))
            for act, seconds in ((self._send, SENT_EVERY_SECONDS), (self._request, REQUESTED_EVERY_SECONDS))
        ]
        self._errors: list[BaseException] = []
        # No event of earlier traffic counts as stored.
        self._names = (f"user-{secrets.token_hex(4)}-{number}" for number in count())

    def __enter__(self) -> "Traffic":
        self._put(ASKED)
        eventually(lambda: self._stored(ASKED))
        self._session = requests.Session()
        self._session.trust_env = False
        client = next(iter(self._outputs["apiClients"].values()))
        granted = self._session.post(
            self._token_url,
            auth=(client["clientId"], client["clientSecret"]),
            data={"grant_type": "client_credentials", "scope": self._outputs["apiScope"]},
        )
        self._headers = {"Authorization": granted.json()["access_token"]}
        for thread in self._threads:
            thread.start()
        self.more()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.more()
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._session.close()
        assert not self._errors, self._errors
        if kind is None:
            self._settle()

    def more(self) -> None:
        """Wait until more has been sent and requested."""
        sent, requested = len(self._users), self.figures.statuses.total()
        enough = 5

        def has_happened() -> bool:
            return len(self._users) >= sent + enough and self.figures.statuses.total() >= requested + enough

        eventually(lambda: bool(self._errors) or has_happened())

    def _again_and_again(self, act: Callable[[], None], seconds: float) -> None:
        try:
            while not self._over.wait(seconds):
                act()
        except BaseException as error:  # noqa: BLE001 (raised where the traffic ends)
            self._errors.append(error)

    def _send(self) -> None:
        user = next(self._names)
        self._put(user)
        self._users.append(user)

    def _put(self, user: str) -> None:
        self._sqs.send_message(QueueUrl=self._outputs["queueUrl"], MessageBody=json.dumps(login(user)))

    def _request(self) -> None:
        begun = time.monotonic()
        response = self._session.get(f"{self._outputs['apiUrl']}/users/{ASKED}/services", headers=self._headers)
        self.figures.slowest_seconds = max(self.figures.slowest_seconds, time.monotonic() - begun)
        answered = response.status_code == 200
        right = answered and [service["service_id"] for service in response.json()["services"]] == ["mail"]
        self.figures.statuses["wrong" if answered and not right else str(response.status_code)] += 1
        if not right:
            self.figures.wrong_answers.append(response.text)

    def _settle(self) -> None:
        """Wait for the queue to be empty, and count."""
        eventually(lambda: self._waiting(self._outputs["queueUrl"]), lambda waiting: waiting == 0)
        self.figures.sent = len(self._users)
        self.figures.lost = [user for user in self._users if not self._stored(user)]
        self.figures.dead_letters = self._waiting(self._outputs["deadLetterQueueUrl"])
        self.figures.batches, self.figures.queries = (
            self._invocations(name) - before for name, before in self._before.items()
        )

    def _waiting(self, url: str) -> int:
        counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        held = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
        return sum(int(held[name]) for name in counts)

    def _stored(self, user: str) -> list[dict[str, str]]:
        read = self._dynamodb.get_item(TableName=self._outputs["tableName"], Key=key(user), ConsistentRead=True)
        return services_in(read.get("Item", {}))

    def _invocations(self, service: str) -> Counter[str]:
        """Count the invocations of a function by version: the emulator writes a log stream for each."""
        group = f"/event-processing/local/{service}"
        pages = self._logs.get_paginator("describe_log_streams").paginate(logGroupName=group)
        names = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        return Counter(version for name in names for version in re.findall(r"\[(.+)\]", name))
