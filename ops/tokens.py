"""Access tokens are kept between commands, in files only their owner can read, until shortly before they expire."""

import hashlib
import json
import os
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from ops.api import Token, request_token
from ops.stack import ApiClient, StackOutputs

LEEWAY_SECONDS = 60  # a token that is about to expire may do so under way


class TokenCache:
    """Tokens by what they are for. Without a folder that can be written, nothing is kept, and that is no error."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls) -> "TokenCache":
        """In the user's cache directory, as XDG has it."""
        try:
            base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        except RuntimeError:  # a user without a home
            return cls(None)
        return cls(base / "event-processing" if base.is_absolute() else None)

    def get(self, key: str) -> str | None:
        """The token, if it is still good for a while and nobody else can read or have written its file."""
        path = self._path(key)
        if path is None:
            return None
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW)) as file:
                status = os.fstat(file.fileno())
                if status.st_uid != os.getuid() or status.st_mode & 0o077:
                    return None
                kept = json.load(file)
            return str(kept["access_token"]) if kept["expires_at"] - LEEWAY_SECONDS > time.time() else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, key: str, token: Token) -> None:
        """Keep the token, and let go of those that have expired."""
        path = self._path(key)
        if path is None:
            return
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._prune(path.parent)
            # Made with mode 600 and put in its place whole: at no moment can anybody else read it.
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".token-")
            with os.fdopen(descriptor, "w") as file:
                json.dump({"access_token": token.text, "expires_at": time.time() + token.expires_in}, file)
            Path(temporary).replace(path)

    def drop(self, key: str) -> None:
        """Forget the token."""
        if path := self._path(key):
            with suppress(OSError):
                path.unlink()

    def _path(self, key: str) -> Path | None:
        # A digest: a file name says nothing of the client.
        return self._folder and self._folder / f"token-{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"

    def _prune(self, folder: Path) -> None:
        for path in folder.glob("token-*.json"):
            try:
                is_expired = json.loads(path.read_text())["expires_at"] <= time.time()
            except (OSError, ValueError, KeyError, TypeError):
                is_expired = True
            if is_expired:
                path.unlink(missing_ok=True)


def key_of(outputs: StackOutputs, client: ApiClient) -> str:
    """What a token is for: where it is from, whose it is, and what it allows."""
    return "\n".join((outputs.token_url, client.client_id, outputs.api_scope))


def token_for(outputs: StackOutputs, client: ApiClient, cache: TokenCache) -> str:
    """The kept token of `client`, or a fresh one that is kept from now on."""
    key = key_of(outputs, client)
    if (kept := cache.get(key)) is not None:
        return kept
    fresh = request_token(outputs, client)
    cache.put(key, fresh)
    return fresh.text
