"""`python -m ops restore` merges a restored table into the live one, and loses nothing newer."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.logins import LoginEvent, UserRecord, merge, parse_instant
from ops import restore
from ops.redrive import Pace
from ops.restore import Restore
from tests.fakes.aws import create_table, entry, key, services_in
from tests.ops.simulated_stack import Stack, answer_with, assert_fails

LIVE, RESTORED = "event-processing-dev-user-services", "event-processing-dev-restored"
OLD, NEW = "2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z"
DAMAGED = {"S": "DAMAGED"}


class Tables:
    """The live table of a stack and one that was restored."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.dynamodb = stack, stack.client("dynamodb")
        for table in (LIVE, RESTORED):
            create_table(self.dynamodb, table)

    def put(self, table: str, user: str, *entries: Any) -> None:
        self.dynamodb.put_item(TableName=table, Item=key(user) | {"services": {"L": list(entries)}})

    def live(self) -> dict[str, dict[str, str]]:
        """Return the last login by service, by user."""
        return {
            item["user_id"]["S"]: {s["service_id"]: s["last_accessed"] for s in services_in(item)}
            for item in self.dynamodb.scan(TableName=LIVE)["Items"]
        }

    def run(self, *options: str) -> Any:
        return self.stack.run("restore", "--from", RESTORED, *options)


@pytest.fixture
def tables(queues: Stack) -> Tables:
    return Tables(queues)


def test_lost_logins_come_back_and_newer_ones_stay(tables: Tables):
    tables.put(RESTORED, "lost", entry(at=OLD))
    tables.put(RESTORED, "newer", entry(at=OLD), entry("wiki", at=OLD))
    tables.put(RESTORED, "complete", entry(at=OLD))
    tables.put(LIVE, "newer", entry(at=NEW), entry("blog", at=NEW))
    tables.put(LIVE, "complete", entry(at=OLD))
    tables.put(LIVE, "later", entry(at=NEW))
    counted = tables.run("--dry-run")
    assert counted.stdout.splitlines()[1].startswith("3 records read, 2 would change, 1 already complete.")
    assert "lost" not in tables.live()
    merged = tables.run("--yes")
    assert merged.exit_code == 0, merged.stderr
    assert merged.stdout.splitlines()[1].startswith("3 records read, 2 changed, 1 already complete.")
    assert " a second." in merged.stdout
    assert tables.live() == {
        "lost": {"mail": OLD},
        "newer": {"mail": NEW, "wiki": OLD, "blog": NEW},
        "complete": {"mail": OLD},
        "later": {"mail": NEW},
    }
    assert "0 changed, 3 already complete." in tables.run("--yes").stdout


def test_control_copying_items_loses_newer_logins(tables: Tables):
    tables.put(RESTORED, "newer", entry(at=OLD))
    tables.put(LIVE, "newer", entry(at=NEW), entry("blog", at=NEW))
    for item in tables.dynamodb.scan(TableName=RESTORED)["Items"]:
        tables.dynamodb.put_item(TableName=LIVE, Item=item)
    assert tables.live() != {"newer": {"mail": NEW, "blog": NEW}}


LOGINS = st.lists(
    st.builds(
        LoginEvent,
        user_id=st.just("ada"),
        service_id=st.sampled_from(["mail", "wiki", "blog"]),
        service_name=st.sampled_from(["A", "B"]),
        occurred_at=st.sampled_from([parse_instant(OLD), parse_instant(NEW)]),
    ),
    max_size=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=LOGINS, after=LOGINS)
def test_result_is_that_of_all_logins(tables: Tables, before: list[LoginEvent], after: list[LoginEvent]):
    """The backup has the logins before it, the live table those after it: merged, both have all."""
    for table, logins in ((RESTORED, before), (LIVE, after)):
        record = merge(UserRecord(user_id="ada"), logins) or UserRecord(user_id="ada")
        stored = (entry(s.service_id, s.service_name, f"{s.last_accessed:%Y-%m-%dT%H:%M:%SZ}") for s in record.services)
        tables.put(table, "ada", *stored)
    outputs = tables.stack.outputs
    Restore(outputs, RESTORED, excluded=(), pace=Pace(10_000), on_damaged=lambda item: None).run(
        dry_run=False, on_progress=lambda count: None
    )
    expected = merge(UserRecord(user_id="ada"), [*before, *after]) or UserRecord(user_id="ada")
    item = tables.dynamodb.get_item(TableName=LIVE, Key=key("ada"))["Item"]
    assert [(s["service_id"], s["service_name"]) for s in services_in(item)] == [
        (s.service_id, s.service_name) for s in expected.services
    ]


