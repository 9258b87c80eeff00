"""Each dependency group has its lock, the locks agree, and the demo installs nothing that only tests need."""

import re
import tomllib
from pathlib import Path

import pytest

from components.packaging import locked

ROOT = Path(__file__).parents[2]
LOCKS = {
    "functions": "handlers/requirements.txt",
    "program": "requirements.txt",
    "demo": "requirements/demo.txt",
    "test": "requirements/test.txt",
    "soak": "requirements/soak.txt",
    "security": "requirements/security.txt",
}
# Each has what those before it have; soak only adds to it, and security is an environment of its own.
GROWING = (("functions", "demo"), ("program", "demo"), ("demo", "test"))
NOT_OF_THE_DEMO = {"hypothesis", "moto", "pyrefly", "pytest", "ruff", "schemathesis", "uv"}


def lines_of(group: str) -> set[str]:
    """The pins with their markers, without hashes."""
    text = (ROOT / LOCKS[group]).read_text()
    return {line.rstrip(" \\") for line in text.splitlines() if not line.startswith(" ")}


def names_in(lines: set[str]) -> set[str]:
    return {line.partition("==")[0] for line in lines}


def groups() -> dict[str, list[str]]:
    """What each group names itself, apart from the groups it includes."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    return {group: [entry for entry in entries if isinstance(entry, str)] for group, entries in declared.items()}


def not_locked(group: str, lines: set[str]) -> list[str]:
    """What a group names and its lock does not have."""
    return [entry for entry in groups()[group] if re.split(r"[\[<>=; ]", entry)[0] not in names_in(lines)]


def test_each_group_has_a_lock_and_nothing_else_is_locked():
    assert groups().keys() == LOCKS.keys()
    patterns = ("*.txt", "*/*requirements*.txt", "requirements/*")
    found = {path.relative_to(ROOT).as_posix() for pattern in patterns for path in ROOT.glob(pattern)}
    assert found == set(LOCKS.values())


@pytest.mark.parametrize("group", LOCKS)
def test_what_a_group_names_is_locked(group: str):
    assert not_locked(group, lines_of(group)) == []
    assert not_locked(group, set()) == groups()[group]  # the control


@pytest.mark.parametrize(("smaller", "larger"), GROWING)
def test_what_one_group_pins_the_larger_one_pins_too(smaller: str, larger: str):
    assert lines_of(smaller) - lines_of(larger) == set()
    assert lines_of(larger) - lines_of(smaller)  # the control


def test_the_fuzzer_changes_no_version():
    assert names_in(lines_of("soak")) & names_in(lines_of("test")) == set()


def test_the_demo_installs_nothing_that_only_tests_need():
    demo, test = (locked.pins([(ROOT / LOCKS[group]).read_text()]).keys() for group in ("demo", "test"))
    assert not NOT_OF_THE_DEMO & demo
    assert test >= NOT_OF_THE_DEMO  # the control
