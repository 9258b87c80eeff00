"""The runbook has five parts for every alarm, and begins with the commands of this project, which all exist."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.next_steps import first_command
from localcloud.deployer.recorder import record
from tests.fakes import aws_cli
from tests.fakes.runbook import RUNBOOK, TOP, Program, commands, sections
from tools.runbook import END, document

SETTINGS = yaml.safe_load((Path(__file__).parents[2] / "Pulumi.yaml").read_text())["config"].keys()

PARTS = ("What users notice", "ook here first", "ikely causes", "ix", "How to know it is over")
PULUMI = {"up", "config", "stack"}
# Commands that take longer than a minute, at least sometimes.
SLOW = (
    "pulumi up ",
    "python -m ops dead-letters redrive ",
    "python -m ops smoke ",
    "python -m ops restore ",
    "aws dynamodb restore-table-to-point-in-time ",
    "aws lambda update-event-source-map",
)
DURATION = re.compile(r"\b(\d+|a) (minute|hour)s?\b")


def heading_problems(text: str) -> Iterator[str]:
    """Yield alarms without exactly one heading, and headings that are no alarm."""
    headings = [heading for heading, _ in sections(text)]
    yield from (f"{alarm} has no heading" for alarm in AlarmId if headings.count(alarm) != 1)
    yield from (f"{heading} is no alarm" for heading in headings if heading not in set(AlarmId))


def section_problems(text: str) -> Iterator[str]:
    """Yield missing parts: an alarm that notifies has all five, the part of another alarm links to that alarm."""
    for heading, body in sections(text):
        is_part = re.match(r"\s*Part of \[([a-z0-9-]+)\]\(#\1\), sends no notification", body)
        if is_part or heading == AlarmId.SERVICE_HEALTH:
            continue
        starts = " ".join(re.findall(r"^\*\*(.+?)\*\*", body, flags=re.MULTILINE))
        yield from (f"{heading} has no part: {part}" for part in PARTS if part not in starts)


def command_problems(text: str) -> Iterator[str]:
    """Yield unknown commands, options and settings, and missing options."""
    for command in commands(text):
        try:
            program = command.program
            if program is Program.AWS:
                aws_cli.read(command.words)
        except (ValueError, aws_cli.UsageError) as error:
            yield f"{command.line}: {error}"
            continue
        if program is Program.PULUMI:
            yield from (f"{command.line}: {problem}" for problem in pulumi_problems(command.words))
        # That the command and its options exist is shown for every document.
        elif program is Program.OPS and "--stack" not in command.words:
            yield f"{command.line}: not a command for a named stack"


def order_problems(text: str) -> Iterator[str]:
    """Yield headings that begin with another command than their notification, and slow commands without a duration."""
    first = {command.heading: command.line for command in reversed(list(commands(text)))}
    for heading, line in first.items():
        if heading in set(AlarmId) and line != (named := first_command(AlarmId(heading), "dev")):
            yield f"{heading} begins with {line}, its notification with {named}"
    ours = [command.program is Program.OPS for command in commands(text) if command.heading == TOP]
    if not any(ours[:3]):
        yield "the top begins with other commands than ours"
    for command in commands(text):
        if command.line.startswith(SLOW) and not DURATION.search(command.before):
            yield f"{command.heading}: how long does {command.line!r} take?"


def pulumi_problems(words: list[str]) -> Iterator[str]:
    """Yield unknown commands and settings, and a missing --stack."""
    if words[1] not in PULUMI or "--stack" not in words:
        yield "unknown, or names no stack"
    if words[1:3] == ["config", "set"]:
        key = next(word for word in words[5:] if not word.startswith("--"))
        if key.split(".")[0] not in SETTINGS or (key.startswith("alarms.") and key.split(".")[1] not in set(AlarmId)):
            yield f"no setting {key}"


CHECKS = (heading_problems, section_problems, command_problems, order_problems)


@pytest.mark.parametrize("check", CHECKS)
def test_runbook_has_no_problems(check: Any) -> None:
    assert list(check(RUNBOOK)) == []


def test_commands_are_found_in_blocks_and_in_sentences() -> None:
    lines = [command.line for command in commands(RUNBOOK)]
    starts = {"aws ": 10, "python -m ops ": 50, "pulumi ": 30}
    assert all(len([line for line in lines if line.startswith(start)]) > fewest for start, fewest in starts.items())
    assert "python -m ops query USER --stack dev" in lines


def test_settings_that_the_runbook_changes_are_accepted_together() -> None:
    pairs = [command.words[-2:] for command in commands(RUNBOOK) if command.line.startswith("pulumi config set ")]
    values = {key: yaml.safe_load(value) for key, value in pairs if not key.startswith("alarms.")}
    alarms = {
        key.split(".")[1]: {key.split(".")[2]: yaml.safe_load(v)} for key, v in pairs if key.startswith("alarms.")
    }
    assert len(alarms) == 2
    assert record("dev", values | {"alarms": alarms}).resources


@pytest.mark.parametrize(
    ("check", "old", "new"),
    [
        (heading_problems, "## ingest-down\n", ""),
        (heading_problems, "## ingest-down\n", "## ingest-gone\n"),
        (section_problems, "**What users notice.** Nothing yet. Logins are lost", "Logins are lost"),
        (section_problems, "Part of [consumer-down](#consumer-down), sends no notification. Ev", "Ev"),
        (command_problems, "update-event-source-mapping", "enable-event-source-mapping"),
        (command_problems, "--uuid UUID --enabled", "--id UUID --enabled"),
        (command_problems, "--uuid UUID --enabled", "--enabled"),
        (command_problems, "--uuid UUID --enabled", "--uuid UUID --enabled true"),
        (command_problems, "alarms --children-of", "alarms --state-value ALARM --children-of"),
        (command_problems, "'EventSourceMappings[].UUID'", "'EventSourceMappings[.UUID'"),
        (command_problems, "dead-letters list --stack dev", "dead-letters list"),
        (command_problems, "apiRateLimit 20", "apiRate 20"),
        (command_problems, "alarms.api-4xx.enabled", "alarms.api-4x.enabled"),
        (command_problems, "pulumi up --stack dev --yes", "pulumi up --yes"),
        (command_problems, "    pulumi up --stack dev --yes", "    git revert --no-edit HEAD"),
        (command_problems, "Wait for AWS.", "Wait for AWS, or run `kubectl get pods`."),
        (order_problems, "    python -m ops dead-letters list --stack dev", "    aws sts get-caller-identity"),
        (order_problems, "Allow 5 minutes for the deployment", "Deploy"),
    ],
)
def test_wrong_runbook_is_noticed(check: Any, old: str, new: str) -> None:
    assert old in RUNBOOK
    assert list(check(RUNBOOK.replace(old, new, 1)))


def test_windows_of_the_objectives_are_generated() -> None:
    assert document(RUNBOOK) == RUNBOOK, "run: python -m tools.runbook"
    changed = RUNBOOK.replace("at least 40,", "at least 41,", 1)
    assert changed != RUNBOOK == document(changed)  # the control
    with pytest.raises(ValueError, match="one section"):
        document(RUNBOOK.replace(END, ""))
