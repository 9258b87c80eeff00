"""The whole program, deployed once for all end-to-end tests, and the actions of its users."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from rich.console import Console
from typer.testing import CliRunner, Result

from localcloud import demo
from localcloud.cloud import START_STEPS, LocalCloud
from localcloud.cloudwatch.emf import read_samples
from localcloud.observatory.paths import CONSOLE
from localcloud.progress import Progress
from ops.__main__ import app
from tests.fakes.aws import key, services_in
from tests.fakes.events import login
from tests.fakes.waiting import HANG_SECONDS

ROOT = Path(__file__).parents[2]
FIRST = "test_first_half_hour.py"
PRODUCER = "arn:aws:iam::123456789012:role/identity-provider"
NEIGHBOUR = {
    "aws:allowedAccountIds": ["123456789012"],
    "runbookUrl": "https://git.internal/event-processing/docs/runbook.md",
    "apiClients": ["reporting", "web-portal"],
    "alarmEmail": "oncall@example.com",
    "producerPrincipals": [PRODUCER],
    # Attacks and generated requests send hundreds of requests, and none of them tests throttling.
    "apiRateLimit": 5000,
    "apiBurstLimit": 5000,
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    folder = Path(__file__).parent
    for item in items:
        if item.path.parent == folder:
            item.add_marker(pytest.mark.e2e)
    # The first half hour needs a stack that nobody has used yet, and takes that of the others before they do.
    items.sort(key=lambda item: item.path != folder / FIRST)


def claims(token: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def event(user: str, service: str, timestamp: str, name: str | None = None) -> str:
    return json.dumps(login(user, service, name or service.title(), timestamp))


class Stack:
    """A deployed stack as its producers, clients and operators use it."""

    def __init__(self, cloud: LocalCloud):
        self.cloud = cloud
        self.outputs = cloud.outputs

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def send(self, *bodies: str, **message: Any) -> list[str]:
        """Send messages one by one, in order, and return their IDs."""
        sqs, url = self.client("sqs"), self.outputs["queueUrl"]
        return [sqs.send_message(QueueUrl=url, MessageBody=body, **message)["MessageId"] for body in bodies]

    def in_queue(self) -> int:
        """Return how many events are waiting or being handled."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        held = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs["queueUrl"], AttributeNames=names)
        return sum(int(held["Attributes"][name]) for name in names)

    def deliver(self, record: dict[str, Any]) -> bool:
        """Invoke the event handler with a message, as the queue does, and return whether it handled the message."""
        name, payload = self.outputs["functions"]["event-handler"], json.dumps({"Records": [record]})
        answer = self.client("lambda").invoke(FunctionName=name, Payload=payload)
        # A batch in which every message failed fails as a whole.
        return "FunctionError" not in answer and not json.load(answer["Payload"])["batchItemFailures"]

    def function(self, role: str) -> str:
        """Return the name of a function; the outputs name those that a release moves."""
        named = self.outputs["functions"]
        return named.get(role) or f"{named['query'].removesuffix('query')}{role}"

    def log_lines(self, function: str) -> list[str]:
        return demo.log_lines(self.cloud, self.function(function))

    def denials(self, function: str) -> int:
        """Return how often a function was denied access, according to its log."""
        return sum("AccessDenied" in line for line in self.log_lines(function))

    def record(self, user: str) -> list[dict[str, Any]]:
        """Return the services stored for a user."""
        client, table = self.client("dynamodb"), self.outputs["tableName"]
        item = client.get_item(TableName=table, Key=key(user), ConsistentRead=True)
        return services_in(item.get("Item", {}))

    def dead_letter(self, message_id: str) -> dict[str, Any] | None:
        """Delete and return the dead letter of this message."""
        sqs, url = self.client("sqs"), self.outputs["deadLetterQueueUrl"]
        limits = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 1, "WaitTimeSeconds": 1}
        received = sqs.receive_message(
            QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"], **limits
        )
        for letter in received.get("Messages", []):
            # SQS itself moved those without attributes, of other tests.
            source = letter.get("MessageAttributes", {}).get("source_message_id", {})
            if source.get("StringValue") == message_id:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])
                return letter
        return None

    def journey(self, message_id: str) -> dict[str, Any]:
        """Return what became of a message, as the console says; `steps` is empty until a batch with it has ended."""
        address = f"{self.outputs['endpoint']}{CONSOLE}/journey"
        return requests.get(address, params={"name": message_id}, timeout=HANG_SECONDS).json()

    def request_token(self, client_id: str, client_secret: str, scope: str) -> requests.Response:
        url, form = self.outputs["tokenUrl"], {"grant_type": "client_credentials", "scope": scope}
        return requests.post(url, auth=(client_id, client_secret), data=form, timeout=HANG_SECONDS)

    def new_client(self, name: str, scope: str, **settings: Any) -> dict[str, str]:
        """Create a client of this stack's pool, as the program does, and return its credentials."""
        made = self.client("cognito-idp").create_user_pool_client(
            UserPoolId=self.pool_id(),
            ClientName=name,
            GenerateSecret=True,
            AllowedOAuthFlows=["client_credentials"],
            AllowedOAuthFlowsUserPoolClient=True,
            AllowedOAuthScopes=[scope],
            **settings,
        )["UserPoolClient"]
        return {"clientId": made["ClientId"], "clientSecret": made["ClientSecret"]}

    def token(self, name: str | None = None) -> str:
        """Return a token of the named client, or of the first client of the stack."""
        clients = self.outputs["apiClients"]
        client = clients[name or min(clients)]
        response = self.request_token(client["clientId"], client["clientSecret"], self.outputs["apiScope"])
        assert response.status_code == 200, response.text
        return response.json()["access_token"]

    def query(self, user: str, token: str | None) -> requests.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        url = f"{self.outputs['apiUrl']}/users/{quote(user, safe='')}/services"
        return requests.get(url, headers=headers, timeout=HANG_SECONDS)

    def pool_id(self) -> str:
        return claims(self.token())["iss"].rpartition("/")[2]

    def metric_sum(self, function: str, metric: str) -> float:
        """Return the sum of a function's metric, from the log lines that CloudWatch reads."""
        samples = read_samples(self.log_lines(function))
        return sum(sample.value for sample in samples if sample.key.name == metric)


