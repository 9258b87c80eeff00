"""`python -m ops rotate` gives a client a second secret and removes its first one, wherever it was interrupted."""

import json
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from ops.__main__ import app
from ops.client_secrets import PooledClient
from tests.e2e.conftest import Stack
from tests.ops.test_files import KINDS, make_unusable
from tests.ops.test_paths import USABLE

NAME = "rotating"


class Killed(BaseException):
    """The process ends here."""


@dataclass
class Rotating:
    """A client of its own in the pool of the shared stack, and the command that rotates it."""

    stack: Stack
    client: dict[str, str]
    folder: Path

    def run(self, *options: str, name: str = NAME) -> Result:
        outputs = self.folder / "outputs.json"
        outputs.write_text(json.dumps(self.stack.outputs | {"apiClients": {NAME: self.client}}))
        return CliRunner().invoke(app, ["rotate", name, *options, "--outputs", str(outputs)])

    def must(self, *options: str) -> str:
        result = self.run(*options)
        assert (result.exit_code, result.stderr) == (0, ""), result.stderr
        return result.stdout

    def fails(self, *options: str, name: str = NAME) -> str:
        result = self.run(*options, name=name)
        assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
        return result.stderr

    def accepts(self, secret: str) -> bool:
        response = self.stack.request_token(self.client["clientId"], secret, self.stack.outputs["apiScope"])
        assert response.status_code == 200 or response.json()["error"] == "invalid_client"
        return response.status_code == 200

    def held(self) -> int:
        listed = self.stack.client("cognito-idp").list_user_pool_client_secrets(**self.ids())["ClientSecrets"]
        assert not any("ClientSecretValue" in secret for secret in listed)
        return len(listed)

    def ids(self) -> dict[str, str]:
        return {"UserPoolId": self.stack.outputs["userPoolId"], "ClientId": self.client["clientId"]}

    @property
    def file(self) -> Path:
        return self.folder / ".localcloud/kept" / f"client-secret-{self.client['clientId']}"

    @property
    def new(self) -> str:
        return self.file.read_text()

    def use_new(self) -> None:
        """What `pulumi config set` and `pulumi up` do to the outputs."""
        self.client = self.client | {"clientSecret": self.new}


