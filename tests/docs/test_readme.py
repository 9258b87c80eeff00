"""The tables of the README match the program, and its commands and links exist."""

import json
import re
from pathlib import Path
from typing import Any

import typer
import yaml

import ops.__main__ as ops
from localcloud import samples
from localcloud.deployer.recorder import Graph
from tests.graph.alarm_rules import alarms_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def expected_settings() -> dict[str, tuple[Any, Any, str]]:
    """Map each key to its value in dev, its value in prod and its description, as the CLI merges them."""
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    files = [samples.FOLDER / f"Pulumi.{stack}.yaml" for stack in ("dev", "prod")]
    stacks = [yaml.safe_load(file.read_text())["config"] for file in files]

    def row(key: str) -> tuple[Any, Any, str]:
        dev, prod = (stack.get(f"{samples.PROJECT}:{key}", declared[key]["default"]) for stack in stacks)
        return dev, prod, declared[key]["description"]

    return {key: row(key) for key in declared}


def settings_in(text: str) -> dict[str, tuple[Any, Any, str]]:
    rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \| `(.+?)` \| (.+) \|$", text, re.MULTILINE)
    return {key: (json.loads(dev), json.loads(prod), meaning) for key, dev, prod, meaning in rows}


def test_settings_table_matches_pulumi_yaml():
    assert settings_in(README) == expected_settings()


def test_missing_or_different_setting_is_noticed():
    assert settings_in(README.replace("| `maxReceiveCount` | `5`", "| `maxReceiveCount` | `6`")) != expected_settings()
    assert settings_in(README.replace("| `owner` |", "| `holder` |")) != expected_settings()


def commands_in(text: str) -> set[str]:
    """Return the commands in the table of the operator's commands."""
    rows = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \| [a-z].*\|$", text, re.MULTILINE)
    return {command for row in rows for command in re.findall(r"`([a-z-]+)`", row)}


def test_command_table_matches_the_command_line():
    known = set(typer.main.get_group(ops.app).commands)
    assert commands_in(README) == known
    assert commands_in(README.replace("| `logs` |", "| `lines` |")) != known  # the control


def severities_in(text: str) -> dict[str, str]:
    """Map each alarm id in the table to its severity."""
    rows = re.findall(r"^\| ((?:`[a-z0-9-]+` ?)+) \| (P\d) \|", text, re.MULTILINE)
    return {alarm: severity.lower() for alarms, severity in rows for alarm in re.findall(r"`([a-z0-9-]+)`", alarms)}


def severities_of(*graphs: Graph) -> dict[str, str]:
    """Map each alarm that notifies a topic to the severity of that topic."""
    notifying = [alarm for graph in graphs for alarm in alarms_of(graph) if alarm.inputs.get("alarmActions")]
    # The only alarm that notifies the topic of another severity, because the topic of its own may have failed.
    return {alarm.name: alarm.inputs["alarmActions"][0][-2:] for alarm in notifying} | {"alerts-undelivered-p2": "p2"}


def test_alarm_table_matches_the_deployed_alarms(prod_graph: Graph, extended_graph: Graph):
    assert severities_in(README) == severities_of(prod_graph, extended_graph)


def test_missing_alarm_or_other_severity_is_noticed(prod_graph: Graph, extended_graph: Graph):
    deployed = severities_of(prod_graph, extended_graph)
    assert severities_in(README.replace("| `ingest-unhealthy` | P1 |", "| `ingest-unhealthy` | P2 |")) != deployed
    assert severities_in(README.replace("`table-system-errors` |", "|")) != deployed
