"""Each Python that the setting `pythonVersion` accepts runs the functions, on an interpreter of that version.

The interpreters are those of this machine. The report of a run lists the versions without one.
"""

import json
import platform
from pathlib import Path

import pytest

from components.packaging import wheels
from components.packaging.artifact import ArtifactError, Target, build_artifact
from components.settings.stack_settings import PYTHON_VERSIONS
from tests.components.artifact_project import RUNNING
from tests.components.test_artifact_functions import CALL, CALLED, ENTRY_POINTS, IMPORT, ROOT, START, run, unpack

pytestmark = pytest.mark.soak  # each builds a layer


# A tag that the locked wheels with native code bear.
PLATFORMS = {"x86_64": "manylinux_2_28_x86_64", "aarch64": "manylinux2014_aarch64"}


def target_here(version: str) -> Target:
    return Target.host() if version == RUNNING else Target(version, PLATFORMS[platform.machine()])


def interpreter_of(version: str) -> str:
    try:
        return wheels.find_interpreter(version)
    except ArtifactError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("version", PYTHON_VERSIONS)
def test_functions_run_on_each_python(version: str, tmp_path: Path) -> None:
    interpreter = interpreter_of(version)
    unpacked = unpack(build_artifact(ROOT, target_here(version)), tmp_path)
    task, layer = unpacked / "task", unpacked / "layer"
    for entry_point in ENTRY_POINTS:
        imported = run(IMPORT, entry_point, task=task, layer=layer, interpreter=interpreter)
        assert imported.returncode == 0, imported.stderr[-2000:]
        loaded = json.loads(imported.stdout.splitlines()[-1])["loaded"]
        assert {name: file for name, file in loaded.items() if not file.startswith(str(unpacked))} == {}
        started = run(START, entry_point, task=task, layer=layer, interpreter=interpreter)
        assert started.stdout == "asyncio False, collections 0, then True, frozen True\n", started.stderr[-2000:]
    called = run(CALL, task=task, layer=layer, interpreter=interpreter)
    assert called.stdout.split() == CALLED, called.stderr[-2000:]


@pytest.mark.parametrize("version", PYTHON_VERSIONS)
def test_lambda_gets_a_layer_for_each_python(version: str) -> None:
    interpreter_of(version)
    assert build_artifact(ROOT, Target.aws_lambda(version)).layer.stat().st_size > 0


@pytest.mark.parametrize("version", [version for version in PYTHON_VERSIONS if version != RUNNING])
def test_control_bytecode_of_another_python_is_noticed(version: str, tmp_path: Path) -> None:
    interpreter_of(version)
    unpacked = unpack(build_artifact(ROOT, target_here(version)), tmp_path)
    imported = run(IMPORT, "query", task=unpacked / "task", layer=unpacked / "layer")
    assert "compiled from source" in imported.stderr
