"""The functions that ship run from what ships, and from nothing else."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from components.packaging import slimming
from components.packaging.artifact import Artifact, Target, build_artifact
from components.packaging.certificates import AMAZON_ROOTS, FINGERPRINTS
from handlers.vocabulary import Environment

ROOT = Path(__file__).parents[2]
ENTRY_POINTS = ("event_handler", "query")

IMPORT = """
import importlib, json, sys
module = importlib.import_module("handlers." + sys.argv[1])
files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items() if name != "__main__"}
standard = sys.stdlib_module_names
print(json.dumps({
    "callable": callable(module.handler),
    "loaded": {name: file for name, file in files.items() if file and name.partition(".")[0] not in standard},
}))
"""

START = """
import gc, importlib, sys
import handlers
if sys.argv[2:]:
    gc.enable()
collected = lambda: sum(each["collections"] for each in gc.get_stats())
before = collected()
importlib.import_module("handlers." + sys.argv[1])
print(f"asyncio {'asyncio' in sys.modules}, collections {collected() - before}, then {gc.isenabled()}, ", end="")
print(f"frozen {gc.get_freeze_count() > 0}")
"""

CALLED = ["recorder", "batch_get_item", "get_item", "update_item", "send_message_batch", "get_caller_identity"]
CALL = """
import os
del os.environ["LAMBDA_TASK_ROOT"]  # outside Lambda, importing the recorder of the X-Ray SDK makes a client
import aws_xray_sdk.core
import botocore.config, botocore.exceptions, botocore.session
print("recorder")
once = botocore.config.Config(retries={"mode": "standard", "max_attempts": 1})
key = {"user_id": {"S": "u"}}
calls = {
    "batch_get_item": ("dynamodb", {"RequestItems": {"t": {"Keys": [key]}}}),
    "get_item": ("dynamodb", {"TableName": "t", "Key": key}),
    "update_item": ("dynamodb", {"TableName": "t", "Key": key}),
    "send_message_batch": ("sqs", {"QueueUrl": "u", "Entries": [{"Id": "1", "MessageBody": "m"}]}),
    "get_caller_identity": ("sts", {}),
}
for call, (service, parameters) in calls.items():
    try:
        getattr(botocore.session.Session().create_client(service, config=once), call)(**parameters)
    except botocore.exceptions.EndpointConnectionError:
        print(call)
"""

# One of each type a value can have, as it comes over the wire, nested as deep as records are and deeper.
VALUES = {
    "services": {"L": [{"M": {"service_id": {"S": "s"}, "service_name": {"S": "\u00e9"}}}, {"L": [{"L": []}]}]},
    "others": {
        "M": {"n": {"N": "1.50"}, "b": {"B": "AAE="}, "t": {"BOOL": False}, "0": {"NULL": True}, "m": {"M": {}}}
    },
    "sets": {"L": [{"SS": ["a", "b"]}, {"NS": ["1"]}, {"BS": ["AAE="]}]},
}
EXCHANGE = """
import json, sys
import botocore.awsrequest, botocore.session
answers, sent = [json.loads(argument) for argument in sys.argv[1:]], []

class Raw:
    def __init__(self, body):
        self.stream = lambda *_, **__: iter([json.dumps(body).encode()])

def answer(request, **_):
    sent.append(json.loads(request.body))
    status, body = answers[len(sent) - 1]
    return botocore.awsrequest.AWSResponse(request.url, status, {}, Raw(body))

client = botocore.session.Session().create_client("dynamodb")
client.meta.events.register("before-send.dynamodb", answer)
key = {"user_id": {"S": "u"}}
item = client.get_item(TableName="t", Key=key)["Item"]
try:
    client.update_item(TableName="t", Key=key, ExpressionAttributeValues=item)
except client.exceptions.ConditionalCheckFailedException as error:
    item = error.response["Item"]
