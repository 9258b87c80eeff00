"""`send`, `query` and `token` against a deployed stack."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Operator, Stack, event
from tests.fakes.waiting import eventually


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "event-processing"


def test_events_of_a_file_are_sent_and_found(stack: Stack, operator: Operator, user: str, tmp_path: Path):
    file = tmp_path / "events.jsonl"
    file.write_text("\n".join(event(user, f"service-{n:02}", "2024-03-01T00:00:00Z") for n in range(12)))
    assert operator.run("send", "--file", str(file)).stdout == "Sent 12 events.\n"
    eventually(lambda: len(stack.record(user)), lambda count: count == 12)
    header, *rows = operator.run("query", user).stdout.splitlines()
    assert header.split("\t") == ["Service", "ID", "Last login (UTC)"]
    assert rows[0].split("\t") == ["Service-00", "service-00", "2024-03-01T00:00:00Z"]
    assert len(rows) == 12


def test_cached_token_is_used_until_it_is_rejected(stack: Stack, operator: Operator, user: str, cache: Path):
    token = operator.run("token").stdout.strip()
    assert stack.query(user, token).status_code == 200
    (file,) = cache.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert operator.run("token").stdout.strip() == token

    # As after a deployment that replaces the user pool.
    kept = json.loads(file.read_text())
    file.write_text(json.dumps(kept | {"access_token": "of.another.pool"}))
    answer = operator.run("query", user, "--json")
    assert json.loads(answer.stdout) == {"user_id": user, "services": []}
    assert json.loads(file.read_text())["access_token"] != "of.another.pool"


def test_service_name_is_not_markup(stack: Stack, operator: Operator, user: str):
    sent = operator.run("send", "--user-id", user, "--service-id", "mail", "--service-name", "[bold]Mail")
    assert (sent.exit_code, sent.stdout) == (0, "Sent 1 event.\n"), sent.stderr
    eventually(lambda: stack.record(user))
    assert "[bold]Mail" in operator.run("query", user).stdout


def test_api_error_is_one_sentence(operator: Operator):
    answer = operator.run("query", "x" * 256)
    assert answer.exit_code == 1
    assert answer.stderr.startswith("The API returned 400: user_id has 256 characters")
    assert len(answer.stderr.splitlines()) == 1
