"""Pulumi.yaml, the stack files, the settings and the CLI's rules agree on every key."""

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings.stack_settings import StackSettings, config_defaults, config_parsers
from localcloud import samples
from localcloud.deployer import stack_config
from localcloud.deployer.stack_config import ConfigError

ROOT = Path(__file__).parents[2]
STACKS = ("dev", "prod")
Change = Callable[[dict[str, Any]], Any]


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((ROOT / name).read_text())


def own(keys: dict[str, Any]) -> dict[str, Any]:
    """Without the keys of other namespaces, which have no default in Pulumi.yaml."""
    return {key: value for key, value in keys.items() if ":" not in key}


def disagreements(project: dict[str, Any]) -> list[str]:
    """Where a project file and the settings differ in keys, types, defaults or words."""
    declared, rules, defaults = project["config"], own(config_parsers()), own(config_defaults())
    found = [f"{key} is described and never read" for key in declared.keys() - rules.keys()]
    found += [f"{key} is read and not described" for key in rules.keys() - declared.keys()]
    for key in declared.keys() & rules.keys():
        declaration = declared[key]
        if declaration.get("type") != rules[key].type:
            found.append(f"{key} is a {declaration.get('type')} here and a {rules[key].type} there")
        if "default" not in declaration or declaration["default"] != defaults[key]:
            found.append(f"{key} has default {declaration.get('default')} here and {defaults[key]} there")
        if not 20 <= len(declaration.get("description", "")) <= 120 or "\n" in declaration["description"]:
            found.append(f"{key} is not described in one line")
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
def test_a_disagreement_is_found(change: Change) -> None:
    project = load("Pulumi.yaml")
    change(project["config"])
    assert disagreements(project)


@pytest.mark.parametrize("stack", STACKS)
def test_files_hold_to_the_rules_of_the_cli(stack: str) -> None:
    assert samples.read(ROOT, stack).values["aws:region"]


@pytest.mark.parametrize(
    "change",
    [
        lambda config: config["batchSize"].pop("default"),
        lambda config: config["batchSize"].update(default="ten"),
        lambda config: config["apiClients"].pop("items"),
        lambda config: config["batchSize"].update(type="number"),
        lambda config: config.update({"aws:region": {"type": "string", "default": "eu-west-1"}}),
        lambda config: config["owner"].update(secret=True),
    ],
)
def test_a_file_against_the_rules_of_the_cli_is_refused(change: Change, tmp_path: Path) -> None:
    samples.write(ROOT, tmp_path)
    assert stack_config.read(tmp_path, "dev") == samples.read(ROOT, "dev")  # the control
    project = yaml.safe_load((tmp_path / "Pulumi.yaml").read_text())
    change(project["config"])
    (tmp_path / "Pulumi.yaml").write_text(yaml.safe_dump(project))
    with pytest.raises(ConfigError):
        stack_config.read(tmp_path, "dev")


@pytest.mark.parametrize("stack", STACKS)
def test_stack_files_hold_what_differs_and_nothing_unknown(stack: str) -> None:
    given = yaml.safe_load((samples.FOLDER / f"Pulumi.{stack}.yaml").read_text())["config"]
    assert given.pop("pulumi:disable-default-providers") == ["aws"]
    assert given.pop("aws:region")
    assert unknown_keys(given) == set()
    defaults = own(config_defaults())
    assert {key for key, value in given.items() if value == defaults[key.partition(":")[2]]} == set()


def unknown_keys(given: dict[str, Any]) -> set[str]:
    """The project's keys that no setting reads, whatever the project is called; what is encrypted is not judged."""
    return {
        key
        for key, value in given.items()
        if key.split(":")[0] not in ("aws", "pulumi")
        and key.partition(":")[2] not in config_defaults()
        and not (isinstance(value, dict) and "secure" in value)
    }


@pytest.mark.usefixtures("committed_stacks")
@pytest.mark.parametrize("stack", STACKS)
def test_the_stack_files_of_this_checkout_hold_nothing_unknown(stack: str) -> None:
    given = load(f"Pulumi.{stack}.yaml")["config"]
    assert unknown_keys(given) == set()
    assert unknown_keys(given | {"login-events:batchsize": 20}) == {"login-events:batchsize"}  # the control


def test_what_the_cli_would_hand_over_for_dev_is_accepted() -> None:
    values = samples.read(ROOT, "dev").values
    raw = {key.removeprefix(f"{samples.PROJECT}:"): value for key, value in values.items()}
    settings = StackSettings.from_raw(raw, project=samples.PROJECT, stack="dev")
    assert settings.api_clients == ("example-client",)


def test_project_file_names_the_cli_and_the_environment_it_needs() -> None:
    project = load("Pulumi.yaml")
    assert project["requiredPulumiVersion"] == ">=3.219.0"
    assert project["runtime"] == {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}}


def not_handed_on(program: str) -> set[str]:
    """Settings that the program never mentions."""
    return {one.name for one in fields(StackSettings)} - set(re.findall(r"\bsettings\.(\w+)", program))


def test_every_setting_reaches_what_it_is_for() -> None:
    program = (ROOT / "__main__.py").read_text()
    # The owner is in the tags, and `destroyable` only says what may be set.
    assert not_handed_on(program) == {"owner", "destroyable"}
    without = program.replace("settings.query_memory_mb", "512")
    assert not_handed_on(without) == {"owner", "destroyable", "query_memory_mb"}  # the control