def test_erased_users_are_left_out(tables: Tables, tmp_path: Path):
    for user in ("ada", "grace", "linus", "ursula"):
        tables.put(RESTORED, user, entry())
    (tmp_path / "erased.txt").write_text("grace\nlinus\n")
    result = tables.run("--except", "ada", "--except-file", "erased.txt", "--yes")
    assert result.exit_code == 0, result.stderr
    assert tables.live().keys() == {"ursula"}
    assert "3 users left out" in result.stdout
    assert "4 records read, 1 changed, 0 already complete, 3 excluded." in result.stdout
    assert_fails(tables.run("--except-file", "missing.txt", "--yes"), "missing.txt cannot be read")


def test_damaged_record_is_reported_and_merged_as_far_as_readable(tables: Tables):
    tables.put(RESTORED, "ada", entry(at=OLD), DAMAGED)
    tables.put(RESTORED, "grace", entry(at=OLD))
    tables.dynamodb.put_item(TableName=RESTORED, Item=key("linus") | {"services": {"S": "text"}})
    result = tables.run("--yes", "--damaged", "damaged.jsonl")
    assert result.exit_code == 4, result.stderr
    assert "2 damaged." in result.stdout
    assert tables.live() == {"ada": {"mail": OLD}, "grace": {"mail": OLD}}
    kept = [json.loads(line) for line in Path("damaged.jsonl").read_text().splitlines()]
    assert {item["user_id"]["S"] for item in kept} == {"ada", "linus"}
    assert Path("damaged.jsonl").stat().st_mode & 0o777 == 0o600
    assert "DAMAGED" not in result.stdout + result.stderr


def test_table_is_read_in_pages_and_interruption_is_finished_by_a_second_run(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
):
    for number in range(7):
        tables.put(RESTORED, f"user-{number}", entry())
    monkeypatch.setattr(restore, "BATCH_GET_KEYS", 3)
    wait = Pace.wait_for
    waits: list[int] = []

    def interrupted(self: Pace, count: int) -> None:
        waits.append(count)
        if len(waits) == 3:
            raise KeyboardInterrupt
        wait(self, count)

    monkeypatch.setattr(Pace, "wait_for", interrupted)
    result = tables.run("--yes")
    assert result.exit_code == 130
    assert "6 records read, 6 changed, 0 already complete. Not finished. Run the command again" in result.stderr
    assert waits == [3, 3, 1]
    assert len(tables.live()) == 6
    assert "7 records read, 1 changed, 6 already complete." in tables.run("--yes").stdout


def test_record_that_cannot_be_written_is_left_to_a_second_run(tables: Tables, monkeypatch: pytest.MonkeyPatch):
    for user in ("ada", "grace"):
        tables.put(RESTORED, user, entry())
    failing = {"ada", "grace"}

    def update(request: dict[str, Any], real: Any) -> Any:
        if request["Key"]["user_id"]["S"] in failing:
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "UpdateItem")
        return real(**request)

    answer_with(monkeypatch, update_item=update)
    assert_fails(tables.run("--yes"), "No record of a page could be merged (ThrottlingException).")
    failing.remove("grace")
    assert_fails(tables.run("--yes"), "1 record not merged (1 ThrottlingException). Run the command again.")
    assert tables.live().keys() == {"grace"}


def test_without_confirmation_nothing_changes(tables: Tables):
    tables.put(RESTORED, "ada", entry())
    result = tables.run()
    assert result.exit_code == 0
    assert result.stdout.endswith("Dry run: nothing was changed. Use --yes to apply.\n")
    assert tables.live() == {}


def test_wrong_table_is_rejected(tables: Tables):
    assert_fails(tables.stack.run("restore", "--from", LIVE, "--yes"), "is the live table")
    assert_fails(tables.stack.run("restore", "--from", "absent", "--yes"), "DescribeTable found no such resource")
    tables.dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "order", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "order", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    assert_fails(tables.stack.run("restore", "--from", "orders", "--yes"), "orders is not a table of user records")


@pytest.mark.parametrize(
    ("described", "sentence"),
    [
        ({"TableStatus": "CREATING"}, "is CREATING. Wait until it is ACTIVE."),
        ({"RestoreSummary": {"SourceTableArn": "arn:of-prod"}}, "was restored from another table: arn:of-prod."),
    ],
    ids=["not ready", "of another stack"],
)
def test_table_in_another_state_is_rejected(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, described: dict[str, Any], sentence: str
):
    describe = Restore._describe
    monkeypatch.setattr(
        Restore,
        "_describe",
        lambda self, table: describe(self, table) | (described if table == RESTORED else {}),
    )
    assert_fails(tables.run("--yes"), sentence)
