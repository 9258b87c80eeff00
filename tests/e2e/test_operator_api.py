"""`send` and `query` against a deployed stack; test_first_half_hour.py uses `token`, which both cache."""

from pathlib import Path

from tests.e2e.conftest import Operator, Stack, event
from tests.fakes.waiting import eventually


def test_events_of_a_file_are_sent_and_found(stack: Stack, operator: Operator, user: str, tmp_path: Path):
    file, name, at = tmp_path / "events.jsonl", "[bold]Mail, which is not markup", "2024-03-01T00:00:00Z"
    file.write_text("\n".join(event(user, f"service-{n:02}", at, name) for n in range(12)))
    assert operator.run("send", "--file", str(file)).stdout == "Sent 12 events.\n"
    eventually(lambda: len(stack.record(user)), lambda count: count == 12)
    header, *rows = operator.run("query", user).stdout.splitlines()
    assert header.split("\t") == ["Service", "ID", "Last login (UTC)"]
    assert rows[0].split("\t") == [name, "service-00", at]
    assert len(rows) == 12


def test_rejection_by_the_api_is_one_sentence(operator: Operator):
    answer = operator.run("query", "x" * 256)
    assert answer.exit_code == 1
    assert answer.stderr.startswith("The API returned 400: user_id has 256 characters")
    assert len(answer.stderr.splitlines()) == 1
