"""An account at an endpoint of this machine, for the process that starts the emulator and for others that use it."""

import threading
from dataclasses import asdict, dataclass, field
from typing import Any

API_PATH = "/_aws/execute-api/"
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path

# Threads may share a client, but all accounts of a process share a session, which cannot make two at once.
_CLIENTS_LOCK = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Connection:
    """Where an emulator listens, and credentials: its administrator's, or those of a session of a role."""

    endpoint: str
    region: str
    account_id: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)

    def as_dict(self) -> dict[str, str]:
        """Return what another process needs to make an equal connection."""
        return asdict(self)


class Account:
    """An account that a connection leads to. Its methods may be called from several threads at once."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self.endpoint, self.region = connection.endpoint, connection.region
        self.account_id = connection.account_id
        self.access_key_id, self.secret_access_key = connection.access_key_id, connection.secret_access_key
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """Return a client of this account, which ignores the profiles and proxies of the user."""
        from botocore.config import Config  # here, because it is slow to import, and no emulator need wait for it

        from localcloud.emulator.sdk_session import emulator_session

        with _CLIENTS_LOCK:
            if service not in self._clients:
                self._clients[service] = emulator_session().create_client(
                    service,
                    region_name=self.region,
                    endpoint_url=self.endpoint,
                    aws_access_key_id=self.access_key_id,
                    aws_secret_access_key=self.secret_access_key,
                    aws_session_token=self.connection.session_token or None,
                    config=Config(proxies={}),
                )
            return self._clients[service]

    def api_url(self, api_id: str, stage: str) -> str:
        """Return the URL of a stage of a REST API, AWS's `invokeUrl`."""
        return f"{self.endpoint}{API_PATH}{api_id}/{stage}"
