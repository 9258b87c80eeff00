"""The runbook has five parts for every alarm, and names only commands, options and settings that exist."""

import functools
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name

from components.monitoring.alarm_ids import AlarmId
from tools.runbook import END, document

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SETTINGS = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"].keys()

PARTS = ("What users notice", "ook here first", "ikely causes", "ix", "How to know it is over")
# Commands of the AWS CLI that are not operations of the service.
CUSTOMIZATIONS = {("logs", "tail"): {"since", "filter-pattern"}}
GLOBAL_OPTIONS = {"query", "output", "region"}
PULUMI = {"up", "config", "stack"}

Section = tuple[str, str]


def sections(text: str) -> list[Section]:
    """Return the heading and the text of each alarm."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


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


def commands(text: str) -> list[str]:
    """Return the commands in code blocks, and the commands inside those commands."""
    lines = [line.strip() for line in re.findall(r"^ {4,}(\S.*)$", text, flags=re.MULTILINE)]
    inner = [command for line in lines for command in re.findall(r"\$\(([^)]+)\)", line)]
    starts = ("aws ", "pulumi ", "python ", "git ", "export ")
    return [line for line in lines + inner if line.startswith(starts)]


def command_problems(text: str) -> Iterator[str]:
    """Yield unknown commands, options and settings, and missing options."""
    for line in commands(text):
        words = shlex.split(re.sub(r'"?\$\([^)]+\)"?', "VALUE", line))
        if words[0] == "aws":
            yield from (f"{line}: {problem}" for problem in aws_problems(words))
        elif words[0] == "pulumi":
            yield from (f"{line}: {problem}" for problem in pulumi_problems(words))
        # That the command and its options exist is shown for every document.
        elif words[:3] == ["python", "-m", "ops"] and "--stack" not in words:
            yield f"{line}: not a command for a named stack"


@functools.cache
def service_model(service: str) -> Any:
    """Return the operations and parameters of an AWS service."""
    return botocore.session.get_session().get_service_model(service)


def aws_problems(words: list[str]) -> Iterator[str]:
    """Yield the errors the AWS CLI would report, by the models it is generated from."""
    service, command = words[1:3]
    given = {word.removeprefix("--") for word in words[3:] if word.startswith("--")} - GLOBAL_OPTIONS
    known, required = CUSTOMIZATIONS.get((service, command)), set[str]()
    if known is None:
        model = service_model(service)
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        if command not in operations:
            yield f"{service} has no {command}"
            return
        shape = model.operation_model(operations[command]).input_shape
        known = {xform_name(name, "-") for name in shape.members} if shape else set()
        required = {xform_name(name, "-") for name in shape.required_members} if shape else set()
    # The reference of DescribeAlarms says so; the model does not.
    if command == "describe-alarms" and "children-of-alarm-name" in given:
        yield from (f"--{option} with --children-of-alarm-name" for option in given - {"children-of-alarm-name"})
    # The prefix `no-` switches a boolean off.
    names = {option.removeprefix("no-") for option in given}
    yield from (f"no option --{option}" for option in names - known)
    yield from (f"--{option} is missing" for option in required - names)


def pulumi_problems(words: list[str]) -> Iterator[str]:
    """Yield unknown commands and settings, and a missing --stack."""
    if words[1] not in PULUMI or "--stack" not in words:
        yield "unknown, or names no stack"
    if words[1:3] == ["config", "set"]:
        key = next(word for word in words[5:] if not word.startswith("--"))
        if key.split(".")[0] not in SETTINGS or (key.startswith("alarms.") and key.split(".")[1] not in set(AlarmId)):
            yield f"no setting {key}"


CHECKS = (heading_problems, section_problems, command_problems)


@pytest.mark.parametrize("check", CHECKS)
def test_runbook_has_no_problems(check: Any) -> None:
    assert list(check(RUNBOOK)) == []


def test_commands_are_found() -> None:
    starts = {"aws ": 15, "python -m ops dead-letters ": 5, "pulumi config set": 10}
    for start, fewest in starts.items():
        assert len([command for command in commands(RUNBOOK) if command.startswith(start)]) > fewest


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
        (command_problems, "alarms --children-of", "alarms --state-value ALARM --children-of"),
        (command_problems, "dead-letters list --stack dev", "dead-letters list"),
        (command_problems, "apiRateLimit 20", "apiRate 20"),
        (command_problems, "alarms.api-4xx.enabled", "alarms.api-4x.enabled"),
        (command_problems, "pulumi up --stack dev --yes", "pulumi up --yes"),
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
