"""The commands that errors and documents suggest are stored by the CLI as values that the program accepts."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from components.settings.stack_settings import Problem, SettingsError, StackSettings, config_parsers
from localcloud import samples
from localcloud.deployer import stack_files
from localcloud.deployer.stack_config import ConfigError
from tests.components.test_settings import ENOUGH, INVALID
from tests.fakes import pulumi_config

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


DECLARED = stack_files.project_config(ROOT)


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stack_files, "project_config", lambda _: DECLARED)


def stored(**changes: Any) -> dict[str, Any]:
    """Return a stack's values, by key as in its file."""
    values = ENOUGH | {"apiClients": ["reporting"]} | changes
    return {key if ":" in key else f"{samples.PROJECT}:{key}": value for key, value in values.items()}


def problems(config: dict[str, Any], folder: Path) -> tuple[Problem, ...]:
    raw = pulumi_config.passed_to_program(config, folder)
    try:
        StackSettings.from_raw(raw, project=samples.PROJECT, stack="dev")
    except SettingsError as error:
        return error.problems
    return ()


def as_stored(value: str) -> Any:
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, list | dict) else value


@pytest.mark.parametrize("key", sorted(config_parsers()))
def test_usual_fix_of_every_key_is_accepted(key: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        StackSettings.from_raw(ENOUGH | {key: "?"}, project=samples.PROJECT, stack="dev")
    (problem,) = error.value.problems
    config = stored(protect="true", deletionProtection="true")
    pulumi_config.run(problem.fix, config)
    assert problems(config, tmp_path) == ()


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in INVALID.items() for value in values])
def test_fix_of_an_invalid_value_fixes_it(key: str, value: str, tmp_path: Path) -> None:
    config = stored(**{key: as_stored(value)})
    try:
        (problem,) = problems(config, tmp_path)
    except ConfigError:
        return  # The CLI rejects the type of the value, so the program prints no fix.
    pulumi_config.run(problem.fix, config)
    assert problems(config, tmp_path) == ()


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [
        ("apiClients", ["one", "Two"], "set --stack dev --path 'apiClients[1]' reporting"),
        ("apiClients", ["one", "two", "one"], "rm --stack dev --path 'apiClients[2]'"),
        ("aws:allowedAccountIds", [12345], "set --stack dev --path 'aws:allowedAccountIds[0]' 123456789012"),
        ("alarms", {"queue-aeg": {"threshold": 1}}, "rm --stack dev --path 'alarms.queue-aeg'"),
        ("alarms", {"queue age's": {}}, """rm --stack dev --path 'alarms["queue age'"'"'s"]'"""),
    ],
)
def test_fix_names_the_entry_that_is_invalid(key: str, value: Any, fix: str, tmp_path: Path) -> None:
    config = stored(**{key: value})
    (problem,) = problems(config, tmp_path)
    assert problem.fix == f"pulumi config {fix}"
    pulumi_config.run(problem.fix, config)
    assert problems(config, tmp_path) == ()


def test_account_id_is_a_number_or_a_string() -> None:
    raw = ENOUGH | {"aws:allowedAccountIds": '[123456789012,"012345678901"]'}
    settings = StackSettings.from_raw(raw, project=samples.PROJECT, stack="dev")
    assert settings.allowed_account_ids == ("123456789012", "012345678901")


def test_account_id_without_its_leading_zero_is_rejected_with_the_reason(tmp_path: Path) -> None:
    (problem,) = problems(stored(**{"aws:allowedAccountIds": [12345678901]}), tmp_path)
    assert "12 digits (in quotes when the first is 0)" in str(problem)
    config = stored()
    pulumi_config.run("pulumi config set --path 'aws:allowedAccountIds[0]' 012345678901", config)
    assert config["aws:allowedAccountIds"] == ["012345678901"]
    assert problems(config, tmp_path) == ()


def commands_in(text: str) -> list[str]:
    """Return the commands that set or remove a value, without those that only show the form."""
    found = re.findall(r"pulumi config (?:set|rm) [^`\n#|]+[^`\n#|.,; ]", text)
    return [command for command in found if not re.search(r"\b(KEY|VALUE)$|\bKEY ", command)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_commands_of_a_document_are_accepted(document: Path, tmp_path: Path) -> None:
    for command in commands_in(document.read_text()):
        config = stored(protect="true", deletionProtection="true")
        pulumi_config.run(command, config)
        # The README takes both protections away, one command each.
        assert {problem.key for problem in problems(config, tmp_path)} <= {"deletionProtection"}, command


def test_documents_have_commands_and_a_wrong_command_is_noticed(tmp_path: Path) -> None:
    found = [command for document in DOCUMENTS for command in commands_in(document.read_text())]
    assert len(found) > 20
    config = stored()
    # Control: the CLI stores a number, which is no string of an array.
    pulumi_config.run("pulumi config set --path 'producerPrincipals[0]' 123456789012", config)
    with pytest.raises(ConfigError, match="must be of type array"):
        problems(config, tmp_path)


def dangerous(text: str) -> list[str]:
    """Return the commands that rename a deployed stack, or delete a committed stack file."""
    return re.findall(r"pulumi stack rename [-A-Z].*|pulumi stack rm \w+\b(?! --preserve-config).*", text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_no_document_loses_a_stack_file_or_renames_a_stack(document: Path) -> None:
    assert dangerous(document.read_text()) == []


def test_dangerous_command_is_noticed() -> None:
    assert dangerous("`pulumi stack rm dev`") and dangerous("pulumi stack rename --stack dev NAME")  # noqa: PT018
    assert not dangerous("`pulumi stack rm dev --preserve-config`")
