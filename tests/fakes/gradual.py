"""A stack with gradual releases in a cloud on a stepped clock: its versions, its canary alarms and its traffic."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from handlers.vocabulary import LIVE_ALIAS
from localcloud.cloud import LocalCloud
from localcloud.reload.canary_alarm import canary_alarm, follow_version
from tests.fakes.aws import key, services_in
from tests.fakes.events import login
from tests.fakes.waiting import HANG_SECONDS, eventually

USER = "canary"
# A version with a tenth of the traffic gets none of so many requests once in 10 ** 13 runs.
DRAWS = 300


class Gradual:
    """Both functions of the stack, and the producers and clients that use them."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.functions: dict[str, str] = cloud.outputs["functions"]
        self._lambda, self._cloudwatch = cloud.client("lambda"), cloud.client("cloudwatch")
        self.sent: set[str] = set()
        self.failed_queries = 0
        self._token = self._request_token()

    # Versions

    def publish(self, release: str, **broken: dict[str, Any]) -> dict[str, str]:
        """Publish a version of both functions and let the alarms name it, as `pulumi up` does; return the numbers.

        `broken` holds what is wrong with it, by role. The configuration is whole again afterwards.
        """
        numbers = {}
        for role, name in self.functions.items():
            before = self._lambda.get_function_configuration(FunctionName=name)
            changes = broken.get(role.replace("-", "_"), {})
            variables = before["Environment"]["Variables"]
            new = variables | {"RELEASE": release, "VERSION": release} | changes.get("variables", {})
            self._configure(name, Handler=changes.get("handler", before["Handler"]), Environment={"Variables": new})
            numbers[role] = self._lambda.publish_version(FunctionName=name)["Version"]
            self._configure(name, Handler=before["Handler"], Environment={"Variables": variables})
        for role, number in numbers.items():
            follow_version(self._cloudwatch, self._alarm(role), number)
        return numbers

    def _configure(self, name: str, **changes: Any) -> None:
        self._lambda.update_function_configuration(FunctionName=name, **changes)
        self._lambda.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})

    def _alarm(self, role: str) -> str:
        return canary_alarm(role, self.functions[role])

    def routes(self) -> dict[str, tuple[str, dict[str, float]]]:
        """Return the version and the weights of each alias."""
        found = {}
        for role, name in self.functions.items():
            alias = self._lambda.get_alias(FunctionName=name, Name=LIVE_ALIAS)
            weights = (alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
            found[role] = (alias["FunctionVersion"], weights)
        return found

    # What is measured

    def alarm_states(self) -> dict[str, str]:
        """Return the state of the alarm of each function's newest version."""
        names = {self._alarm(role): role for role in self.functions}
        found = self._cloudwatch.describe_alarms(AlarmNames=list(names))["MetricAlarms"]
        return {names[alarm["AlarmName"]]: alarm["StateValue"] for alarm in found}

    def metered(self, metric: str, role: str, number: str | None = None) -> float:
        """Return the sum of a metric of a function, or of one version behind its alias."""
        now, name = datetime.now(UTC), self.functions[role]
        dimensions = {"FunctionName": name}
        if number:
            dimensions |= {"Resource": f"{name}:{LIVE_ALIAS}", "ExecutedVersion": number}
        found = self._cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(hours=3),
            Period=4 * 3_600,
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in found["Datapoints"])

    def least_invocations(self, numbers: dict[str, str]) -> float:
        """Return how often the version of each function was invoked at least."""
        return min(self.metered("Invocations", role, number) for role, number in numbers.items())

    # Traffic

    def traffic(self, *, until: Callable[[], object]) -> None:
        """Send events and requests, in turn, until something has happened, and let alarms see the minute."""
        for _ in range(DRAWS):
            self.send()
            self.query()
            if until():
                self.cloud.advance(120)
                return
        raise AssertionError(f"not within {DRAWS} events and requests")

    def send(self) -> None:
        """Send an event and return when its batch has ended, so that the next event is in another batch."""
        service, before = f"service-{len(self.sent)}", self.metered("Invocations", "event-handler")
        self.cloud.client("sqs").send_message(
            QueueUrl=self.cloud.outputs["queueUrl"],
            MessageBody=json.dumps(login(USER, service, "Service", "2026-01-01T00:00:00Z")),
        )
        self.sent.add(service)
        eventually(lambda: self.metered("Invocations", "event-handler") > before)

    def query(self) -> requests.Response:
        """Request the services of the user."""
        response = requests.get(
            f"{self.cloud.outputs['apiUrl']}/users/{USER}/services",
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=HANG_SECONDS,
        )
        self.failed_queries += response.status_code >= 500
        return response

    def _request_token(self) -> str:
        credentials = min(self.cloud.outputs["apiClients"].items())[1]
        response = requests.post(
            self.cloud.outputs["tokenUrl"],
            auth=(credentials["clientId"], credentials["clientSecret"]),
            data={"grant_type": "client_credentials", "scope": self.cloud.outputs["apiScope"]},
            timeout=HANG_SECONDS,
        )
        return response.json()["access_token"]

    def stored(self) -> set[str]:
        """Return the services that are stored for the user."""
        table = self.cloud.outputs["tableName"]
        item = self.cloud.client("dynamodb").get_item(TableName=table, Key=key(USER), ConsistentRead=True)
        return {service["service_id"] for service in services_in(item.get("Item", {}))}

    def visibility_seconds(self) -> int:
        """Return after how many seconds a batch that failed is handed to the event handler again."""
        name, url = "VisibilityTimeout", self.cloud.outputs["queueUrl"]
        held = self.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=[name])
        return int(held["Attributes"][name])
