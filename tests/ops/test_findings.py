"""Each thing that can be wrong with a stack is a finding of its own, and a sound stack has none."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from components.monitoring import next_steps
from components.monitoring.alarm_ids import AlarmId
from ops.health.activity import count_failures
from ops.health.commands import Commands
from ops.health.findings import Finding, exit_code, find
from ops.health.level import Level
from ops.logs import Line
from ops.status import Part
from tests.fakes.command_lines import walk
from tests.ops.finding_cases import (
    CASES,
    COMMANDS,
    CONSUMER,
    HARMLESS,
    NOW,
    PAGER,
    changed,
    counted,
    failures,
)


@pytest.mark.parametrize("case", CASES)
def test_finding_has_a_level_and_the_next_command(case: str):
    status, level, about, command = CASES[case]
    (finding,) = find(status, COMMANDS)
    assert (finding.level, finding.about, finding.command) == (level, about, command)
    assert finding.what
    assert finding.meaning
    assert exit_code((finding,)) == {Level.BROKEN: 3, Level.UNREADABLE: 1, Level.WARNING: 4}[level]


@pytest.mark.parametrize("case", HARMLESS)
def test_nothing_is_found_where_nothing_is_wrong(case: str):
    assert find(HARMLESS[case], COMMANDS) == ()
    assert exit_code(()) == 0


def test_every_command_of_a_finding_exists():
    """Of this program; the runbook's tests know the commands of AWS and Pulumi."""
    lines = {" ".join(line.names): line.options for line in walk("ops")}
    words = [command for *_, command in CASES.values()]
    words += [COMMANDS.ops(next_steps.next_step(alarm)) for alarm in AlarmId]
    ours = [command.removeprefix("python -m ops ") for command in words if command.startswith("python -m ops ")]
    assert len(ours) > len(AlarmId)
    for command in ours:
        name = command.partition(" --")[0]
        assert name in lines, command
        assert set(re.findall(r"--[a-z-]+", command)) <= lines[name], command


def test_worst_finding_comes_first_and_decides():
    found = find(
        changed(
            consumers=(replace(CONSUMER, state="Disabled"),),
            topics=(replace(PAGER, confirmed=()),),
            unreadable={Part.ALARMS: "No permission."},
        ),
        COMMANDS,
    )
    assert [finding.level for finding in found] == [Level.BROKEN, Level.UNREADABLE, Level.WARNING]
    assert exit_code(found) == 3
    assert exit_code(found[1:]) == 1
    assert exit_code(found[2:]) == 4


def test_parts_with_the_same_reason_are_a_single_finding():
    (finding,) = find(changed(unreadable={Part.ALARMS: "Denied.", Part.COUNTS: "Denied."}), COMMANDS)
    assert (finding.about, finding.meaning) == ("alarms, metrics of the functions", "Denied.")


@pytest.mark.parametrize("alarm_id", [*AlarmId], ids=str)
def test_every_alarm_has_a_chosen_next_step(alarm_id: AlarmId):
    assert next_steps.has_next_step(alarm_id)


def test_alarm_of_another_consumer_has_a_next_step_too():
    assert next_steps.next_step("orders-queue-age") == next_steps.READ_ERRORS


def test_failing_query_explains_the_responses_of_the_api():
    both = (failures("query", "AccessDeniedException", 3, 3), failures("api-access", "status 500", 3))
    assert [finding.about for finding in find(changed(failures=both), COMMANDS)] == ["query AccessDeniedException"]


def test_damaged_record_is_named_beside_the_failures_that_it_does_not_explain():
    damaged = {"message": "record damaged", "outcome": "partial", "error_code": "record_malformed", "level": "ERROR"}
    report = {"type": "platform.report", "record": {"status": "error"}}
    found = count_failures([line(damaged, group="query"), line(report, group="query")], NOW)
    assert found == (failures("query", "record_malformed", 1), failures("query", "error", 1))
    status = changed(counts=counted("query", invocations=4, malformed=3), failures=found)
    assert [finding.what.partition(" in the last")[0] for finding in find(status, COMMANDS)] == [
        "query: 1 failure", "The API returned 3 partial answers from a damaged record",
    ]  # fmt: skip


def test_sentence_counts_failures_by_code_and_shows_the_most_frequent():
    codes = ("AccessDeniedException", "out_of_time", "write_conflicts", "ValidationException")
    found = tuple(failures("event-handler", code, 9 - place) for place, code in enumerate(codes))
    status = changed(counts=counted("event-handler", invocations=2, errors=1), failures=found)
    (finding,) = find(status, COMMANDS)
    assert finding.what == (
        "event-handler: 30 failures in the last 5 minutes (9 AccessDeniedException, 8 out_of_time, 7 write_conflicts,"
        " others), the last at 11:59:50 UTC. 1 of 2 invocations failed as a whole."
    )
    assert finding.meaning.startswith("Its role lacks a permission")
    assert finding.level == Level.BROKEN
    just_begun = changed(counts=counted("query", invocations=90, errors=8, newest_invocations=9, newest_errors=8))
    assert find(just_begun, COMMANDS)[0].what.endswith("8 of 90 invocations failed as a whole, 8 of the newest 9.")


