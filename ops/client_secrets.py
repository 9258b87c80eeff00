"""The two secrets that a client of the user pool can hold, and the file that keeps the new one."""

import re
import secrets
import stat
import string
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ops.api import RejectedClientError, request_token
from ops.errors import OperatorError
from ops.files import KEPT, NewFile
from ops.stack import ApiClient, StackOutputs

MOST_SECRETS = 2
LENGTH = 52  # as long as those that Cognito generates
PATTERN = re.compile(r"[\w+]{24,64}", re.ASCII)  # what Cognito accepts


@dataclass(frozen=True, kw_only=True)
class Secret:
    """What Cognito says about a secret: never its value."""

    secret_id: str
    created: datetime

    def __str__(self) -> str:
        return f"the secret of {self.created.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, kw_only=True)
class PooledClient:
    """A client of a deployed stack, in its user pool."""

    outputs: StackOutputs
    name: str
    client: ApiClient
    pool_id: str

    @classmethod
    def of(cls, outputs: StackOutputs, name: str) -> "PooledClient":
        """Return the named client; raises OperatorError when the stack has none of that name."""
        client = outputs.api_client(name)
        if outputs.user_pool_id is None:
            raise OperatorError("The stack has no output userPoolId. Deploy it with this version of the program.")
        return cls(outputs=outputs, name=name, client=client, pool_id=outputs.user_pool_id)

    def secrets(self) -> list[Secret]:
        """Return the client's secrets, oldest first."""
        described = self._cognito.list_user_pool_client_secrets(**self._ids)["ClientSecrets"]
        found = [
            Secret(secret_id=secret["ClientSecretId"], created=secret["ClientSecretCreateDate"]) for secret in described
        ]
        return sorted(found, key=lambda secret: (secret.created, secret.secret_id))

    def add(self, value: str) -> None:
        """Let the user pool accept this secret too."""
        self._cognito.add_user_pool_client_secret(**self._ids, ClientSecret=value)

    def delete(self, secret: Secret) -> None:
        """Let the user pool reject a secret from now on."""
        self._cognito.delete_user_pool_client_secret(**self._ids, ClientSecretId=secret.secret_id)

    def accepts(self, value: str) -> bool:
        """Whether the token endpoint grants a token for this secret."""
        try:
            request_token(self.outputs, ApiClient(client_id=self.client.client_id, client_secret=value))
        except RejectedClientError:
            return False
        return True

    @property
    def file(self) -> Path:
        """The file in which a rotation keeps the new secret, unless the operator names another."""
        return KEPT / f"client-secret-{self.client.client_id}"

    @property
    def _cognito(self) -> Any:
        return self.outputs.client("cognito-idp")

    @property
    def _ids(self) -> dict[str, str]:
        return {"UserPoolId": self.pool_id, "ClientId": self.client.client_id}


@dataclass(frozen=True, kw_only=True)
class KeptSecret:
    """A new secret in a file of mode 600, written before the user pool gets it, so that no interruption loses it."""

    path: Path
    value: str
    written: datetime

    def __repr__(self) -> str:
        return f"KeptSecret({str(self.path)!r})"


def read_kept(path: Path) -> KeptSecret | None:
    """Return the secret in the file, None when there is no file; raises OperatorError when it holds something else."""
    status = None
    try:
        status = path.stat()
        # A pipe or a device can be without an end.
        value = path.read_bytes().decode("ascii").strip() if stat.S_ISREG(status.st_mode) else ""
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        value = ""
    if status is None or not PATTERN.fullmatch(value):
        raise OperatorError(f"{path} contains no secret of a client. Delete it, or name another with --secret-file.")
    return KeptSecret(path=path, value=value, written=datetime.fromtimestamp(status.st_mtime, UTC))


def make_kept(path: Path) -> KeptSecret:
    """Write a new secret to a new file; raises OperatorError when that is not possible."""
    value = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(LENGTH))
    try:
        if path.parent == KEPT:
            KEPT.mkdir(parents=True, exist_ok=True)
        with NewFile(path) as file:
            file.write(value.encode())
            file.sync()
            file.is_needed = True
    except OSError as error:
        raise OperatorError(
            f"{path} cannot be written: {error.strerror}. Name another file with --secret-file."
        ) from None
    return KeptSecret(path=path, value=value, written=datetime.now(UTC))
