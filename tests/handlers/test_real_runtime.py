"""What is deployed runs under Lambda's own runtime client, which sees nothing of this machine's packages."""

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import workload
from benchmarks.functions import OURS, QUERY, ROOT, installed, unpacked
from benchmarks.runtime import RUNTIME_CLIENT, Environment, NotStartedError, start_environment
from benchmarks.table_server import TableServer
from components.packaging.artifact import Target, build_artifact
from tests.fakes.waiting import HANG_SECONDS


@pytest.fixture(scope="module")
def server() -> Iterator[TableServer]:
    with TableServer() as server:
        yield server


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Code, layer and runtime client."""
    scratch = tmp_path_factory.mktemp("deployed")
    artifact = unpacked(build_artifact(ROOT, Target.host()), scratch)
    return artifact + installed(scratch / "runtime", RUNTIME_CLIENT)


@pytest.fixture(scope="module")
def event_handler(server: TableServer, deployed: list[Path]) -> Iterator[Environment]:
    with start_environment(f"{OURS}.handler", server, deployed) as started:
        yield started


def invoke(environment: Environment, event: Any) -> Any:
    """The result of an invocation that ends well."""
    answer = environment.invoke(event, timeout=HANG_SECONDS)
    assert answer is not None
    assert answer.error is None
    return answer.result


def test_batch_is_stored(event_handler: Environment, server: TableServer):
    server.requests.clear()
    assert invoke(event_handler, workload.batch(1, 10)) == {"batchItemFailures": []}
    assert server.requests == {"BatchGetItem": 1, "UpdateItem": 8}


def test_batch_of_which_nothing_is_stored_fails_and_the_next_one_succeeds(
    event_handler: Environment, server: TableServer
):
    server.rejects = "AccessDeniedException"
    failed = event_handler.invoke(workload.batch(2, 10), timeout=HANG_SECONDS)
    server.rejects = None
    assert failed is not None
    assert failed.error is not None
    assert failed.error["errorType"] == "BatchFailedError"
    assert failed.error["errorMessage"].startswith("10 of 10 messages failed for a temporary reason")
    assert invoke(event_handler, workload.batch(2, 10)) == {"batchItemFailures": []}


# The event handler with a defect in what writes a batch together.
DEFECTIVE = """
from handlers import event_handler, store

def fail(*_):
    raise RuntimeError("a text")

store.UserRecordStore._write_together = fail
handler = event_handler.handler
"""


@pytest.mark.parametrize(("module", "is_logged"), [("defective", True), (OURS, False)], ids=["defect", "control"])
def test_defect_in_writing_together_is_logged_and_loses_nothing(
    server: TableServer, deployed: list[Path], tmp_path: Path, module: str, is_logged: bool
):
    (tmp_path / "defective.py").write_text(DEFECTIVE)
    task, *others = deployed
    with (
        (tmp_path / "log").open("w+") as log,
        start_environment(f"{module}.handler", server, [task, *others, tmp_path], log=log) as environment,
    ):
        server.requests.clear()
        assert invoke(environment, workload.batch(3 + is_logged, 10)) == {"batchItemFailures": []}
        environment.wait_until_ready()
        written = (tmp_path / "log").read_text()
    assert server.requests["UpdateItem"] == 8
    assert ("writing together failed" in written and '"RuntimeError"' in written) == is_logged
    assert "a text" not in written


def test_query_is_answered_and_one_that_exceeds_its_time_ends_the_environment(
    server: TableServer, deployed: list[Path]
):
    with start_environment(f"{QUERY}.handler", server, deployed) as environment:
        assert invoke(environment, workload.query(1))["statusCode"] == 200
        server.latency_seconds = HANG_SECONDS
        assert environment.invoke(workload.query(2), timeout=0.1) is None
        server.latency_seconds = 0.0
        assert not environment.wait_until_ready()


def test_control_module_that_is_not_deployed_fails_the_start(server: TableServer, deployed: list[Path], tmp_path: Path):
    task, *others = deployed
    incomplete = tmp_path / "task"
    shutil.copytree(task, incomplete, ignore=shutil.ignore_patterns("fold.*"))
    with (
        pytest.raises(NotStartedError, match=r"Runtime\.ImportModuleError: .*handlers\.fold"),
        start_environment(f"{OURS}.handler", server, [incomplete, *others]),
    ):
        pass


def test_package_of_this_machine_is_not_found(server: TableServer, deployed: list[Path], tmp_path: Path):
    (tmp_path / "leaking.py").write_text("import pytest\n")
    with (
        pytest.raises(NotStartedError, match=r"Runtime\.ImportModuleError: .*'pytest'"),
        start_environment("leaking.handler", server, [tmp_path, deployed[-1]]),
    ):
        pass


# A function with an extension inside its process, which is how a function comes to know of its end.
WITH_EXTENSION = """
import http.client, json, os, signal, threading

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def register(events):
    body, headers = json.dumps({"events": events}), {"Lambda-Extension-Name": "own"}
    api.request("POST", "/2020-01-01/extension/register", body, headers)
    response = api.getresponse()
    response.read()
    return response.status, response.headers["Lambda-Extension-Identifier"]