@pytest.mark.parametrize(
    ("code", "errors", "names_rollback"),
    [
        ("KeyError", 2, True),
        ("Runtime.ExitError", 2, True),
        ("KeyError", 1, False),
        ("AccessDeniedException", 2, False),
    ],
)
def test_rollback_is_named_when_most_fails_and_the_code_says_nothing(code: str, errors: int, names_rollback: bool):
    status = changed(counts=counted("query", invocations=4, errors=errors), failures=(failures("query", code, errors),))
    (finding,) = find(status, COMMANDS)
    assert finding.meaning.endswith("roll back: python -m ops rollback --stack dev") == names_rollback


START = {"type": "platform.initReport", "record": {"status": "error", "errorType": "RuntimeError"}}


def test_crash_at_start_is_named_as_one_and_counts_once():
    crash = {"level": "ERROR", "errorType": "RuntimeError", "errorMessage": "TABLE_NAME is missing."}
    report = {"type": "platform.report", "record": {"status": "error", "errorType": "RuntimeError"}}
    found = count_failures([line(fields, group="query") for fields in (START, crash, report)], NOW)
    assert found == (replace(failures("query", "RuntimeError", 1), at_start=True),)
    counts = counted("query", invocations=1, errors=1)
    meanings = [
        find(changed(counts=counts, failures=(replace(found[0], at_start=at_start),)), COMMANDS)[0].meaning
        for at_start in (True, False)
    ]
    assert [meaning.startswith("It crashes at its start") for meaning in meanings] == [True, False]
    assert all(meaning.endswith("roll back: python -m ops rollback --stack dev") for meaning in meanings)


def test_failure_that_only_lambda_reports_counts():
    assert count_failures([line(START, group="query")], NOW)[0].count == 1


def line(fields: dict[str, Any], *, seconds_ago: float = 10, group: str = "event-handler") -> Line:
    return Line(
        timestamp=NOW - timedelta(seconds=seconds_ago),
        group=f"/event-processing/dev/{group}",
        stream="stream",
        text="{}",
        fields=fields,
    )


def test_failures_are_counted_by_role_and_code_within_the_window():
    denied = {"message": "event failed", "outcome": "failed", "error_code": "AccessDeniedException"}
    lines = [
        line(denied, seconds_ago=301),
        line(denied),
        line(denied, seconds_ago=20),
        line({"errorType": "BatchFailedError", "errorMessage": "2 of 2 messages failed"}),
        line({"type": "platform.report", "record": {"status": "error"}}),
        line({"outcome": "error", "error_code": "ResourceNotFoundException"}, group="query"),
    ]
    assert count_failures(lines, NOW) == (
        failures("event-handler", "AccessDeniedException", 2),
        failures("query", "ResourceNotFoundException", 1, 1),
    )


def test_failure_counts_from_the_start_of_its_minute_as_its_metric_does():
    report = line({"error_code": "AccessDeniedException"}, seconds_ago=299)
    assert count_failures([report], NOW + timedelta(seconds=59))
    assert not count_failures([report], NOW + timedelta(seconds=61))


def test_consequence_counts_where_nothing_else_is_known():
    report = line({"type": "platform.report", "record": {"status": "error"}}, group="query")
    assert count_failures([report], NOW) == (failures("query", "error", 1),)


def test_finding_quotes_no_text_of_an_exception():
    lines = [
        line({"level": "ERROR", "message": "secret", "exception_name": "KeyError", "exception": "secret"}),
        line({"errorType": "KeyError", "errorMessage": "secret", "stackTrace": ["secret"]}),
        line({"level": "ERROR", "message": "secret"}),
    ]
    found: tuple[Finding, ...] = find(changed(failures=count_failures(lines, NOW)), COMMANDS)
    assert "2 KeyError, 1 ERROR" in found[0].what
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({"options": "--stack acme/dev", "stack": "acme/dev"}, "pulumi up --refresh --yes --stack acme/dev"),
        ({"options": "--outputs 'my file.json'", "stack": None}, "python -m localcloud up"),
    ],
)
def test_commands_can_be_pasted(options: dict[str, Any], shown: str):
    commands = Commands(region="eu-west-1", **options)
    assert commands.restore() == shown
    assert commands.ops("status") == f"python -m ops status {options['options']}"