@pytest.fixture
def rotating(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rotating:
    monkeypatch.chdir(tmp_path)
    return Rotating(stack, stack.new_client(NAME, stack.outputs["apiScope"]), tmp_path)


def test_client_keeps_its_access_through_a_rotation(rotating: Rotating):
    first = rotating.client["clientSecret"]
    printed = rotating.must()
    assert stat.S_IMODE(rotating.file.stat().st_mode) == 0o600
    assert rotating.new not in printed
    assert str(rotating.file.relative_to(rotating.folder)) in printed
    assert rotating.accepts(first)
    assert rotating.accepts(rotating.new)
    assert not rotating.accepts(rotating.new + "x")
    rotating.use_new()
    assert rotating.new not in rotating.must("--finish", "--yes")
    assert not rotating.accepts(first)
    assert rotating.accepts(rotating.new)
    assert "nothing to do" in rotating.must("--finish", "--yes")


def test_finish_needs_the_new_secret_in_the_outputs(rotating: Rotating):
    rotating.must()
    assert "still have the old secret" in rotating.fails("--finish", "--yes")
    assert rotating.held() == 2
    rotating.must("--finish", "--yes", "--force")
    assert rotating.held() == 1


def test_nothing_changes_without_a_yes(rotating: Rotating):
    rotating.must("--dry-run")
    assert (rotating.held(), rotating.file.exists()) == (1, False)
    rotating.must()
    rotating.use_new()
    assert "Nothing was changed (--dry-run)." in rotating.must("--finish", "--dry-run", "--yes")
    assert "Use --yes" in rotating.must("--finish")
    assert rotating.held() == 2


def test_cancelled_rotation_leaves_the_old_secret(rotating: Rotating):
    rotating.must()
    rotating.must("--cancel", "--yes")
    assert rotating.accepts(rotating.client["clientSecret"])
    assert not rotating.accepts(rotating.new)


def test_secret_in_the_outputs_is_not_cancelled(rotating: Rotating):
    rotating.must()
    rotating.use_new()
    assert "have the new secret" in rotating.fails("--cancel", "--yes")


def before(call: Callable[..., None]) -> Callable[..., None]:
    def killed(*_: object) -> None:
        raise Killed

    return killed


def after(call: Callable[..., None]) -> Callable[..., None]:
    def killed(*arguments: object) -> None:
        call(*arguments)
        raise Killed

    return killed


@pytest.mark.parametrize("moment", [before, after])
def test_killed_command_continues(
    rotating: Rotating, moment: Callable[..., Callable[..., None]], monkeypatch: pytest.MonkeyPatch
):
    first = rotating.client["clientSecret"]

    def kill_at(name: str, *options: str) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(PooledClient, name, moment(getattr(PooledClient, name)))
            with pytest.raises(Killed):
                rotating.run(*options)

    kill_at("add")
    kept = rotating.new
    rotating.must()
    assert rotating.new == kept, "the secret that the killed command chose"
    assert rotating.accepts(kept)
    rotating.use_new()
    kill_at("delete", "--finish", "--yes")
    rotating.must("--finish", "--yes")
    assert (rotating.held(), rotating.accepts(first), rotating.accepts(kept)) == (1, False, True)


def test_missing_permission_is_named_and_the_command_continues(rotating: Rotating, monkeypatch: pytest.MonkeyPatch):
    def deny(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "AddUserPoolClientSecret")

    with monkeypatch.context() as patched:
        patched.setattr(PooledClient, "add", deny)
        assert "may not call AddUserPoolClientSecret" in rotating.fails()
    kept = rotating.new
    rotating.must()
    assert rotating.accepts(kept)


def test_second_secret_of_another_operator_is_reported(rotating: Rotating):
    rotating.must()
    rotating.file.unlink()
    assert "has two secrets already" in rotating.fails()
    assert "does not exist" in rotating.fails("--finish", "--yes")
    rotating.must("--cancel", "--yes")
    rotating.must()


def test_file_of_an_earlier_rotation_is_not_used(rotating: Rotating):
    """Its secret is the one to replace, so finishing with it would remove the secret that it names."""
    rotating.must()
    rotating.must("--finish", "--yes", "--force")
    assert "was rotated" in rotating.fails()
    assert "only the secret of" in rotating.fails("--cancel", "--yes")
    earlier = rotating.file.rename(rotating.folder / "earlier")
    rotating.must()
    for options in ((), ("--finish", "--yes", "--force")):
        assert "does not contain the newer" in rotating.fails(*options, "--secret-file", "earlier")
    rotating.must("--finish", "--yes", "--force")
    rotating.file.unlink()
    assert "is older than" in rotating.fails("--secret-file", str(earlier))


def test_unknown_client_and_useless_file_are_one_sentence(rotating: Rotating):
    assert "has no API client 'nobody'" in rotating.fails(name="nobody")
    rotating.file.parent.mkdir(parents=True)
    rotating.file.write_text("")
    assert "contains no secret" in rotating.fails()
    assert "Use one of them" in rotating.fails("--finish", "--cancel")


@pytest.mark.parametrize("kind", KINDS)
def test_unusable_file_is_rejected_and_nothing_changes(rotating: Rotating, kind: str):
    path = make_unusable(kind)
    written = kind in ("dangling link", "no folder", "read-only")
    assert ("cannot be written" if written else "contains no secret") in rotating.fails("--secret-file", str(path))
    assert rotating.held() == 1
    assert kind != "file" or path.read_text() == "evidence"


@pytest.mark.parametrize("name", USABLE)
def test_secret_is_kept_at_any_path(rotating: Rotating, name: str):
    path = rotating.folder / "folder" / USABLE[name]
    path.parent.mkdir(parents=True)
    rotating.must("--secret-file", str(path))
    rotating.must("--finish", "--yes", "--force", "--secret-file", str(path))
    assert rotating.accepts(path.read_text())


def test_cognito_describes_no_secret_after_its_first_was_removed(rotating: Rotating):
    """The case that `rotatedSecrets` is for; with a refresh, the state would get what is described."""
    cognito = rotating.stack.client("cognito-idp")

    def described() -> str | None:
        return cognito.describe_user_pool_client(**rotating.ids())["UserPoolClient"].get("ClientSecret")

    rotating.must()
    assert described() == rotating.client["clientSecret"]
    rotating.must("--finish", "--yes", "--force")
    assert described() is None


def test_third_and_malformed_secrets_are_rejected(rotating: Rotating):
    cognito = rotating.stack.client("cognito-idp")
    with pytest.raises(cognito.exceptions.InvalidParameterException):
        cognito.add_user_pool_client_secret(**rotating.ids(), ClientSecret="$" * 30)
    generated = cognito.add_user_pool_client_secret(**rotating.ids())["ClientSecretDescriptor"]
    assert rotating.accepts(generated["ClientSecretValue"])
    with pytest.raises(cognito.exceptions.LimitExceededException):
        cognito.add_user_pool_client_secret(**rotating.ids())
    rotating.must("--cancel", "--yes")
    (last,) = cognito.list_user_pool_client_secrets(**rotating.ids())["ClientSecrets"]
    with pytest.raises(cognito.exceptions.InvalidParameterException):
        cognito.delete_user_pool_client_secret(**rotating.ids(), ClientSecretId=last["ClientSecretId"])
    with pytest.raises(cognito.exceptions.ResourceNotFoundException):
        cognito.list_user_pool_client_secrets(**rotating.ids() | {"ClientId": "unknown"})
