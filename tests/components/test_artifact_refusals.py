"""A build that fails says why in one sentence, and how to fix it."""

import errno
import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from components.packaging import wheels
from components.packaging.artifact import ArtifactError, Target, build_artifact, target_from_environment
from tests.components.artifact_project import FOR_ARM, RUNNING, make_project, make_wheel, relock, unpack_locked

pytestmark = pytest.mark.usefixtures("no_package_index")
NOWHERE = "3.99"
FUTURE = Target(NOWHERE, FOR_ARM.platform)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def refusal(project: Path, target: Target = FOR_ARM) -> str:
    with pytest.raises(ArtifactError) as refused:
        build_artifact(project, target)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert list(project.glob(".build/layer-*")) == []
    return sentence


def put_on_path(folder: Path, script: str) -> Path:
    command = folder / f"python{NOWHERE}"
    folder.mkdir()
    command.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    command.chmod(0o755)
    return command


def test_without_the_python_of_lambda_it_names_the_line_that_installs_it(project: Path) -> None:
    assert f"uv python install {NOWHERE}" in refusal(project, FUTURE)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"echo 'python{NOWHERE}: command not found' >&2; exit 127", id="a shim of nothing"),
        pytest.param(f"echo cpython 3.98 {sys.executable}", id="another version"),
        pytest.param(f"echo pypy {NOWHERE} {sys.executable}", id="another implementation"),
    ],
)
def test_a_command_that_is_not_that_python_is_no_python(
    script: str, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = put_on_path(tmp_path / "shims", script)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    assert shutil.which(command.name) == str(command), "control: being on PATH would have been enough"
    assert f"uv python install {NOWHERE}" in refusal(project, FUTURE)


def test_a_working_python_behind_a_broken_shim_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_on_path(tmp_path / "real", f"echo cpython {NOWHERE} /opt/found")
    put_on_path(tmp_path / "shims", "exit 127")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "shims"), str(tmp_path / "real"), os.environ["PATH"]]))
    assert wheels.find_interpreter(NOWHERE) == "/opt/found"


def test_the_running_python_serves_its_own_version() -> None:
    assert Path(wheels.find_interpreter(RUNNING)).samefile(sys.executable)


@pytest.mark.parametrize(
    ("pattern", "written", "words"),
    [
        ("sha256:.*", f"sha256:{'0' * 64}", "does not have the hash"),
        (" --hash=.*", "", "needs an exact version and a hash"),
        ("native==1.0 ", "native==1.0 ; sys_platform == 'linux' ", "line 4 has an environment marker"),
        ("--no-index\n.*", "--index-url http://127.0.0.1:9", "did not answer"),  # nothing listens there
        ("--no-index", "--no-such-option", "no-such-option"),
    ],
)
def test_a_lock_that_cannot_be_installed_is_refused_with_the_reason(
    pattern: str, written: str, words: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_RETRIES", "1")  # pip gives the reason of a failed connection only when it tries again
    lock = project / "handlers/requirements.txt"
    lock.write_text(re.sub(pattern, written, lock.read_text()))
    assert words in refusal(project)


def test_a_package_without_a_wheel_for_the_platform_is_named(project: Path) -> None:
    relock(project, make_wheel(project, "elsewhere", "1.0", "py3-none-win_amd64", {"elsewhere.py": ""}))
    sentence = refusal(project)
    assert "elsewhere==1.0" in sentence
    assert "manylinux2014_aarch64" in sentence


def test_a_python_without_pip_is_told_how_to_get_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "-m ensurepip" in refusal(project)


def test_a_full_disk_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(root: Path, prefix: str, destination: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(destination))

    monkeypatch.setattr(wheels, "install", unpack_locked)
    monkeypatch.setattr(wheels, "write_zip", full)
    assert "No space left on device" in refusal(project)


def test_a_full_disk_met_by_pip_is_named(project: Path) -> None:
    output = "WARNING: slow\nERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"
    assert "No space is left" in wheels._pip_failure(output, project / "handlers/requirements.txt", "this")


def test_a_handler_that_does_not_compile_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "install", unpack_locked)
    (project / "handlers/query.py").write_text("def handler(:\n", encoding="utf-8")
    with pytest.raises(ArtifactError, match=r"handlers/query\.py") as refused:
        build_artifact(project, FOR_ARM)
    assert "\n" not in str(refused.value)


def test_a_project_without_a_lock_or_without_handlers_is_refused(project: Path) -> None:
    for path in project.glob("handlers/*.py"):
        path.unlink()
    assert "holds no Python file" in refusal(project)
    (project / "handlers/requirements.txt").unlink()
    assert "is missing" in refusal(project)


def test_the_environment_chooses_the_target() -> None:
    variable = "EVENT_PROCESSING_ARTIFACT_TARGET"
    assert target_from_environment("3.13", {}) == Target("3.13", "manylinux2014_aarch64")
    assert target_from_environment("3.13", {variable: "lambda"}) == Target.aws_lambda("3.13")
    assert target_from_environment("3.13", {variable: "host"}) == Target.host()
    with pytest.raises(ArtifactError, match=f'{variable} is "laptop"'):
        target_from_environment("3.13", {variable: "laptop"})


def test_a_checkout_that_cannot_be_written_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "install", unpack_locked)
    (project / ".build").write_text("no folder")
    found = refusal(project)
    assert re.search(r"written: .*\.build.*\. Free space there, or make it writable\.$", found), found
