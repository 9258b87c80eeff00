"""The README says what is so: its settings are Pulumi's, its commands exist, its links lead somewhere."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()


def expected_settings() -> dict[str, tuple[Any, Any, str]]:
    """Key -> value in dev, value in prod, description; as the CLI would put them together."""
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    stacks = [yaml.safe_load((ROOT / f"Pulumi.{stack}.yaml").read_text())["config"] for stack in ("dev", "prod")]

    def row(key: str) -> tuple[Any, Any, str]:
        dev, prod = (stack.get(f"event-processing:{key}", declared[key]["default"]) for stack in stacks)
        return dev, prod, declared[key]["description"]

    return {key: row(key) for key in declared}


def settings_in(text: str) -> dict[str, tuple[Any, Any, str]]:
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| `(.+?)` \| (.+) \|$", text, re.MULTILINE)
    return {key: (json.loads(dev), json.loads(prod), meaning) for key, dev, prod, meaning in rows}


def unknown_make_targets(text: str) -> set[str]:
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    return set(re.findall(r"(?:^    |`)make (?:\w+=\S+ )?([a-z-]+)", text, re.MULTILINE)) - known


def unknown_commands(text: str) -> set[tuple[str, str]]:
    named = re.findall(r"python -m (ops|localcloud) ([a-z]+)", text)
    sources = {module: (ROOT / module / "__main__.py").read_text() for module in ("ops", "localcloud")}
    return {(module, command) for module, command in named if f"\ndef {command}(" not in sources[module]}


def broken_links(text: str) -> set[str]:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)[^)]*\)", text)
    return {target for target in targets if not (ROOT / target).exists()}


def test_the_settings_table_is_pulumis():
    assert settings_in(README) == expected_settings()


def test_a_setting_that_is_missing_or_differs_is_noticed():
    assert settings_in(README.replace("| `maxReceiveCount` | `5`", "| `maxReceiveCount` | `6`")) != expected_settings()
    assert settings_in(README.replace("| `owner` |", "| `holder` |")) != expected_settings()


@pytest.mark.parametrize(
    ("check", "sabotage"),
    [
        (unknown_make_targets, "\n    make believe\n"),
        (unknown_commands, "python -m ops explode"),
        (broken_links, "[gone](docs/gone.md)"),
    ],
)
def test_targets_commands_and_links_exist(check: Callable[[str], set], sabotage: str):
    assert check(README) == set()
    assert check(RUNBOOK) == set()
    assert len(check(README + sabotage)) == 1


def test_the_runbook_has_a_heading_for_every_alarm(dev_graph):
    alarms = {resource.inputs["name"] for resource in dev_graph.of_type("aws:cloudwatch/metricAlarm:MetricAlarm")}
    ids = {name.removeprefix("event-processing-dev-") for name in alarms}
    assert set(re.findall(r"^## ([a-z0-9-]+)$", RUNBOOK, re.MULTILINE)) == ids
    assert ids <= set(re.findall(r"^\| `([a-z0-9-]+)` \| P\d", README, re.MULTILINE))
