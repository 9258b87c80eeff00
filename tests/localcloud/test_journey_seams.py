"""What became of each message of a batch, by what the function returned."""

import json
import subprocess
import sys
from typing import Any

import pytest

# In a process of its own, because importing ministack changes the process it is imported into.
PROGRAM = """
import json, sys
from ministack.services import lambda_svc
from localcloud.emulator import journey_seams
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.journeys import Journey
from localcloud.observatory.observatory import Observatory

result = None
def dispatch(func, config, event, request_id, started):
    return result
def run_batch(esm, func_rec, event, batch, queue_url, queue_name):
    lambda_svc._execute_function_dispatch(func_rec, func_rec["config"], event, "request", 0.0)
lambda_svc._execute_function_dispatch, lambda_svc._run_sqs_batch = dispatch, run_batch
observatory = Observatory(SteppedClock(0))
journey_seams.follow_messages(observatory)
function = {"config": {"FunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:handler:live", "Version": "7"}}
batch = [{"id": "m1"}, {"id": "m2"}]
found = []
for result in json.loads(sys.argv[1]):
    for message in batch:
        observatory.journeys.sent(Journey(message_id=message["id"], queue="q", sent_at=0, user_id=None, copy_of=None))
    lambda_svc._run_sqs_batch({"FunctionName": "handler"}, function, {}, batch, "url", "q")
    steps = [observatory.journeys.get(message["id"]).steps for message in batch]
    found.append([[[step.outcome, step.error, step.version, step.batch_size] for step in taken] for taken in steps])
print(json.dumps(found))
"""
FAILURES = {"batchItemFailures": [{"itemIdentifier": "m2"}]}
CASES: dict[str, tuple[dict[str, Any], list[str], str]] = {
    "all handled": ({"body": {"batchItemFailures": []}}, ["handled", "handled"], ""),
    "one returned": ({"body": FAILURES}, ["handled", "returned"], ""),
    "one returned, as text": ({"body": json.dumps(FAILURES)}, ["handled", "returned"], ""),
    "nothing that can be read": ({"body": "no JSON"}, ["handled", "handled"], ""),
    "failed": ({"error": True, "body": {"errorType": "KeyError"}}, ["failed", "failed"], "KeyError"),
}


@pytest.fixture(scope="module")
def found() -> dict[str, list[list[list[Any]]]]:
    results = json.dumps([result for result, *_ in CASES.values()])
    command = [sys.executable, "-c", PROGRAM, results]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return dict(zip(CASES, json.loads(ran.stdout), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_each_message_of_a_batch_has_its_own_outcome(found: dict[str, list[list[list[Any]]]], case: str):
    _, outcomes, error = CASES[case]
    assert found[case] == [[[outcome, error, "7", 2]] for outcome in outcomes]