class Operator:
    """The operator's command line with the outputs of a stack, run in the test's own process, which saves a second."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.outputs = folder / "outputs.json"
        stack.cloud.write_outputs(self.outputs)

    def run(self, *arguments: str, stdin: str = "") -> Result:
        return CliRunner().invoke(app, [*arguments, "--outputs", str(self.outputs)], input=stdin)


@pytest.fixture
def operator(stack: Stack, tmp_path: Path) -> Operator:
    return Operator(stack, tmp_path)


@contextmanager
def deployed(checkout: Path) -> Iterator[Stack]:
    """Stack dev in a cloud of its own."""
    # The tests break the stack in many ways; what its alarms do then is the subject of other tests.
    with LocalCloud.start(checkout, progress=Progress(START_STEPS, Console(quiet=True)), options=["--paused"]) as cloud:
        yield Stack(cloud)


@pytest.fixture(scope="session")
def stack(checkout: Path) -> Iterator[Stack]:
    with deployed(checkout) as stack:
        yield stack


@pytest.fixture(scope="session")
def neighbour(stack: Stack, checkout: Path) -> Stack:
    """Stack prod in the same account, with the features that the first stack does not use."""
    progress = Progress(1, Console(quiet=True))
    return Stack(stack.cloud.deploy_beside(checkout, "prod", progress=progress, config_overrides=NEIGHBOUR))


@pytest.fixture(scope="session")
def token(stack: Stack) -> str:
    return stack.token()


@pytest.fixture
def user(request: pytest.FixtureRequest) -> str:
    """A user of this test only, with characters that identity providers use."""
    return f"auth0|{request.node.name}@example.com"
