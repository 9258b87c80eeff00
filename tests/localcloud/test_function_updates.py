"""An invocation outlives an update of its function, and the next one runs the updated function."""

import json
import threading
import zipfile
from pathlib import Path
from typing import Any

import pulumi
import pytest

from localcloud.emulator.process import Emulator
from tests.fakes.waiting import eventually
from tests.localcloud.provided import ALLOW, TRUST, Cloud, unplugged

CODE = """
import os, pathlib, time
def handler(event, context):
    folder = pathlib.Path(event["folder"])
    (folder / "started").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    return os.environ["GREETING"]
"""


def answers_around_an_update(emulator: Emulator, folder: Path) -> list[Any]:
    """Return the answers of an invocation during which the function is updated, and of the next one."""
    cloud, client = Cloud(emulator), emulator.client("lambda")
    role = cloud.make("iam/role", assumeRolePolicy=TRUST)
    cloud.make("iam/rolePolicy", role=role["id"], policy=ALLOW)
    with zipfile.ZipFile(folder / "code.zip", "w") as file:
        file.writestr("code.py", CODE)
    program = {"runtime": "python3.13", "handler": "code.handler", "code": pulumi.FileArchive(str(folder / "code.zip"))}
    before = {"variables": {"GREETING": "before"}}
    cloud.make("lambda/function", program, name="slow", role=role["arn"], environment=before, timeout=600)
    answers: list[Any] = []

    def invoke() -> None:
        payload = json.dumps({"folder": str(folder)})
        answers.append(json.load(client.invoke(FunctionName="slow", Payload=payload)["Payload"]))

    running = threading.Thread(target=invoke)
    running.start()
    eventually((folder / "started").exists)
    client.update_function_configuration(FunctionName="slow", Environment={"Variables": {"GREETING": "after"}})
    (folder / "go").touch()
    running.join()
    client.get_waiter("function_updated_v2").wait(FunctionName="slow", WaiterConfig={"Delay": 0.05})
    invoke()
    return answers


def test_invocation_outlives_an_update_of_its_function(tmp_path: Path) -> None:
    with Emulator.start() as emulator:
        assert answers_around_an_update(emulator, tmp_path) == ["before", "after"]


def test_control_emulator_without_the_seam_ends_the_invocation(tmp_path: Path) -> None:
    with unplugged("_let_invocations_outlive_an_update") as emulator, pytest.raises(AssertionError):
        assert answers_around_an_update(emulator, tmp_path) == ["before", "after"]
