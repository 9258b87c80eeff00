"""An account at an endpoint of this machine, for the process that starts the emulator and for others that use it."""

import threading
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

API_PATH = "/_aws/execute-api/"
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path


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
        self._client_lock = threading.Lock()

    @cached_property
    def _session(self) -> Any:
        import boto3  # here, because it is slow to import, and no emulator need wait for it
        import botocore.session
        from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES

        # A variable is (name in the configuration file, name in the environment, default, conversion): no files and no
        # environment of the user.
        defaults = {name: (None, None, *rest) for name, (_, _, *rest) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()}
        defaults |= dict.fromkeys(("config_file", "credentials_file"), (None, None, None, None))
        return boto3.Session(
            botocore_session=botocore.session.Session(session_vars=defaults),
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            aws_session_token=self.connection.session_token or None,
            region_name=self.region,
        )

    def client(self, service: str) -> Any:
        """Return a boto3 client of this account, which ignores the profiles and proxies of the user."""
        from botocore.config import Config

        options = {"endpoint_url": self.endpoint, "config": Config(proxies={})}
        with self._client_lock:  # threads may share a client, but boto3 cannot create two at once
            if service not in self._clients:
                self._clients[service] = self._session.client(service, **options)
            return self._clients[service]

    def api_url(self, api_id: str, stage: str) -> str:
        """Return the URL of a stage of a REST API, AWS's `invokeUrl`."""
        return f"{self.endpoint}{API_PATH}{api_id}/{stage}"
