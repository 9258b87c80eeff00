"""Access tokens, cached between commands in files that only their owner can read, until shortly before they expire."""

import hashlib
import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from ops.api import ApiResponse, Token, query_services, request_token
from ops.stack import ApiClient, StackOutputs

LEEWAY_SECONDS = 60  # a token must not expire between the cache and the API


class TokenCache:
    """Cached tokens by key. Where the folder cannot be written nothing is cached, which is not an error."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls) -> "TokenCache":
        """Return the cache in the user's XDG cache directory."""
        try:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        except RuntimeError:  # a user without a home
            return cls(None)
        return cls(base / "event-processing" if base.is_absolute() else None)

    def get(self, key: str) -> str | None:
        """Return the token if it stays valid for a while and no other user can have read or written its file."""
        path = self._path(key)
        if path is None:
            return None
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW)) as file:
                status = os.fstat(file.fileno())
                if status.st_uid != os.getuid() or status.st_mode & 0o077:
                    return None
                cached = json.load(file)
            is_valid = cached["expires_at"] - LEEWAY_SECONDS > time.time()
            return str(cached["access_token"]) if is_valid else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, token: Token) -> None:
        """Cache the token and delete expired tokens."""
        path = self._path(key)
        if path is None:
            return
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._prune(path.parent)
            # Created with mode 600 and then renamed: at no moment can another user read it.
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".token-")
            with os.fdopen(descriptor, "w") as file:
                json.dump({"access_token": token.text, "expires_at": time.time() + token.expires_in}, file)
            Path(temporary).replace(path)

    def drop(self, key: str) -> None:
        """Delete the token."""
        if path := self._path(key):
            with suppress(OSError):
                path.unlink()

    def _path(self, key: str) -> Path | None:
        # A digest, so that the file name does not reveal the client.
        return self._folder and self._folder / f"token-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def _prune(self, folder: Path) -> None:
        for path in folder.glob("token-*.json"):
            try:
                is_expired = json.loads(path.read_text())["expires_at"] <= time.time()
            except (OSError, ValueError, KeyError, TypeError):
                is_expired = True
            if is_expired:
                path.unlink(missing_ok=True)


def token_for(outputs: StackOutputs, client: ApiClient, cache: TokenCache, *, fresh: bool = False) -> str:
    """Return the cached token of `client`, or a new one, which is cached; `fresh` ignores the cached one."""
    # A token belongs to an endpoint and a client, and permits a scope.
    key = "\n".join((outputs.token_url, client.client_id, outputs.api_scope))
    if fresh:
        cache.drop(key)
    if (cached := cache.get(key)) is not None:
        return cached
    token = request_token(outputs, client)
    cache.put(key, token)
    return token.text


def query_with_cached_token(outputs: StackOutputs, client: ApiClient, cache: TokenCache, user_id: str) -> ApiResponse:
    """Request the services of a user; when the API rejects the cached token, try once more with a new one."""
    response = query_services(outputs, user_id, token_for(outputs, client, cache))
    if response.status != 401:
        return response
    # The token may have been revoked, or date from before the last deployment.
    return query_services(outputs, user_id, token_for(outputs, client, cache, fresh=True))