client.update_item(TableName="t", Key=key, ExpressionAttributeValues=item)
print(json.dumps(sent))
"""


@pytest.fixture(scope="session")
def artifact() -> Artifact:
    return build_artifact(ROOT, Target.host())


@pytest.fixture(scope="module")
def unpacked(artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(artifact, tmp_path_factory.mktemp("opt"))


def unpack(artifact: Artifact, opt: Path) -> Path:
    """What Lambda makes of the two archives, with sources that betray being read: bytecode alone can run."""
    for zip_file, folder in ((artifact.code, opt / "task"), (artifact.layer, opt / "layer")):
        with zipfile.ZipFile(zip_file) as archive:
            archive.extractall(folder)
    for source in opt.rglob("*.py"):
        source.write_text("raise SystemExit('compiled from source, at every cold start')\n", encoding="utf-8")
    return opt


def run(
    program: str, *arguments: str, task: Path, layer: Path, interpreter: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    """Run a program that can import the standard library, the unpacked archives and nothing else."""
    environment = {
        Environment.TABLE_NAME: "table",
        Environment.DEAD_LETTER_QUEUE_URL: "https://sqs.eu-west-1.amazonaws.com/111122223333/dead-letters",
        Environment.MAX_RECEIVE_COUNT: "5",
        Environment.STACK: "dev",
        Environment.VERSION: "test",
        Environment.SERVICE: "test",
        Environment.METRICS_NAMESPACE: "EventProcessing",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "LAMBDA_TASK_ROOT": str(task),
        "AWS_LAMBDA_FUNCTION_NAME": "test",
    }
    paths = f"import sys; sys.path += {[str(task), str(layer / 'python')]!r}"
    command = [interpreter, "-I", "-S", "-c", f"{paths}\n{program}", *arguments]
    return subprocess.run(command, env=environment, cwd=task, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_a_function_starts_from_the_artifact_alone(entry_point: str, unpacked: Path) -> None:
    finished = run(IMPORT, entry_point, task=unpacked / "task", layer=unpacked / "layer")
    assert finished.returncode == 0, finished.stderr[-2000:]
    report = json.loads(finished.stdout.splitlines()[-1])
    assert report["callable"]
    strangers = {name: file for name, file in report["loaded"].items() if not file.startswith(str(unpacked))}
    assert strangers == {}
    assert "botocore.client" in report["loaded"]


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_no_start_collects_garbage_or_imports_asyncio(entry_point: str, unpacked: Path) -> None:
    finished = run(START, entry_point, task=unpacked / "task", layer=unpacked / "layer")
    assert finished.stdout == "asyncio False, collections 0, then True, frozen True\n", finished.stderr[-2000:]


def test_control_a_start_that_collects_is_noticed(unpacked: Path) -> None:
    finished = run(START, "query", "collecting", task=unpacked / "task", layer=unpacked / "layer")
    assert re.search(r"collections [1-9]\d+, then True", finished.stdout), finished.stderr[-2000:]


def test_what_is_called_is_in_the_models(unpacked: Path) -> None:
    finished = run(CALL, task=unpacked / "task", layer=unpacked / "layer")
    assert finished.stdout.split() == CALLED, finished.stderr[-2000:]


@pytest.mark.parametrize("model", ["dynamodb", "sqs", "sts", "xray", "endpoints.json"])
def test_control_a_model_too_few_is_noticed(model: str, unpacked: Path, tmp_path: Path) -> None:
    present = unpacked / "layer/python/botocore/data" / model
    present.rename(tmp_path / "away")
    try:
        finished = run(CALL, task=unpacked / "task", layer=unpacked / "layer")
    finally:
        (tmp_path / "away").rename(present)
    assert finished.stdout.split() != CALLED


def exchanged(unpacked: Path, layer: Path) -> list[dict[str, Any]]:
    """What was sent by a writer that reads VALUES, loses a race to somebody who wrote them, and writes them itself."""
    lost = {"__type": "x#ConditionalCheckFailedException", "Item": VALUES}
    answers = [json.dumps(answer) for answer in ([200, {"Item": VALUES}], [400, lost], [200, {}])]
    finished = run(EXCHANGE, *answers, task=unpacked / "task", layer=layer)
    assert finished.returncode == 0, finished.stderr[-2000:]
    return json.loads(finished.stdout)


def test_a_value_of_any_type_is_written_as_it_was_read(unpacked: Path) -> None:
    _, first, second = exchanged(unpacked, unpacked / "layer")
    assert first["ExpressionAttributeValues"] == VALUES
    assert second["ExpressionAttributeValues"] == VALUES


def test_control_values_that_are_taken_for_empty_structures_are_noticed(unpacked: Path, tmp_path: Path) -> None:
    """As they would be, should botocore one day not know what its models call a document."""
    shutil.copytree(unpacked / "layer", tmp_path / "layer")
    [path] = (tmp_path / "layer/python/botocore/data/dynamodb").glob("*/service-2.json")
    path.write_text(path.read_text(encoding="utf-8").replace('"document":true', '"document":false'), encoding="utf-8")
    with pytest.raises(AssertionError):
        exchanged(unpacked, tmp_path / "layer")


def test_control_a_function_does_not_start_without_its_layer(unpacked: Path) -> None:
    finished = run(IMPORT, "event_handler", task=unpacked / "task", layer=unpacked / "nothing")
    assert finished.returncode != 0
    assert "ModuleNotFoundError" in finished.stderr


def test_control_missing_bytecode_is_noticed(unpacked: Path, tmp_path: Path) -> None:
    (tmp_path / "handlers").mkdir()
    for source in (unpacked / "task/handlers").glob("*.py"):
        (tmp_path / "handlers" / source.name).write_bytes(source.read_bytes())
    finished = run(IMPORT, "event_handler", task=tmp_path, layer=unpacked / "layer")
    assert "compiled from source" in finished.stderr


def test_every_file_of_the_project_that_ships_is_a_module_of_the_handlers(artifact: Artifact) -> None:
    with zipfile.ZipFile(artifact.code) as archive:
        shipped = {name for name in archive.namelist() if name.endswith(".py")}
    assert shipped == {path.relative_to(ROOT).as_posix() for path in (ROOT / "handlers").rglob("*.py")}


def test_no_start_reads_prose_or_endpoints_of_services_never_called(unpacked: Path) -> None:
    data = unpacked / "layer/python/botocore/data"
    assert '"documentation":"' not in "".join(path.read_text() for path in data.rglob("*.json"))
    assert not list(data.rglob("*.gz"))
    partitions = json.loads((data / "endpoints.json").read_text())["partitions"]
    assert set().union(*(partition["services"] for partition in partitions)) == set(slimming.BOTOCORE_SERVICES)


def test_layer_has_a_small_file_of_certificates(unpacked: Path) -> None:
    """`handlers.clients` uses it if it is there."""
    assert (unpacked / "layer/python" / AMAZON_ROOTS).read_text().count("BEGIN CERTIFICATE") == len(FINGERPRINTS)


def test_the_archives_fit_what_lambda_takes(artifact: Artifact) -> None:
    """50 MB for a direct upload, 250 MB unpacked; a fifth of it is where somebody should ask what has grown."""
    assert artifact.code.stat().st_size < 400_000
    assert artifact.layer.stat().st_size < 11_000_000


def test_licences_travel_with_the_packages(artifact: Artifact) -> None:
    with zipfile.ZipFile(artifact.layer) as archive:
        names = archive.namelist()
    packages = {name.split("/")[1] for name in names if ".dist-info/" in name}
    licensed = {name.split("/")[1] for name in names if ".dist-info/" in name and "licen" in name.lower()}
    locked = (ROOT / "handlers/requirements.txt").read_text(encoding="utf-8").count("==")
    assert len(packages) == locked
    assert licensed == packages
