"""What lets an app client of a user pool hold two secrets, as in Cognito; the emulator's clients hold one.

DescribeUserPoolClient returns the first secret while it lives, and none after it was deleted. AWS does not document
what it returns then, so the program must not depend on it (decision 38).
"""

import json
import re
import time
from dataclasses import dataclass
from typing import Any

from ministack.services import cognito

from localcloud.emulator.seams import seam

MOST_SECRETS = 2
PATTERN = re.compile(r"[\w+]{24,64}", re.ASCII)
DESCRIBING = ("DescribeUserPoolClient", "UpdateUserPoolClient")


@dataclass(frozen=True)
class _Secret:
    secret_id: str
    value: str
    created: float

    def descriptor(self) -> dict[str, Any]:
        return {"ClientSecretId": self.secret_id, "ClientSecretCreateDate": self.created}


class _InvalidRequestError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ClientSecrets:
    """The secrets of the clients whose secrets were ever changed; every other client has its first one."""

    def __init__(self) -> None:
        self._by_client: dict[str, list[_Secret]] = {}

    def of(self, client: dict[str, Any]) -> list[_Secret]:
        """Return the secrets of a client, oldest first."""
        created = float(client["CreationDate"])
        first = _Secret(f"{client['ClientId']}--{int(created * 1000)}", client["ClientSecret"] or "", created)
        return self._by_client.get(client["ClientId"], [first] if first.value else [])

    def add(self, client: dict[str, Any], value: str | None) -> dict[str, Any]:
        """Add a secret, which is returned only if it is generated here."""
        held, now = self.of(client), time.time()
        if len(held) == MOST_SECRETS:
            raise _InvalidRequestError("LimitExceededException", "The client has two secrets already.")
        if value is not None and not PATTERN.fullmatch(value):
            raise _InvalidRequestError("InvalidParameterException", "The secret does not fit the pattern.")
        made = _Secret(f"{client['ClientId']}--{int(now * 1000)}", value or cognito._client_secret(), now)
        self._by_client[client["ClientId"]] = [*held, made]
        return made.descriptor() | ({} if value else {"ClientSecretValue": made.value})

    def delete(self, client: dict[str, Any], secret_id: str) -> None:
        """Delete a secret, except the last one."""
        held = self.of(client)
        kept = [secret for secret in held if secret.secret_id != secret_id]
        if len(kept) == len(held):
            raise _InvalidRequestError("ResourceNotFoundException", "The client has no such secret.")
        if not kept:
            raise _InvalidRequestError("InvalidParameterException", "The last secret cannot be deleted.")
        self._by_client[client["ClientId"]] = kept

    def accepts(self, client: dict[str, Any], given: str) -> bool:
        """Whether the secret is one of the client's."""
        return any(secret.value == given for secret in self.of(client))


def let_clients_hold_two_secrets() -> None:
    """Serve the operations on client secrets, and accept each secret of a client at the token endpoint."""
    dispatch = seam(cognito, "_dispatch_idp", "action", "data")
    authenticate = seam(cognito, "_authenticate_client", "headers", "form")
    find_pool = seam(cognito, "_resolve_pool", "pool_id")
    find_client = seam(cognito, "_find_pool_by_client_id", "client_id")
    seam(cognito, "_client_secret")
    secrets = ClientSecrets()

    def change(action: str, client: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        if action == "AddUserPoolClientSecret":
            return {"ClientSecretDescriptor": secrets.add(client, request.get("ClientSecret"))}
        if action == "DeleteUserPoolClientSecret":
            secrets.delete(client, request["ClientSecretId"])
            return {}
        return {"ClientSecrets": [secret.descriptor() for secret in secrets.of(client)]}

    async def dispatch_secrets(action: str, data: dict[str, Any]) -> Any:
        pool, error = find_pool(data["UserPoolId"]) if "UserPoolId" in data else (None, None)
        client = None if error or pool is None else pool["_clients"].get(data.get("ClientId"))
        if not action.endswith(("UserPoolClientSecret", "UserPoolClientSecrets")) or client is None:
            response = await dispatch("DescribeUserPoolClient" if "ClientSecret" in action else action, data)
            if client is None or action not in DESCRIBING or secrets.accepts(client, client["ClientSecret"] or ""):
                return response
            status, headers, body = response
            described = json.loads(body)
            del described["UserPoolClient"]["ClientSecret"]
            return status, headers, json.dumps(described).encode()
        try:
            return cognito.json_response(change(action, client, data))
        except _InvalidRequestError as problem:
            return cognito.error_response_json(problem.code, str(problem), 400)

    def authenticate_with_any(headers: Any, form: Any) -> tuple[str, str]:
        """Return the client, with the secret that the emulator compares if the given one is one of the client's."""
        client_id, given = authenticate(headers, form)
        client = find_client(client_id)[2]
        if client is None or not client["ClientSecret"]:
            return client_id, given
        return client_id, client["ClientSecret"] if secrets.accepts(client, given) else ""

    cognito._dispatch_idp = dispatch_secrets
    cognito._authenticate_client = authenticate_with_any