def wait():
    api.request("GET", "/2020-01-01/extension/event/next", headers={"Lambda-Extension-Identifier": identifier})
    api.getresponse().read()

rejected, _ = register(["SHUTDOWN"])
registered, identifier = register([])
threading.Thread(target=wait, daemon=True).start()
# Not sys.exit, which waits for the thread that waits for the next invocation.
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))

def handler(event, context):
    return [rejected, registered, context.get_remaining_time_in_millis() > 0]
"""


def test_function_with_an_extension_is_told_to_end(server: TableServer, deployed: list[Path], tmp_path: Path):
    (tmp_path / "extended.py").write_text(WITH_EXTENSION)
    with start_environment("extended.handler", server, [tmp_path, deployed[-1]]) as environment:
        # An extension inside the runtime may not ask for the event SHUTDOWN.
        assert invoke(environment, {}) == [403, 200, True]
        environment.wait_until_ready()
        assert environment.stop(HANG_SECONDS) == 7


def test_function_without_an_extension_is_killed(server: TableServer, deployed: list[Path], tmp_path: Path):
    (tmp_path / "plain.py").write_text("import signal, sys\nsignal.signal(15, sys.exit)\ndef handler(*_): return 1\n")
    with start_environment("plain.handler", server, [tmp_path, deployed[-1]]) as environment:
        assert invoke(environment, {}) == 1
        assert environment.stop() == -signal.SIGKILL


# Answers as a function does, and says which modules are loaded then.
LOOKING = """
import importlib, sys

function = importlib.import_module({module!r})

def handler(event, context):
    return {{"result": function.handler(event, context), "modules": sorted(sys.modules)}}
"""
EVERY_FUNCTION = {
    *(
        "",
        ".answers",
        ".call_traces",
        ".clients",
        ".cold_start",
        ".connections",
        ".dynamodb_requests",
        ".ending",
        ".exchanges",
        ".known_requests",
    ),
    *(".logins", ".messages", ".metrics", ".prepared_requests", ".settings", ".signing", ".store", ".stored"),
    *(".telemetry", ".vocabulary"),
}
OWN = {QUERY: {".query"}, OURS: {".event_handler", ".fold", ".quarantine", ".batches"}}
# What the store has to know of an exception that has happened.
EXCEPTIONS_OF_BOTOCORE = {"botocore", "botocore.exceptions"}
NOT_LOADED = {"boto3", "urllib3", "dateutil", "asyncio", "html", "subprocess", "urllib.request", "xml"}


def loaded(environment: Environment, event: Any) -> set[str]:
    return set(invoke(environment, event)["modules"])


def of_botocore(modules: set[str]) -> set[str]:
    # Of an older version of another package, which it contains, botocore loads the exceptions.
    return {name for name in modules if name.split(".")[0] == "botocore" and "vendored" not in name}


@pytest.mark.parametrize("function", [QUERY, OURS])
def test_start_loads_what_a_good_answer_needs_and_the_first_failure_loads_botocore(
    server: TableServer, deployed: list[Path], tmp_path: Path, function: str
):
    (tmp_path / "looking.py").write_text(LOOKING.format(module=function))
    events = iter([workload.query(number) if function == QUERY else workload.batch(number, 1) for number in range(3)])
    with (
        (tmp_path / "log").open("w+") as log,
        start_environment("looking.handler", server, [tmp_path, *deployed], log=log) as environment,
    ):
        modules = loaded(environment, next(events))
        handlers = {name.removeprefix("handlers") for name in modules if name.split(".")[0] == "handlers"}
        assert handlers == EVERY_FUNCTION | OWN[function]
        assert of_botocore(modules) == EXCEPTIONS_OF_BOTOCORE
        assert not modules & NOT_LOADED
        server.rejects = "ThrottlingException"
        requests = server.requests.total()
        try:
            environment.invoke(next(events), timeout=HANG_SECONDS)
        finally:
            server.rejects = None
        # Both attempts were made, and the error is that of the table.
        assert server.requests.total() == requests + 2
        assert '"error_code":"ThrottlingException"' in (tmp_path / "log").read_text()
        # Its calls are traced as the SDK does it: the patch is applied when botocore is loaded.
        modules = loaded(environment, next(events))
        assert modules >= {"handlers.replay", "botocore.client", "urllib3", "aws_xray_sdk.ext.botocore"}
