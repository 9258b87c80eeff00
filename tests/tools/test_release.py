"""The commands of the release workflow, run in a repository of their own."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.resources import files as files_of
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from components.packaging import locked
from components.packaging.artifact import LAMBDA_PLATFORM
from components.settings.stack_settings import PYTHON_VERSIONS
from tests.fakes.checkout import ROOT
from tests.fakes.waiting import HANG_SECONDS
from tools.changelog import IN_A_RUNNING_STACK
from tools.release import parser
from tools.release_files import CYCLONEDX_VERSION, LOCKS, bill_problems

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())
# What the commands read.
CONTENTS = ("handlers", "components", "tools", "pyproject.toml", "requirements.txt", "Pulumi.yaml")
# This Python, so that no other one is needed.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
STEM = "event-processing-0.2.0"
CHANGELOG = """# Changelog

## 0.2.0 - 2030-02-01

### {section}

It updates [the table](docs/table.md). See [AWS](https://aws.amazon.com) and [below](#fixed).

## 0.1.0 - 2030-01-31

Its source is commit {commit}.

### {section}

Nothing.
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Tester", "-c", "user.email=tester@example.com", "-c", "commit.gpgsign=false")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def release(folder: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.release", *arguments]
    # A setting of the machine would be used instead of the commit's time.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=HANG_SECONDS, check=False
    )


def commit_version(folder: Path, version: str) -> str:
    """Commit the tree with a version, and return the commit."""
    project = folder / "pyproject.toml"
    text = re.sub("^version = .*", f'version = "{version}"', project.read_text(), flags=re.MULTILINE)
    project.write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", version, "--date", "2030-01-31T00:00:00Z")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository at the commit of release 0.2.0, after 0.1.0."""
    folder = tmp_path_factory.mktemp("repository")
    for name in CONTENTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(ROOT / name, folder / name)
    (folder / ".gitignore").write_text(".build/\n__pycache__/\n")
    git(folder, "init", "-q")
    (folder / "CHANGELOG.md").write_text("")
    first = commit_version(folder, "0.1.0")
    (folder / "CHANGELOG.md").write_text(CHANGELOG.format(section=IN_A_RUNNING_STACK, commit=first))
    commit_version(folder, "0.2.0")
    return folder


