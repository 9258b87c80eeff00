"""An invocation outlives an update of its function, and the next one runs the updated function."""

import json
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from localcloud.emulator.process import Emulator
from tests.fakes.processes import living, with_environment
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


def workers_after_the_alias_moved(emulator: Emulator) -> Callable[[], list[int]]:
    """Invoke two versions of the function, each as the one that the alias names; return how to look at the first's."""
    client, name = emulator.client("lambda"), "slow"
    first = client.publish_version(FunctionName=name)["Version"]
    client.create_alias(FunctionName=name, Name="live", FunctionVersion=first)
    is_first = with_environment(f"AWS_LAMBDA_FUNCTION_VERSION={first}\0")
    is_of_emulator = with_environment(f"AWS_ENDPOINT_URL={emulator.endpoint}\0")

    def workers() -> list[int]:
        return living(lambda folder: is_first(folder) and is_of_emulator(folder))

    client.invoke(FunctionName=f"{name}:live", Payload=json.dumps({"folder": str(emulator.directory)}))
    assert len(workers()) == 1
    client.update_function_configuration(FunctionName=name, Description="another")
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05})
    second = client.publish_version(FunctionName=name)["Version"]
    client.update_alias(FunctionName=name, Name="live", FunctionVersion=second)
    client.invoke(FunctionName=f"{name}:live", Payload=json.dumps({"folder": str(emulator.directory)}))
    return workers


def test_invocation_outlives_an_update_and_workers_end_with_their_version(tmp_path: Path) -> None:
    with Emulator.start() as emulator:
        assert answers_around_an_update(emulator, tmp_path) == ["before", "after"]
        (emulator.directory / "go").touch()
        eventually(workers_after_the_alias_moved(emulator), lambda workers: not workers)


def test_control_emulator_without_the_seam_ends_the_invocation_and_keeps_workers(tmp_path: Path) -> None:
    with unplugged("_let_invocations_outlive_an_update") as emulator:
        with pytest.raises(AssertionError):
            assert answers_around_an_update(emulator, tmp_path) == ["before", "after"]
        (emulator.directory / "go").touch()
        assert len(workers_after_the_alias_moved(emulator)()) == 1
