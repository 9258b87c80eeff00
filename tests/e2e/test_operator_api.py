"""`send`, `query` and `token` against a deployed stack."""

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import Stack, event
from tests.e2e.operator import Operator
from tests.fakes.waiting import eventually


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "event-processing"


@pytest.fixture
def operator(stack: Stack, tmp_path: Path, cache: Path) -> Operator:
    return Operator(stack, tmp_path)


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