@pytest.fixture(scope="module")
def files(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of release 0.2.0."""
    folder = tmp_path_factory.mktemp("files") / "dist"
    written = release(repository, "files", folder, "--python", PYTHON)
    assert written.returncode == 0, written.stderr
    return folder


def test_tag_of_the_version_can_be_released(repository: Path) -> None:
    checked = release(repository, "check", "v0.2.0")
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "v0.2.0 can be released.\n", "")


@pytest.mark.parametrize(
    ("tag", "old", "new", "problem"),
    [
        ("v0.3.0", "", "", "The tag is v0.3.0, and pyproject.toml says 0.2.0: the tag must be v0.2.0."),
        ("0.2.0", "", "", "The tag is 0.2.0, and pyproject.toml says 0.2.0: the tag must be v0.2.0."),
        ("v0.2.0", f"### {IN_A_RUNNING_STACK}\n\nIt", "It", "0.2.0 - 2030-02-01 has no section"),
        ("v0.2.0", "## 0.2.0", f"## Unreleased\n\n### {IN_A_RUNNING_STACK}\n\nA.\n\n## 0.2.0", "without a version"),
        ("v0.2.0", "\n## 0.1.0", "\nIts source is commit {head}.\n\n## 0.1.0", None),
        ("v0.2.0", "commit {first}", "commit {head}", "0.1.0: the commit {head} says that it is 0.2.0."),
        ("v0.2.0", "commit {first}", "commit abcabcab", "0.1.0: git has no commit abcabcab"),
    ],
)
def test_control_a_wrong_tag_or_changelog_is_found(
    tag: str, old: str, new: str, problem: str | None, repository: Path
) -> None:
    changelog = repository / "CHANGELOG.md"
    before = changelog.read_text()
    known = {"first": git(repository, "rev-parse", "HEAD~"), "head": git(repository, "rev-parse", "HEAD")}
    changelog.write_text(before.replace(old.format(**known), new.format(**known), 1))
    try:
        checked = release(repository, "check", tag)
    finally:
        changelog.write_text(before)
    if problem is None:
        assert checked.returncode == 0, checked.stderr
    else:
        assert (checked.returncode, checked.stdout) == (1, "")
        assert problem.format(**known) in checked.stderr


def test_text_is_the_entry_with_links_that_work_elsewhere(repository: Path) -> None:
    text = release(repository, "notes", "--links", "https://example.com/blob/v0.2.0").stdout
    assert text.startswith(f"### {IN_A_RUNNING_STACK}\n\nIt updates [the table](https://example.com/blob/v0.2.0/docs/")
    assert "[AWS](https://aws.amazon.com) and [below](#fixed)." in text
    assert "0.1.0" not in text
    assert "[the table](docs/table.md)" in release(repository, "notes").stdout


def test_files_are_those_of_the_commit(files: Path, repository: Path) -> None:
    zips = (f"{STEM}-functions-python{PYTHON}.zip", f"{STEM}-layer-python{PYTHON}-{LAMBDA_PLATFORM}.zip")
    bills = tuple(f"{STEM}-{name}.cdx.json" for name in LOCKS)
    assert {file.name for file in files.iterdir()} == {"SHA256SUMS", f"{STEM}.tar", *zips, *bills}
    with tarfile.open(files / f"{STEM}.tar") as archive:
        packed = {entry.name.removeprefix(f"{STEM}/") for entry in archive if entry.isfile()}
    assert packed == set(git(repository, "ls-files").splitlines())
    with zipfile.ZipFile(files / zips[0]) as code:
        assert code.read("handlers/fold.py") == (repository / "handlers" / "fold.py").read_bytes()


def sums_hold(folder: Path) -> bool:
    """What the README tells a user to run."""
    return subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=False).returncode == 0


def test_sums_are_those_of_the_files(files: Path, tmp_path: Path) -> None:
    assert sums_hold(files)
    assert {line.split()[1] for line in (files / "SHA256SUMS").read_text().splitlines()} == {
        file.name for file in files.iterdir() if file.name != "SHA256SUMS"
    }
    for file in files.iterdir():
        (tmp_path / file.name).symlink_to(file)
    (tmp_path / f"{STEM}.tar").unlink()
    (tmp_path / f"{STEM}.tar").write_bytes((files / f"{STEM}.tar").read_bytes() + b"\0")
    assert not sums_hold(tmp_path), "the control"


def bill_of(files: Path, name: str) -> dict[str, Any]:
    return json.loads((files / f"{STEM}-{name}.cdx.json").read_text())


@pytest.fixture(scope="module")
def schema_of_bills() -> jsonschema_rs.Draft7Validator:
    """The schema that CycloneDX ships, formats included. Its own validator takes a quarter of a second for a URL."""
    shipped = files_of("cyclonedx.schema") / "_res"

    def read(name: str) -> Any:
        return json.loads((shipped / f"{name}.schema.json").read_text(encoding="utf-8"))

    others = ("spdx.SNAPSHOT", "cryptography-defs.SNAPSHOT", "jsf-0.82.SNAPSHOT")
    registry = jsonschema_rs.Registry(
        [(f"http://cyclonedx.org/schema/{name}.schema.json", read(name)) for name in others]
    )
    schema = read(f"bom-{CYCLONEDX_VERSION}.SNAPSHOT")
    return jsonschema_rs.Draft7Validator(schema, registry=registry, validate_formats=True)


@pytest.mark.parametrize("name", LOCKS)
def test_bill_of_materials_is_valid_and_that_of_the_version(
    name: str, files: Path, schema_of_bills: jsonschema_rs.Draft7Validator
) -> None:
    bill = bill_of(files, name)
    assert list(schema_of_bills.iter_errors(bill)) == []
    assert not schema_of_bills.is_valid({**bill, "components": [{"name": "nameless"}]}), "the control"
    part = bill["components"][0]
    spaced = {**part, "externalReferences": [{"type": "website", "url": "no URL"}]}
    assert not schema_of_bills.is_valid({**bill, "components": [spaced]}), "the control of formats"
    described = bill["metadata"]["component"]
    assert (described["name"], described["version"]) == ("event-processing", "0.2.0")
    assert bill["metadata"]["timestamp"] != "1970-01-01T00:00:01+00:00"


@pytest.mark.soak
@pytest.mark.parametrize("name", LOCKS)
def test_bill_of_materials_is_valid_for_its_maker(name: str, files: Path) -> None:
    # Its import compiles forty grammars, for seconds, in each process that only collects this file.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.V1_6)
    bill = bill_of(files, name)
    assert validator.validate_str(json.dumps(bill)) is None
    assert validator.validate_str(json.dumps({**bill, "components": [{"name": "nameless"}]})), "the control"


def test_bill_of_the_functions_lists_what_the_layer_contains(files: Path) -> None:
    pins = {part["name"]: part["version"] for part in bill_of(files, "functions")["components"]}
    layer = zipfile.Path(files / f"{STEM}-layer-python{PYTHON}-{LAMBDA_PLATFORM}.zip", "python/")
    usable = locked.tags_of(LAMBDA_PLATFORM, PYTHON)
    assert locked.differences(pins, layer, usable) == []
    assert locked.differences({**pins, "another": "1.0"}, layer, usable) == ["another 1.0 is missing"], "the control"


def test_control_a_bill_that_is_not_the_locks_is_found(files: Path) -> None:
    lock = (ROOT / LOCKS["functions"]).read_text()
    first, *others = bill_of(files, "functions")["components"]
    name = f"{first['name']} {first['version']}"
    assert bill_problems({"components": [first, *others]}, lock) == []
    assert bill_problems({"components": others}, lock) == [f"{name} is missing"]
    bill = {"components": [{**first, "externalReferences": []}, *others]}
    assert bill_problems(bill, lock) == [f"{name} has other hashes"]
    bill = {"components": [first, *others, {"name": "another", "version": "1.0"}]}
    assert bill_problems(bill, lock) == ["another 1.0 is not locked"]


def test_files_are_written_only_once_and_from_a_commit(files: Path, repository: Path, tmp_path: Path) -> None:
    assert "exists already" in release(repository, "files", files).stderr
    (repository / "note.txt").touch()
    try:
        assert "note.txt" in release(repository, "files", tmp_path / "dist").stderr
    finally:
        (repository / "note.txt").unlink()
    assert not (tmp_path / "dist").exists()


@pytest.mark.soak
def test_files_are_the_same_from_another_folder(files: Path, repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(repository), "clone")
    assert release(tmp_path / "clone", "files", tmp_path / "dist", "--python", PYTHON).returncode == 0
    assert (tmp_path / "dist" / "SHA256SUMS").read_text() == (files / "SHA256SUMS").read_text()


def test_workflow_checks_tests_and_then_publishes() -> None:
    jobs = WORKFLOW["jobs"]
    assert (jobs["test"]["needs"], jobs["publish"]["needs"]) == ("check", "test")
    assert [name for name, job in jobs.items() if "write" in job.get("permissions", {}).values()] == ["publish"]


def test_workflow_runs_commands_that_exist() -> None:
    runs = "\n".join(step.get("run", "") for name in ("check", "publish") for step in WORKFLOW["jobs"][name]["steps"])
    commands = [line.partition("-m tools.release ")[2] for line in runs.splitlines() if "-m tools.release" in line]
    words = [shlex.split(command.partition(" >")[0]) for command in commands]
    assert [parser().parse_args(line).command for line in words] == ["check", "files", "notes"]


def test_workflow_installs_every_python_that_functions_can_run() -> None:
    (installed,) = (
        step["with"]["python-version"].split()
        for step in WORKFLOW["jobs"]["publish"]["steps"]
        if "setup-python" in step.get("uses", "")
    )
    assert sorted(installed) == sorted(PYTHON_VERSIONS)
    assert installed[-1] == "3.11", "the last one makes the environment"
