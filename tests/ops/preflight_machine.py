"""A machine from which a stack can be deployed, until a test breaks one part of it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from components.identity import domain_prefix
from ops.__main__ import app
from tests.fakes import pulumi_cli

ACCOUNT = "123456789012"
CONFIG = {
    "aws:region": "eu-west-1",
    "event-processing:owner": "team",
    "event-processing:runbookUrl": "https://example.com/runbook.md",
    "event-processing:apiClients": '["example"]',
    "event-processing:pythonVersion": "3.11",
}
CHECKS = ["pulumi CLI", "settings", "python", "state", "credentials", "API Gateway", "concurrency", "names", "domain"]
RELEASE = Path(__file__).parents[1] / "engine/releases/0.1.0/dev.jsonl"
URN = "urn:pulumi:dev::event-processing::"


class NotFoundError(Exception):
    """Stands in for Lambda's ResourceNotFoundException."""


class Machine:
    """A machine with a Pulumi CLI and AWS credentials, of which a test breaks one part."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: dict[str, dict[str, Any]] = {}
        for key, value in CONFIG.items():
            self.configure(key, value)
        self.version = "v3.219.0"
        self.exists = True
        self.errors: dict[str, Exception] = {}
        self.state: dict[str, Any] = {"deployment": {}}
        self.role = "arn:aws:iam::123456789012:role/api-gateway-logs"
        self.roles = {"api-gateway-logs"}
        self.limit = 1000
        self.unreserved = 1000
        self.holders: dict[str, str] = {}
        self.reserved: int | None = None
        self.domain: dict[str, str] = {}
        self.pool_name = "event-processing-dev-callers"

    def configure(self, key: str, value: str, *, secret: bool = False) -> None:
        self.config[key] = {"value": value, "secret": secret}

    def deployed(self) -> list[dict[str, Any]]:
        """Deploy release 0.1.0, and return the resources of its state."""
        resources = [json.loads(line) for line in RELEASE.read_text().splitlines()]
        self.state["deployment"]["resources"] = resources
        return resources

    def client(self, service: str) -> Any:
        if service in self.errors:
            raise self.errors[service]
        return {
            "sts": SimpleNamespace(get_caller_identity=lambda: {"Account": ACCOUNT}),
            "apigateway": SimpleNamespace(get_account=lambda: {"cloudwatchRoleArn": self.role} if self.role else {}),
            "iam": SimpleNamespace(get_role=self.get_role),
            "lambda": SimpleNamespace(
                exceptions=SimpleNamespace(ResourceNotFoundException=NotFoundError),
                get_account_settings=lambda: {
                    "AccountLimit": {
                        "ConcurrentExecutions": self.limit,
                        "UnreservedConcurrentExecutions": self.unreserved,
                    }
                },
                get_function_concurrency=self.get_function_concurrency,
                list_provisioned_concurrency_configs=lambda **_: {"ProvisionedConcurrencyConfigs": []},
            ),
            "cognito-idp": SimpleNamespace(
                describe_user_pool_domain=self.describe_user_pool_domain,
                describe_user_pool=lambda **_: {"UserPool": {"Id": "pool", "Name": self.pool_name}},
            ),
        }[service]

    def get_role(self, RoleName: str) -> None:  # noqa: N803
        if RoleName not in self.roles:
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": ""}}, "GetRole")

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:  # noqa: N803
        assert FunctionName == "event-processing-dev-event-handler"
        if self.reserved is None:
            raise NotFoundError
        return {"ReservedConcurrentExecutions": self.reserved}

    def describe_user_pool_domain(self, Domain: str) -> dict[str, Any]:  # noqa: N803
        assert Domain == domain_prefix("event-processing-dev-callers", ACCOUNT)
        return {"DomainDescription": self.domain}

    def run(self, *arguments: str, stack: str = "dev") -> Result:
        printed = {"version": self.version}
        if self.exists:
            printed[f"config --json --show-secrets --stack {stack}"] = json.dumps(self.config)
            printed[f"stack export --stack {stack}"] = json.dumps(self.state)
        pulumi_cli.install(self.folder, printed)
        return CliRunner().invoke(app, ["preflight", "--stack", stack, *arguments])

    def problems(self, stack: str = "dev") -> dict[str, str]:
        """Return what was found and its fix by name, of every check that is not ok."""
        answer = self.run("--json", stack=stack)
        document = json.loads(answer.stdout)
        assert answer.exit_code == (0 if document["ready"] else 1)
        assert [check["name"] for check in document["checks"]] == CHECKS
        return {
            check["name"]: f"{check['found']} | {check['fix']}" if check["state"] == "problem" else check["state"]
            for check in document["checks"]
            if check["state"] != "ok"
        }
