"""A program imports what it uses of Pulumi's packages, and finds everything in them that an ordinary import gives."""

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from localcloud.deployer import lean_imports

PROGRAM = """
import sys
from localcloud.deployer import lean_imports
if "lean" in sys.argv:
    lean_imports.install()
import pulumi, pulumi_aws as aws
aws.sqs.Queue, aws.sqs.QueueArgs, aws.get_caller_identity_output
print(*sys.modules)
"""
RARELY_USED = {
    *("pulumi_aws.sqs.get_queue", "pulumi.automation._stack", "dill", "yaml"),
    *("opentelemetry.sdk.trace", "grpc.aio._channel"),
}
MODULES = {
    "__init__": "from .queue import *\nfrom .get_queue import *\nfrom .odd_place import *\nfrom . import outputs\n",
    "queue": "class Queue: ...\nclass QueueArgs: ...\nfrom . import outputs\n",
    "get_queue": "def get_queue(): ...\ndef get_queue_output(): ...\n",
    "odd_place": "class Elsewhere: ...\n",
    "outputs": "class QueueRedrive: ...\n",
}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A generated package `generated.sqs`, imported lazily."""
    folder = tmp_path / "generated" / "sqs"
    folder.mkdir(parents=True)
    for name, text in MODULES.items():
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(lean_imports, "AWS", "generated")
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    lean_imports.install()
    return importlib.import_module("generated.sqs")


def loaded() -> set[str]:
    return {name.removeprefix("generated.sqs.") for name in sys.modules if name.startswith("generated.sqs.")}


def test_name_imports_the_module_that_defines_it_and_no_other(service: ModuleType):
    assert service.Queue.__module__ == service.QueueArgs.__module__ == "generated.sqs.queue"
    assert loaded() == {"queue", "outputs"}
    assert service.get_queue_output.__module__ == "generated.sqs.get_queue"
    assert loaded() == {"queue", "outputs", "get_queue"}


def test_module_of_the_package_is_found_by_its_name(service: ModuleType):
    assert service.outputs.QueueRedrive
    assert loaded() == {"outputs"}


def test_name_that_follows_no_convention_is_found(service: ModuleType):
    assert service.Elsewhere.__module__ == "generated.sqs.odd_place"


def test_name_that_does_not_exist_is_an_attribute_error(service: ModuleType):
    with pytest.raises(AttributeError, match="Quoue"):
        _ = service.Quoue


def modules_of_program(*arguments: str) -> set[str]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_program_imports_neither_the_rest_of_a_service_nor_what_pulumi_rarely_uses():
    found = modules_of_program("lean")
    assert "pulumi_aws.sqs.queue" in found
    assert found & RARELY_USED == set()


def test_deployer_is_imported_without_the_second_interface_of_grpc():
    program = "from localcloud.cloud import _import_deployer; _import_deployer(); import sys; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    found = set(shown.split())
    assert found >= {"grpc", "localcloud.deployer.engine", "botocore.session"}
    assert "grpc.aio._channel" not in found


def test_lean_imports_end_with_their_block():
    before = list(sys.meta_path)
    with lean_imports.lean():
        assert sys.meta_path != before
    assert sys.meta_path == before


def test_control_an_ordinary_import_has_all_of_them():
    assert modules_of_program() >= RARELY_USED
