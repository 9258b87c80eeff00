"""A call without botocore leaves the trace that the X-Ray SDK makes of botocore's calls."""

import json
import os
import socket
import subprocess
import sys
from typing import Any

import pytest

from tests.fakes.aws import TABLE
from tests.fakes.checkout import ROOT
from tests.fakes.faulty_table import FaultyTable

TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled={}"
# Five answers, one of them an error; then two throttled attempts, and a stall before a good answer.
FAULTS = [None, None, None, None, "throttle", "throttle", "stall"]


def sent(which: str, *, sampled: bool, disabled: bool = False) -> tuple[list[Any], list[str | None]]:
    """The documents a run sends, and the trace headers of its requests."""
    with FaultyTable(TABLE) as table, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        table.faults.extend(FAULTS)
        daemon.bind(("127.0.0.1", 0))
        daemon.setblocking(False)
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.devnull,
            **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_LAMBDA_FUNCTION_NAME"), "f"),
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{table.port}",
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "_X_AMZN_TRACE_ID": TRACE.format(int(sampled)),
            **({} if disabled else {"LAMBDA_TASK_ROOT": str(ROOT)}),
        }
        command = [sys.executable, "-m", "tests.handlers.traced_calls", which, TABLE]
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
        documents = []
        try:
            while True:
                documents.append(json.loads(daemon.recv(65536).partition(b"\n")[2]))
        except BlockingIOError:
            return documents, [headers.get("x-amzn-trace-id") for _, headers in table.requests]


def shape(document: Any) -> Any:
    """A document without what differs between two runs; which fields there are stays."""
    if isinstance(document, list):
        return [shape(part) for part in document]
    if not isinstance(document, dict):
        return document
    varying = {"id", "parent_id", "start_time", "end_time", "stack", "working_directory"}
    return {name: type(value).__name__ if name in varying else shape(value) for name, value in document.items()}


def test_subsegments_equal_those_of_the_sdk_field_by_field() -> None:
    ours, headers = sent("ours", sampled=True)
    theirs, _ = sent("botocore", sampled=True)
    assert shape(ours) == shape(theirs)
    calls = [document for document in ours if document["name"] == "dynamodb"]
    calls += [nested for document in ours for nested in document.get("subsegments", ())]
    assert len(calls) == 6
    assert {call["aws"]["operation"] for call in calls} == {"GetItem", "BatchGetItem", "UpdateItem"}
    # A call that botocore ended began with our attempt: the stall is in its time.
    assert max(call["end_time"] - call["start_time"] for call in calls) > 0.9
    # The service continues the trace from the subsegment of the call.
    parents = {str(header).partition("Parent=")[2].partition(";")[0] for header in headers}
    assert {call["id"] for call in calls} == parents


@pytest.mark.parametrize("off", [{"sampled": False}, {"sampled": True, "disabled": True}], ids=["not sampled", "off"])
def test_without_a_sampled_trace_nothing_is_sent(off: dict[str, bool]) -> None:
    documents, headers = sent("ours", **off)
    assert documents == []
    assert all(headers)
