"""The runbook is true: a heading for every alarm, everything a woken person needs under it, commands that exist."""

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

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SETTINGS = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"].keys()

PARTS = ("What users notice", "ook here first", "ikely causes", "end", "How to know it is over")
# Part of the AWS CLI without being an operation of the service.
CUSTOMIZATIONS = {("logs", "tail"): {"since", "filter-pattern"}}
GLOBAL_OPTIONS = {"query", "output", "region"}
PULUMI = {"up", "config", "stack"}

Section = tuple[str, str]


def sections(text: str) -> list[Section]:
    """Heading and text of each alarm."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def heading_problems(text: str) -> Iterator[str]:
    """Headings are the ids of alarms, each once."""
    headings = [heading for heading, _ in sections(text)]
    yield from (f"{one} has no heading" for one in AlarmId if headings.count(one) != 1)
    yield from (f"{one} is no alarm" for one in headings if one not in set(AlarmId))


def section_problems(text: str) -> Iterator[str]:
    """Every alarm that tells somebody says all five things; a part of another points there."""
    for heading, body in sections(text):
        told_elsewhere = re.match(r"\s*Part of \[([a-z0-9-]+)\]\(#\1\), tells nobody", body)
        if told_elsewhere or heading == AlarmId.SERVICE_HEALTH:
            continue
        starts = " ".join(re.findall(r"^\*\*(.+?)\*\*", body, flags=re.MULTILINE))
        yield from (f"{heading} does not say: {part}" for part in PARTS if part not in starts)


def commands(text: str) -> list[str]:
    """The lines of code blocks, and commands inside commands."""
    lines = [line.strip() for line in re.findall(r"^ {4,}(\S.*)$", text, flags=re.MULTILINE)]
    inner = [one for line in lines for one in re.findall(r"\$\(([^)]+)\)", line)]
    starts = ("aws ", "pulumi ", "python ", "git ", "export ")
    return [one for one in lines + inner if one.startswith(starts)]


def command_problems(text: str) -> Iterator[str]:
    """Each command is one its program knows, with arguments it takes, of settings that exist."""
    for line in commands(text):
        words = shlex.split(re.sub(r'"?\$\([^)]+\)"?', "VALUE", line))
        if words[0] == "aws":
            yield from (f"{line}: {problem}" for problem in aws_problems(words))
        elif words[0] == "pulumi":
            yield from (f"{line}: {problem}" for problem in pulumi_problems(words))
        elif words[:3] == ["python", "-m", "ops"]:
            # That the command and its options exist is shown for every document.
            yield from [] if "--stack" in words else [f"{line}: not a command for a named stack"]


@functools.cache
def service_model(service: str) -> Any:
    """What AWS takes."""
    return botocore.session.get_session().get_service_model(service)


def aws_problems(words: list[str]) -> Iterator[str]:
    """What the AWS CLI would say, by the same models it is made of."""
    service, command = words[1:3]
    given = {word.removeprefix("--") for word in words[3:] if word.startswith("--")} - GLOBAL_OPTIONS
    known = CUSTOMIZATIONS.get((service, command))
    required: set[str] = set()
    if known is None:
        model = service_model(service)
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        if command not in operations:
            yield f"{service} has no {command}"
            return
        shape = model.operation_model(operations[command]).input_shape
        known = {xform_name(name, "-") for name in shape.members} if shape else set()
        required = {xform_name(name, "-") for name in shape.required_members} if shape else set()
    # A boolean is switched off by its name with `no-` before it.
    names = {one.removeprefix("no-") for one in given}
    yield from (f"no option --{one}" for one in names - known)
    yield from (f"--{one} is missing" for one in required - names)


def pulumi_problems(words: list[str]) -> Iterator[str]:
    """A stack is named, and a setting exists."""
    if words[1] not in PULUMI or "--stack" not in words:
        yield "not a command for a named stack"
    if words[1:3] == ["config", "set"]:
        key = next(word for word in words[5:] if not word.startswith("--"))
        if key.split(".")[0] not in SETTINGS or (key.startswith("alarms.") and key.split(".")[1] not in set(AlarmId)):
            yield f"no setting {key}"


CHECKS = (heading_problems, section_problems, command_problems)


@pytest.mark.parametrize("check", CHECKS)
def test_the_runbook_is_true(check: Any) -> None:
    assert list(check(RUNBOOK)) == []


def test_there_are_commands_to_check() -> None:
    found = commands(RUNBOOK)
    assert len([one for one in found if one.startswith("aws ")]) > 15
    assert len([one for one in found if one.startswith("python -m ops dead-letters ")]) > 5
    assert len([one for one in found if one.startswith("pulumi config set")]) > 10


@pytest.mark.parametrize(
    ("check", "old", "new"),
    [
        (heading_problems, "## ingest-down\n", ""),
        (heading_problems, "## ingest-down\n", "## ingest-gone\n"),
        (section_problems, "**What users notice.** Nothing yet. Logins are lost", "Logins are lost"),
        (section_problems, "Part of [consumer-down](#consumer-down), tells nobody. Ev", "Ev"),
        (command_problems, "update-event-source-mapping", "enable-event-source-mapping"),
        (command_problems, "--uuid UUID --enabled", "--id UUID --enabled"),
        (command_problems, "--uuid UUID --enabled", "--enabled"),
        (command_problems, "dead-letters list --stack dev", "dead-letters list"),
        (command_problems, "apiRateLimit 20", "apiRate 20"),
        (command_problems, "alarms.api-4xx.enabled", "alarms.api-4x.enabled"),
        (command_problems, "pulumi up --stack dev --yes", "pulumi up --yes"),
    ],
)
def test_what_is_wrong_is_noticed(check: Any, old: str, new: str) -> None:
    assert old in RUNBOOK
    assert list(check(RUNBOOK.replace(old, new, 1)))
