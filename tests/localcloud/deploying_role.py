"""The role that deploys, with the policies of `tools.deploy_policy` alone, and the calls that it makes."""

import json
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from localcloud.emulator.connection import Account, Connection
from tools.deploy_policy import Statement

ROLE = "deploying-role"
POLICY = "deploy"
# As IAM names services that boto3 names otherwise.
SERVICES = {"monitoring": "cloudwatch"}
# Operations whose action has another name.
ACTIONS = {"GetLayerVersionByArn": "GetLayerVersion"}
DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@dataclass(frozen=True)
class Request:
    """A call that the deployer made, and the action for which it needs a right."""

    service: str
    method: str
    action: str
    parameters: dict[str, Any]


class Deployer(Account):
    """An account as the deploying role sees it, which notes what is requested."""

    def __init__(self, owner: Account, statements: Iterable[Statement]) -> None:
        self._owner = owner
        trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn = owner.client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        self.allow(statements)
        session = owner.client("sts").assume_role(RoleArn=arn, RoleSessionName=ROLE)["Credentials"]
        super().__init__(
            Connection(
                endpoint=owner.endpoint,
                region=owner.region,
                account_id=owner.account_id,
                access_key_id=session["AccessKeyId"],
                secret_access_key=session["SecretAccessKey"],
                session_token=session["SessionToken"],
            )
        )
        self.requests: list[Request] = []
        self._noting = threading.Lock()

    def client(self, service: str) -> Any:
        """Return the account's client, which notes what is requested."""
        with self._noting:
            client = super().client(service)
            client.meta.events.register("before-parameter-build", self._note, unique_id="noted")
        return client

    def allow(self, statements: Iterable[Statement]) -> None:
        """Make these statements the only rights of the role."""
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        self._owner.client("iam").put_role_policy(RoleName=ROLE, PolicyName=POLICY, PolicyDocument=document)

    def is_denied(self, request: Request) -> bool:
        """Repeat a request, and return whether IAM denies it; no other result matters."""
        try:
            self.client(request.service)._make_api_call(request.method, dict(request.parameters))
        except ClientError as error:
            return error.response["Error"]["Code"] in DENIED
        return False

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        service = model.service_model
        prefix = SERVICES.get(service.signing_name, service.signing_name)
        name = model.http["method"] if prefix == "apigateway" else ACTIONS.get(model.name, model.name)
        actions = [f"{prefix}:{name}", *(["iam:PassRole"] if "Role" in params or model.name == "UpdateAccount" else [])]
        for action in actions:
            self.requests.append(Request(service.service_name, model.name, action, dict(params)))
