"""The stack that is drilled: its producer, its pager, its alarms, its boards and its time.

Everything is done and read as on AWS, except the pager, the time, and boards, which CloudWatch draws itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from handlers.vocabulary import PROBE_USER
from localcloud.cloud import LocalCloud
from localcloud.cloudwatch.states import State
from localcloud.demo import DEADLINE_SECONDS, dead_letters, newest_logins, run_ops, wait_for
from localcloud.observatory import pager
from localcloud.observatory.paths import BOARD, ENDED_MINUTE

if TYPE_CHECKING:
    import requests

# The subscribers of each topic. The pager of the embedded cloud receives for them; nothing contacts them.
PAGER = "https://pager.example.com/drill"
SUBSCRIBERS = {"p1": PAGER, "p2": "https://tickets.example.com/drill", "p3": "https://mail.example.com/drill"}
BATCH = 10
BOARDS = ("overview", "ingest", "api")


@dataclass(frozen=True, order=True)
class Notification:
    """What subscribers of a topic received about an alarm."""

    minute: int
    alarm: str
    state: State
    severity: str


@dataclass(frozen=True)
class DrawnBoard:
    """A page, and its size in pixels."""

    page: str
    width: int
    height: int


class DrilledStack:
    """A deployed stack whose topics have subscribers. Alarms are named by their IDs."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.functions: dict[str, str] = cloud.outputs["functions"]
        self._topics: dict[str, str] = cloud.outputs["alarmTopics"]
        self.prefix = self._topics["p1"].rpartition(":")[2].removesuffix("alerts-p1")
        import requests  # here, because `localcloud up` need not wait for it

        self._session = requests.Session()
        self._session.trust_env = False
        self._token = ""
        self.sent = self.sent_malformed = 0
        self.notes: list[str] = []
        """What a command of the operator printed while a fault was healed."""

    def subscribe(self) -> None:
        """Subscribe to every topic who acts on what it says."""
        sns = self.cloud.client("sns")
        for severity, topic in self._topics.items():
            arn = sns.subscribe(
                TopicArn=topic, Protocol="https", Endpoint=SUBSCRIBERS[severity], ReturnSubscriptionArn=True
            )["SubscriptionArn"]
            wait_for(
                f"PendingConfirmation of a subscriber of {topic}",
                "false",
                lambda arn=arn: sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"][
                    "PendingConfirmation"
                ],
            )

    def send(self, count: int = 1) -> None:
        """Send the logins of so many more users."""
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        login = {"service_id": "mail", "service_name": "Web mail", "timestamp": at}
        users = range(self.sent + 1, self.sent + count + 1)
        self._send([json.dumps({"user_id": f"drill-{user}", **login}) for user in users])
        self.sent += count

    def send_malformed(self, bodies: Sequence[str]) -> None:
        """Send messages that are no events."""
        self._send(bodies)
        self.sent_malformed += len(bodies)

    def _send(self, bodies: Sequence[str]) -> None:
        for start in range(0, len(bodies), BATCH):
            batch = enumerate(bodies[start : start + BATCH])
            entries = [{"Id": str(index), "MessageBody": body} for index, body in batch]
            self.cloud.client("sqs").send_message_batch(QueueUrl=self.cloud.outputs["queueUrl"], Entries=entries)

    def query(self, user: str = "drill-1", token: str = "") -> int:
        """Ask the API about a user, with a valid token if none is given; returns the status."""
        self._token = self._token or self.issue_token()
        response = self._session.get(
            f"{self.cloud.outputs['apiUrl']}/users/{user}/services",
            headers={"Authorization": f"Bearer {token or self._token}"},
            timeout=DEADLINE_SECONDS,
        )
        return response.status_code

    def issue_token(self) -> str:
        """Fetch a token for a client of the stack; raises requests.HTTPError if none is issued."""
        client = min(self.cloud.outputs["apiClients"].items())[1]
        response = self._session.post(
            self.cloud.outputs["tokenUrl"],
            auth=(client["clientId"], client["clientSecret"]),
            data={"grant_type": "client_credentials", "scope": self.cloud.outputs["apiScope"]},
            timeout=DEADLINE_SECONDS,
        )
        response.raise_for_status()
        return response.json()["access_token"]

    def wait_until_stored(self) -> None:
        """Return when every event that was sent is stored; UnexpectedAnswerError if that never happens.

        Events that were given up during the fault are sent again, as the on-call engineer would.
        """
        wait_for("the number of stored events", self.sent, self._stored)

    def _stored(self) -> int:
        stored = len(newest_logins(self.cloud).keys() - {PROBE_USER})
        if stored < self.sent and dead_letters(self.cloud) > self.sent_malformed:
            self.operate("dead-letters", "redrive", "--reason", "gave-up", "--yes")
        return stored

    def operate(self, *arguments: str) -> str:
        """Run a command of the operator on this stack; returns what it printed."""
        outputs = self.cloud.directory / "outputs.json"
        self.cloud.write_outputs(outputs)
        return run_ops(*arguments, "--outputs", str(outputs))

    def note(self, printed: str) -> None:
        """Keep the lines that a command printed, for the timeline."""
        self.notes += [line.strip() for line in printed.splitlines() if line.strip()]

    def ended_minute(self) -> int:
        """The minute that began when alarms were last evaluated."""
        return int(self._get(ENDED_MINUTE).text)

    def notifications(self) -> list[Notification]:
        """What subscribers received, oldest first; an alarm's first evaluation is left out."""
        return sorted(set(self._notifications()))

    def _notifications(self) -> Iterator[Notification]:
        for page in self._get(f"{pager.PATH}.json").json():
            alarm = json.loads(page["message"])
            first = (alarm["OldStateValue"], alarm["NewStateValue"]) == (State.INSUFFICIENT_DATA, State.OK)
            if page["delivered"] and not first:
                name = alarm["AlarmName"].removeprefix(self.prefix)
                severity = page["topic"].rpartition("-")[2].upper()
                yield Notification(int(page["at"] // 60), name, State(alarm["NewStateValue"]), severity)

    def states(self) -> dict[str, State]:
        """The state of each alarm."""
        return {name: State(alarm["StateValue"]) for name, alarm in self._alarms()}

    def last_cleared(self, alarms: Collection[str]) -> int:
        """The minute in which the last of these alarms became OK."""
        cleared = [alarm["StateTransitionedTimestamp"] for name, alarm in self._alarms() if name in alarms]
        return int(max(cleared).timestamp() // 60)

    def _alarms(self) -> Iterator[tuple[str, dict[str, Any]]]:
        pages = self.cloud.client("cloudwatch").get_paginator("describe_alarms")
        for page in pages.paginate(AlarmNamePrefix=self.prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]):
            for alarm in (*page["MetricAlarms"], *page["CompositeAlarms"]):
                yield alarm["AlarmName"].removeprefix(self.prefix), alarm

    def firing(self) -> list[str]:
        """The alarms that are in alarm."""
        return sorted(alarm for alarm, state in self.states().items() if state is State.ALARM)

    def causes(self, alarm: str) -> list[str]:
        """The alarms in alarm of which a composite alarm consists, and those of which they consist."""
        client = self.cloud.client("cloudwatch")
        found = client.describe_alarms(AlarmNames=[f"{self.prefix}{alarm}"], AlarmTypes=["CompositeAlarm"])
        rule = "".join(composite["AlarmRule"] for composite in found["CompositeAlarms"])
        children = [name for name in self.firing() if re.search(rf"{re.escape(self.prefix + name)}\b(?!-)", rule)]
        return [name for child in children for name in (child, *self.causes(child))]

    def draw(self, board: str, title: str, files: dict[str, str], start: str) -> DrawnBoard:
        """A board of the stack as it is now, from `start` on; `files` are the pages of the boards it links to."""
        name = f"{self.prefix}{board}"
        body = json.loads(self.cloud.client("cloudwatch").get_dashboard(DashboardName=name)["DashboardBody"])
        links = {f"{self.prefix}{linked}": file for linked, file in files.items()}
        asked = {"body": {**body, "start": start}, "title": title, "links": links}
        response = self._session.post(self.cloud.outputs["endpoint"] + BOARD, json=asked, timeout=DEADLINE_SECONDS)
        response.raise_for_status()
        return DrawnBoard(**response.json())

    def _get(self, path: str) -> requests.Response:
        response = self._session.get(self.cloud.outputs["endpoint"] + path, timeout=DEADLINE_SECONDS)
        response.raise_for_status()
        return response
