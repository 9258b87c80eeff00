"""`send` and `query` against a deployed stack; test_first_half_hour.py uses `token`, which both cache."""

from pathlib import Path

from tests.e2e.conftest import Operator, Stack, event
from tests.fakes.aws import key
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


def test_answer_from_a_damaged_record_is_partial_until_the_record_is_repaired(
    stack: Stack, operator: Operator, user: str
):
    table, name, garbage = stack.client("dynamodb"), stack.outputs["tableName"], {"S": "garbage"}
    table.put_item(TableName=name, Item=key(user) | {"services": {"L": [garbage]}})
    answer = operator.run("query", user)
    assert (answer.stdout, answer.stderr.partition(":")[0], answer.exit_code) == ("", "No login can be read", 4)
    logged = [line for line in operator.run("logs", "--errors", "--since", "5m").stdout.splitlines() if user in line]
    assert logged == []

    # The event handler stores logins beside the damaged part, and keeps it.
    stack.send(event(user, "mail", "2024-03-01T00:00:00Z"))
    answer = eventually(lambda: operator.run("query", user), lambda answer: "mail" in answer.stdout)
    assert (answer.stderr.partition(":")[0], answer.exit_code) == ("The answer is partial", 4)
    stored = table.get_item(TableName=name, Key=key(user))["Item"]["services"]["L"]
    assert [part == garbage for part in stored] == [False, True]

    table.update_item(TableName=name, Key=key(user), UpdateExpression="REMOVE services[1]")
    answer = operator.run("query", user)
    assert ("mail" in answer.stdout, answer.stderr, answer.exit_code) == (True, "", 0)


def test_rejection_by_the_api_is_one_sentence(operator: Operator):
    answer = operator.run("query", "x" * 256)
    assert answer.exit_code == 1
    assert answer.stderr.startswith("The API returned 400: user_id has 256 characters")
    assert len(answer.stderr.splitlines()) == 1
