"""A call without botocore leaves the trace that the X-Ray SDK makes of botocore's calls."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from handlers.telemetry import Telemetry
from tests.fakes.aws import TABLE
from tests.fakes.checkout import ROOT
from tests.fakes.faulty_table import FaultyTable
from tests.handlers.support import Ours
from tests.handlers.traced_calls import CALLS

# Five answers, one of them an error; then two throttled attempts, a lost connection before a good answer, and a batch.
FAULTS = [None, None, None, None, "throttle", "throttle", "close before", None, None, None, None, None]
RUNS = ("ours", "theirs", "defective", "not sampled")


@dataclass
class Run:
    """What a run sent: the documents of its trace, and the trace headers and instants of its requests."""

    documents: list[Any] = field(default_factory=list)
    requests: list[tuple[str, float]] = field(default_factory=list)

    @property
    def calls(self) -> list[Any]:
        """The documents of its calls."""
        nested = [inner for document in self.documents for inner in document.get("subsegments", ())]
        return [document for document in [*self.documents, *nested] if document["name"] == "dynamodb"]


@pytest.fixture(scope="module")
def runs() -> dict[str, Run]:
    """All runs, one after the other in one process."""
    traces = {f"1-5759e988-{number:024x}": run for number, run in enumerate(RUNS)}
    arguments: list[str] = []
    for trace, run in traces.items():
        header = f"Root={trace};Parent=53995c3f42cd8ad8;Sampled={int(run != 'not sampled')}"
        arguments += [run if run in ("theirs", "defective") else "ours", header]
    with FaultyTable(TABLE) as table, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        table.faults.extend(FAULTS * len(RUNS))
        daemon.bind(("127.0.0.1", 0))
        daemon.setblocking(False)
        daemon.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**20)  # the documents of all runs wait there
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.devnull,
            **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_LAMBDA_FUNCTION_NAME"), "f"),
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{table.port}",
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "LAMBDA_TASK_ROOT": str(ROOT),
        }
        command = [sys.executable, "-m", "tests.handlers.traced_calls", TABLE, *arguments]
        subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
        found = {run: Run() for run in RUNS}
        for (_, headers), arrival in zip(table.requests, table.arrivals, strict=True):
            header = headers["x-amzn-trace-id"]
            found[traces[_part(header, "Root")]].requests.append((header, arrival))
        try:
            while True:
                document = json.loads(daemon.recv(65536).partition(b"\n")[2])
                found[traces[document["trace_id"]]].documents.append(document)
        except BlockingIOError:
            return found


def _part(header: str, name: str) -> str:
    return header.partition(f"{name}=")[2].partition(";")[0]


def shape(document: Any) -> Any:
    """A document without what differs between two runs; which fields there are stays."""
    if isinstance(document, list):
        return [shape(part) for part in document]
    if not isinstance(document, dict):
        return document
    varying = {"id", "parent_id", "trace_id", "start_time", "end_time", "stack", "working_directory"}
    return {name: type(value).__name__ if name in varying else shape(value) for name, value in document.items()}


def assert_documents_equal_those_of_the_sdk(ours: Run, theirs: Run) -> None:
    assert shape(ours.documents) == shape(theirs.documents)
    assert len(ours.calls) == CALLS
    assert {call["aws"]["operation"] for call in ours.calls} == {"GetItem", "BatchGetItem", "UpdateItem"}
    assert all(call["aws"]["request_id"] for call in ours.calls)


def assert_requests_belong_to_calls(ours: Run, _: Run) -> None:
    """The service continues the trace from the subsegment of the call, which began before the request came."""
    started = {call["id"]: call["start_time"] for call in ours.calls}
    parents = [(_part(header, "Parent"), arrival) for header, arrival in ours.requests]
    assert len(parents) == len(FAULTS)
    assert {parent for parent, _ in parents} == set(started)
    assert all(started[parent] <= arrival for parent, arrival in parents)


CHECKS = (assert_documents_equal_those_of_the_sdk, assert_requests_belong_to_calls)


@pytest.mark.parametrize("check", CHECKS)
def test_calls_are_traced_as_the_sdk_traces_those_of_botocore(
    runs: dict[str, Run], check: Callable[[Run, Run], None]
) -> None:
    check(runs["ours"], runs["theirs"])
    # Control: traces without the fields of the SDK, and of calls that begin when botocore takes over.
    with pytest.raises(AssertionError):
        check(runs["defective"], runs["theirs"])


def test_nothing_is_sent_of_a_trace_that_is_not_sampled(runs: dict[str, Run]) -> None:
    assert runs["not sampled"].documents == []
    assert len(runs["not sampled"].requests) == len(FAULTS)


def test_calls_are_not_traced_outside_lambda(ours: Ours, new_telemetry: Callable[[str], Telemetry]) -> None:
    client = ours()
    new_telemetry("query").trace_calls_of(client)
    assert client.traces is None
