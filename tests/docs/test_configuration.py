"""Pulumi.yaml, the stack files, the settings and the rules of the Pulumi CLI agree on every key."""

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings.stack_settings import StackSettings, config_defaults, config_parsers
from localcloud import samples
from tools.setting_plans import CHANGES, TAKEN_BACK

ROOT = Path(__file__).parents[2]
STACKS = ("dev", "prod")
Change = Callable[[dict[str, Any]], Any]


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text())


def own(keys: dict[str, Any]) -> dict[str, Any]:
    """Return the keys without a namespace; the others have no default in Pulumi.yaml."""
    return {key: value for key, value in keys.items() if ":" not in key}


def disagreements(project: dict[str, Any]) -> list[str]:
    """Return where a project file and the settings differ in keys, types, defaults or descriptions."""
    declared, parsers, defaults = project["config"], own(config_parsers()), own(config_defaults())
    found = [f"{key} is declared but never read" for key in declared.keys() - parsers.keys()]
    found += [f"{key} is read but not declared" for key in parsers.keys() - declared.keys()]
    for key in declared.keys() & parsers.keys():
        declaration = declared[key]
        if declaration.get("type") != parsers[key].type:
            found.append(f"{key} has type {declaration.get('type')} in Pulumi.yaml, not {parsers[key].type}")
        if "default" not in declaration or declaration["default"] != defaults[key]:
            found.append(f"{key} has default {declaration.get('default')} in Pulumi.yaml, not {defaults[key]}")
        if not 20 <= len(declaration.get("description", "")) <= 120 or "\n" in declaration["description"]:
            found.append(f"{key} has no description of 20 to 120 characters in one line")
    return found


def test_project_file_and_settings_agree() -> None:
    assert disagreements(load("Pulumi.yaml")) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config.pop("batchSize"),
        lambda config: config.update(color={"type": "string", "default": "", "description": "x" * 30}),
        lambda config: config["batchSize"].update(default=11),
        lambda config: config["batchSize"].update(type="string"),
        lambda config: config["batchSize"].pop("default"),
        lambda config: config["batchSize"].pop("description"),
        lambda config: config["protect"].update(default=True),
    ],
)
def test_disagreement_is_noticed(change: Change) -> None:
    project = load("Pulumi.yaml")
    change(project["config"])
    assert disagreements(project)


@pytest.mark.parametrize("stack", STACKS)
def test_stack_files_hold_only_known_keys_that_differ_from_the_default(stack: str) -> None:
    given = yaml.safe_load((samples.FOLDER / f"Pulumi.{stack}.yaml").read_text())["config"]
    assert given.pop("pulumi:disable-default-providers") == ["aws"]
    assert given.pop("aws:region")
    assert unknown_keys(given) == set()
    defaults = own(config_defaults())
    assert {key for key, value in given.items() if value == defaults[key.partition(":")[2]]} == set()


def unknown_keys(given: dict[str, Any]) -> set[str]:
    """Return the keys of any project name that no setting reads, except encrypted values."""
    return {
        key
        for key, value in given.items()
        if key.split(":")[0] not in ("aws", "pulumi")
        and key.partition(":")[2] not in config_defaults()
        and not (isinstance(value, dict) and "secure" in value)
    }


@pytest.mark.usefixtures("committed_stacks")
@pytest.mark.parametrize("stack", STACKS)
def test_stack_files_of_this_checkout_hold_only_known_keys(stack: str) -> None:
    given = load(f"Pulumi.{stack}.yaml")["config"]
    assert unknown_keys(given) == set()
    assert unknown_keys(given | {"login-events:batchsize": 20}) == {"login-events:batchsize"}  # the control


def test_project_file_names_its_cli_version_and_virtual_environment() -> None:
    project = load("Pulumi.yaml")
    assert project["requiredPulumiVersion"] == ">=3.219.0"
    assert project["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}


def unused_settings(program: str) -> set[str]:
    """Return the settings that the program never reads."""
    return {setting.name for setting in fields(StackSettings)} - set(re.findall(r"\bsettings\.(\w+)", program))


def test_program_reads_every_setting() -> None:
    program = (ROOT / "__main__.py").read_text()
    # The owner and the tags are in `all_tags`, and `destroyable` only changes which settings are valid.
    assert unused_settings(program) == {"owner", "tags", "destroyable"}
    without = program.replace("settings.query_memory_mb", "512")
    assert unused_settings(without) == {"owner", "tags", "destroyable", "query_memory_mb"}  # the control


def test_each_setting_has_a_row_of_what_a_change_of_it_does() -> None:
    set_, taken_back = (ROOT / "docs" / "settings.md").read_text().split("## Taken back")
    row = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
    assert row.findall(set_) == list(CHANGES) == list(load("Pulumi.yaml")["config"])
    assert row.findall(taken_back) == list(TAKEN_BACK)


@pytest.mark.parametrize("setting", CHANGES)
def test_change_in_that_row_is_a_change(setting: str) -> None:
    assert CHANGES[setting][setting] != samples.read(ROOT, "local").values.get(f"event-processing:{setting}")
