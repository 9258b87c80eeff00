"""A cached token is used until shortly before it expires, replaced when rejected, and readable by its owner alone."""

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops import api
from ops.__main__ import app
from ops.api import ApiResponse, Token, TokenCache
from tests.ops.test_command_line import outputs_file


@dataclass
class Api:
    """A user pool that grants tokens, and an API that accepts only the newest."""

    expires_in: float = 3600
    granted: list[str] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    rejects: bool = False

    def grant(self, *arguments: Any) -> Token:
        self.granted.append(f"token-{len(self.granted) + 1}")
        return Token(self.granted[-1], self.expires_in)

    def answer(self, outputs: Any, user_id: str, token: str) -> ApiResponse:
        self.received.append(token)
        if self.rejects or token != self.granted[-1]:
            return ApiResponse(401, {"message": "A valid access token is required.", "request_id": "r"})
        return ApiResponse(200, {"user_id": user_id, "services": []})


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Api:
    pool = Api()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(api, "request_token", pool.grant)
    monkeypatch.setattr(api, "query_services", pool.answer)
    return pool


@pytest.fixture
def outputs(tmp_path: Path) -> str:
    return str(outputs_file(tmp_path))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def kept(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "event-processing").glob("*"))


def test_cached_token_is_reused(pool: Api, outputs: str, tmp_path: Path):
    for _ in range(3):
        assert run("query", "ada", "--outputs", outputs).exit_code == 0
    assert run("token", "--outputs", outputs).stdout == "token-1\n"
    assert pool.granted == ["token-1"]
    assert run("token", "--fresh", "--outputs", outputs).stdout == "token-2\n"


def test_token_file_is_private(pool: Api, outputs: str, tmp_path: Path):
    mask = os.umask(0)
    try:
        run("token", "--outputs", outputs)
    finally:
        os.umask(mask)
    (file,) = kept(tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert "secret" not in file.read_text()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_file_accessible_to_others_is_not_used(pool: Api, outputs: str, tmp_path: Path, mode: int):
    run("token", "--outputs", outputs)
    (file,) = kept(tmp_path)
    file.chmod(mode)
    assert run("token", "--outputs", outputs).stdout == "token-2\n"
    assert kept(tmp_path)[0].stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"access_token": "x", "expires_at": "soon"}', "\x00"])
def test_unreadable_token_file_is_replaced(pool: Api, outputs: str, tmp_path: Path, content: str):
    run("token", "--outputs", outputs)
    kept(tmp_path)[0].write_text(content)
    assert run("token", "--outputs", outputs).stdout == "token-2\n"


def test_symbolic_link_is_not_followed(pool: Api, outputs: str, tmp_path: Path):
    run("token", "--outputs", outputs)
    (file,) = kept(tmp_path)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    assert run("token", "--outputs", outputs).stdout == "token-2\n"


@pytest.mark.parametrize(("expires_in", "granted"), [(3600, 1), (api.LEEWAY_SECONDS - 1, 2), (0, 2)])
def test_token_is_used_until_shortly_before_expiry(pool: Api, outputs: str, expires_in: float, granted: int):
    pool.expires_in = expires_in
    run("token", "--outputs", outputs)
    run("token", "--outputs", outputs)
    assert len(pool.granted) == granted


def test_rejected_token_is_replaced_once(pool: Api, outputs: str):
    run("query", "ada", "--outputs", outputs)
    pool.grant()  # the pool was replaced, so the cached token is invalid
    assert run("query", "ada", "--outputs", outputs).exit_code == 0
    assert pool.received == ["token-1", "token-1", "token-3"]
    pool.rejects = True
    result = run("query", "ada", "--outputs", outputs)
    assert (result.exit_code, len(pool.received)) == (1, 5)
    assert result.stderr == "The API returned 401: A valid access token is required. (request r)\n"


def test_every_pool_client_and_scope_has_its_own_token(pool: Api, tmp_path: Path):
    for changes in ({}, {"tokenUrl": "http://other"}, {"apiScope": "other"}):
        run("token", "--outputs", str(outputs_file(tmp_path, **changes)))
    client = {"clientId": "other", "clientSecret": "secret"}
    run("token", "--outputs", str(outputs_file(tmp_path, apiClients={"other": client})))
    assert (len(pool.granted), len(kept(tmp_path))) == (4, 4)


def test_expired_tokens_are_deleted(pool: Api, outputs: str, tmp_path: Path):
    folder = tmp_path / "cache" / "event-processing"
    folder.mkdir(parents=True)
    (folder / "token-old.json").write_text(json.dumps({"access_token": "x", "expires_at": time.time() - 1}))
    (folder / "file of another program").touch()
    run("token", "--outputs", outputs)
    assert {path.name for path in kept(tmp_path)} & {"token-old.json", "file of another program"} == {
        "file of another program"
    }


def test_unwritable_cache_is_not_an_error(pool: Api, outputs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "cache").write_text("a file where the folder would be")
    assert run("token", "--outputs", outputs).stdout == "token-1\n"
    assert TokenCache(None).get("key") is None


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"access_token": "x", "expires_in": "soon"}'])
def test_response_without_token_is_reported(body: bytes, outputs: str, monkeypatch: pytest.MonkeyPatch):
    response = api.requests.Response()
    response.status_code, response._content = 200, body
    monkeypatch.setattr(api.requests, "post", lambda *arguments, **options: response)
    result = run("token", "--fresh", "--outputs", outputs)
    assert (result.exit_code, len(result.stderr.splitlines())) == (1, 1)
    assert "something other than a token" in result.stderr
