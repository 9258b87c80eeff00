"""Traces of both functions stay connected whatever happens: every AWS call is under the step that made it."""

from collections import Counter

import pytest

from components.packaging.slimming import BOTOCORE_OPERATIONS
from handlers.vocabulary import Outcome
from tests.privacy.conftest import LOUD_AND_OPEN, SIDETRACKED

STEPS = {"BatchGetItem": "read", "UpdateItem": "write", "SendMessageBatch": "quarantine", "GetItem": "## query"}
FUNCTIONS = {"event-handler": {"BatchGetItem", "UpdateItem", "SendMessageBatch"}, "query": {"GetItem"}}

# tests/handlers/test_probe.py runs the probe.
OF_THE_PROBE = {"SendMessage", "GetParameter"}


def test_shipped_operation_models_are_the_called_operations():
    assert set().union(*FUNCTIONS.values(), OF_THE_PROBE) == set().union(*BOTOCORE_OPERATIONS.values())


def name_of(segment):
    return segment.get("aws", {}).get("operation") or segment["name"]


def parents(seen):
    """How often each name was traced under each parent, on success and on failure."""
    names = {segment["id"]: name_of(segment) for segment in seen.segments}
    return Counter(
        (names.get(segment["parent_id"], "-"), name_of(segment), "fault" in segment or "error" in segment)
        for segment in seen.segments
    )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_call_is_under_its_step_on_success_and_on_failure(run, function):
    found = parents(run(function))
    for operation in FUNCTIONS[function]:
        for failed in (False, True):
            assert found[STEPS[operation], operation, failed], (operation, failed)
    root = f"## {function}"
    allowed = {(STEPS[operation], operation) for operation in FUNCTIONS[function]} | {("-", root)}
    if function == "event-handler":
        steps = {(root, step) for step in ("decode", "read", "write", "quarantine")}
        assert steps <= {(parent, name) for parent, name, _ in found}
        allowed |= steps
    assert {(parent, name) for parent, name, _ in found} == allowed
    assert found["-", root, False]


def invocations_without_trace(seen):
    roots = [segment for segment in seen.segments if segment["name"].startswith("## ")]
    return seen.calls - len(roots)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_invocation_has_a_trace(run, function):
    assert invocations_without_trace(run(function)) == 0


def test_write_that_still_runs_at_the_deadline_ends_as_a_fault_with_its_step(run):
    """The SDK sends every other subsegment alone, when it ends."""
    given_up = [(step["name"], call) for step in run("event-handler").segments for call in step.get("subsegments", ())]
    assert [(step, call["name"], call["fault"], call["in_progress"]) for step, call in given_up] == [
        ("write", "dynamodb", True, False)
    ]


def test_control_running_call_that_is_left_open_loses_the_trace(run):
    assert invocations_without_trace(run("event-handler", *LOUD_AND_OPEN)) == 1


def test_control_writes_without_their_step_are_caught(run):
    found = parents(run("event-handler", *SIDETRACKED))
    assert not any(parent == "write" for parent, _, _ in found)
    assert any(name == "UpdateItem" for _, name, _ in found)


def test_batch_is_annotated_with_its_outcome(run):
    roots = [segment for segment in run("event-handler").segments if segment["name"] == "## event-handler"]
    for segment in roots:
        # An event that is no batch has no size.
        assert set(segment["annotations"]) - {"batch_size"} == {"stack", "outcome"}
        assert segment["annotations"]["stack"] == "dev"
        fault = segment["annotations"]["outcome"] in (Outcome.FAILED, Outcome.ERROR)
        assert bool(segment.get("fault")) is fault
    outcomes = {segment["annotations"]["outcome"] for segment in roots}
    assert outcomes == {Outcome.SUCCESS, Outcome.PARTIAL, Outcome.FAILED, Outcome.ERROR}
    sizes = Counter(segment["annotations"].get("batch_size") for segment in roots)
    assert sizes[None] == 1
    assert {1, 2, 3} <= set(sizes)


def test_query_is_annotated_with_its_outcome(run):
    roots = [segment for segment in run("query").segments if segment["name"] == "## query"]
    annotations = [segment["annotations"] for segment in roots]
    assert all(set(annotation) == {"stack", "outcome"} for annotation in annotations)
    outcomes = {annotation["outcome"] for annotation in annotations}
    assert outcomes == {Outcome.SUCCESS, Outcome.PARTIAL, Outcome.INVALID, Outcome.ERROR}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_failed_call_keeps_its_exception_class_and_stack(run, function):
    causes = [segment["cause"] for segment in run(function).segments if "cause" in segment]
    exceptions = [exception for cause in causes for exception in cause["exceptions"]]
    assert exceptions
    assert all(exception["type"] and exception["stack"] for exception in exceptions)
