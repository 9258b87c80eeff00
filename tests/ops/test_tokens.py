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
from ops.api import ApiResponse, Token
from tests.fakes.outputs import outputs_file
from tests.fakes.strangers import recording
from tests.ops.simulated_stack import assert_fails


@dataclass
class Api:
    """A user pool that grants tokens, an API that accepts only the newest, and the commands that use them."""

    folder: Path
    expires_in: float = 3600
    granted: list[str] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    rejects: bool = False

    def run(self, *arguments: str, **outputs: Any) -> Result:
        return CliRunner().invoke(app, [*arguments, "--outputs", str(outputs_file(self.folder, **outputs))])

    def kept(self) -> list[Path]:
        return sorted((self.folder / "cache" / "event-processing").glob("*"))

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
    pool = Api(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(api, "request_token", pool.grant)
    monkeypatch.setattr(api, "query_services", pool.answer)
    return pool


def test_cached_token_is_reused(pool: Api):
    for _ in range(3):
        assert pool.run("query", "ada").exit_code == 0
    assert pool.run("token").stdout == "token-1\n"
    assert pool.granted == ["token-1"]
    assert pool.run("token", "--fresh").stdout == "token-2\n"


def test_token_file_is_private(pool: Api):
    mask = os.umask(0)
    try:
        pool.run("token")
    finally:
        os.umask(mask)
    (file,) = pool.kept()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert "secret" not in file.read_text()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_file_accessible_to_others_is_not_used(pool: Api, mode: int):
    pool.run("token")
    pool.kept()[0].chmod(mode)
    assert pool.run("token").stdout == "token-2\n"
    assert pool.kept()[0].stat().st_mode & 0o777 == 0o600


LINE_BREAK = json.dumps({"access_token": "x\n", "expires_at": 1e11})


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", LINE_BREAK, "[" * 100_000, '{"access_token": "x", "expires_at": "soon"}', "\x00"]
)
def test_unreadable_token_file_is_replaced(pool: Api, content: str):
    pool.run("token")
    pool.kept()[0].write_text(content)
    assert pool.run("token").stdout == "token-2\n"


def test_symbolic_link_is_not_followed(pool: Api):
    pool.run("token")
    (file,) = pool.kept()
    file.rename(pool.folder / "elsewhere")
    file.symlink_to(pool.folder / "elsewhere")
    assert pool.run("token").stdout == "token-2\n"


def test_pipe_in_place_of_a_token_is_not_waited_for(pool: Api):
    pool.run("token")
    (file,) = pool.kept()
    file.unlink()
    os.mkfifo(file, 0o600)
    assert pool.run("token").stdout == "token-2\n"


@pytest.mark.parametrize(("expires_in", "granted"), [(3600, 1), (api.LEEWAY_SECONDS - 1, 2), (0, 2)])
def test_token_is_used_until_shortly_before_expiry(pool: Api, expires_in: float, granted: int):
    pool.expires_in = expires_in
    pool.run("token")
    pool.run("token")
    assert len(pool.granted) == granted


def test_rejected_token_is_replaced_once(pool: Api):
    pool.run("query", "ada")
    pool.grant()  # the pool was replaced, so the cached token is invalid
    assert pool.run("query", "ada").exit_code == 0
    assert pool.received == ["token-1", "token-1", "token-3"]
    pool.rejects = True
    result = pool.run("query", "ada")
    assert (result.exit_code, len(pool.received)) == (1, 5)
    assert result.stderr == "The API returned 401: A valid access token is required. (request r)\n"


def test_every_pool_client_and_scope_has_its_own_token(pool: Api):
    other_client = {"apiClients": {"other": {"clientId": "other", "clientSecret": "secret"}}}
    for changes in ({}, {"tokenUrl": "http://other"}, {"apiScope": "other"}, other_client):
        pool.run("token", **changes)
    assert (len(pool.granted), len(pool.kept())) == (4, 4)


def test_expired_tokens_are_deleted(pool: Api):
    folder = pool.folder / "cache" / "event-processing"
    folder.mkdir(parents=True)
    (folder / "token-old.json").write_text(json.dumps({"access_token": "x", "expires_at": time.time() - 1}))
    (folder / "file of another program").touch()
    pool.run("token")
    names = {path.name for path in pool.kept()}
    assert "token-old.json" not in names
    assert "file of another program" in names


def test_unwritable_cache_is_not_an_error(pool: Api, monkeypatch: pytest.MonkeyPatch):
    (pool.folder / "cache").write_text("a file where the folder would be")
    assert pool.run("token").stdout == "token-1\n"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert pool.run("token").stdout == "token-2\n"


NOT_TOKENS = [
    b"<html>",
    b"[]",
    b"{}",
    b'{"access_token": "x", "expires_in": "soon"}',
    b'{"access_token": "x\\n"}',
    b"[" * 100_000,
]


@pytest.mark.parametrize("body", NOT_TOKENS)
def test_response_without_token_is_reported(body: bytes, tmp_path: Path):
    with recording(lambda path: (200, {}, body)) as server:
        result = Api(tmp_path).run("token", "--fresh", tokenUrl=server.url)
    assert_fails(result, "something other than a token")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (400, b'{"error": "invalid_client"}', "400 (invalid_client): the user pool does not accept the client"),
        (400, b'{"error": "invalid_scope"}', "400 (invalid_scope): the user pool does not accept the client"),
        (502, b"<html>", "502, which says nothing about the client"),
        (429, b'{"error": "slow_down"}', "429, which says nothing about the client"),
        (302, b"", "302, which says nothing about the client. Its address may be outdated"),
    ],
)
def test_client_is_blamed_only_by_the_user_pool(status: int, body: bytes, sentence: str, tmp_path: Path):
    with recording(lambda path: (status, {"Location": "/elsewhere"}, body)) as server:
        result = Api(tmp_path).run("token", "--fresh", tokenUrl=server.url)
    assert_fails(result, sentence)
    assert len(server.received) == 1
