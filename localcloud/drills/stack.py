"""The stack that is drilled: its producer, its pager, its alarms, its boards and its time.

Everything is done and read as on AWS, except the pager, the time, and boards, which CloudWatch draws itself.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import requests

from localcloud.cloud import LocalCloud
from localcloud.cloudwatch.states import State
from localcloud.demo import DEADLINE_SECONDS, newest_logins, wait_for
from localcloud.observatory import pager
from localcloud.observatory.paths import BOARD, ENDED_MINUTE

# Subscribed to every topic. The pager of the embedded cloud receives for it; nothing contacts it.
ON_CALL = "https://on-call.example.com/drill"
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
    """A deployed stack whose topics have a subscriber. Alarms are named by their IDs."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self._topics: dict[str, str] = cloud.outputs["alarmTopics"]
        self.prefix = self._topics["p1"].rpartition(":")[2].removesuffix("alerts-p1")
        self._session = requests.Session()
        self._session.trust_env = False
        self.sent = 0

    def subscribe(self) -> None:
        """Subscribe the on-call engineer to every topic."""
        sns = self.cloud.client("sns")
        for topic in self._topics.values():
            sns.subscribe(TopicArn=topic, Protocol="https", Endpoint=ON_CALL)
            held = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
            [arn] = [found["SubscriptionArn"] for found in held if found["Endpoint"] == ON_CALL]
            wait_for(
                f"PendingConfirmation of a subscriber of {topic}",
                "false",
                lambda arn=arn: sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"][
                    "PendingConfirmation"
                ],
            )

    def send(self) -> None:
        """Send the login of another user."""
        self.sent += 1
        event = {
            "user_id": f"drill-{self.sent}",
            "service_id": "mail",
            "service_name": "Web mail",
            "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        }
        self.cloud.client("sqs").send_message(QueueUrl=self.cloud.outputs["queueUrl"], MessageBody=json.dumps(event))

    def wait_until_stored(self) -> None:
        """Return when every event that was sent is stored; UnexpectedAnswerError if that never happens."""
        wait_for("the number of stored events", self.sent, lambda: len(newest_logins(self.cloud)))

    def ended_minute(self) -> int:
        """The minute that began when alarms were last evaluated."""
        return int(self._get(ENDED_MINUTE).text)

    def notifications(self) -> list[Notification]:
        """What subscribers received, oldest first; an alarm's first evaluation is left out."""
        return sorted(set(self._notifications()))

    def _notifications(self) -> Iterator[Notification]:
        for page in self._get(f"{pager.PATH}.json").json():
            alarm = json.loads(page["message"])
            if (alarm["OldStateValue"], alarm["NewStateValue"]) != (State.INSUFFICIENT_DATA, State.OK):
                name = alarm["AlarmName"].removeprefix(self.prefix)
                severity = page["topic"].rpartition("-")[2].upper()
                yield Notification(int(page["at"] // 60), name, State(alarm["NewStateValue"]), severity)

    def states(self) -> dict[str, State]:
        """The state of each alarm."""
        pages = self.cloud.client("cloudwatch").get_paginator("describe_alarms")
        found = pages.paginate(AlarmNamePrefix=self.prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        alarms = (alarm for page in found for kind in ("MetricAlarms", "CompositeAlarms") for alarm in page[kind])
        return {alarm["AlarmName"].removeprefix(self.prefix): State(alarm["StateValue"]) for alarm in alarms}

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
