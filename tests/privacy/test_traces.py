"""Traces of both functions stay connected whatever happens: every AWS call is under the step that made it."""

from collections import Counter

import pytest

from components.packaging.slimming import BOTOCORE_OPERATIONS
from handlers.vocabulary import Outcome
from tests.privacy.conftest import SIDETRACKED

STEPS = {"BatchGetItem": "read", "UpdateItem": "write", "SendMessageBatch": "quarantine", "GetItem": "## query"}
FUNCTIONS = {"event-handler": {"BatchGetItem", "UpdateItem", "SendMessageBatch"}, "query": {"GetItem"}}


def test_shipped_operation_models_are_the_called_operations():
    assert set().union(*FUNCTIONS.values()) == set().union(*BOTOCORE_OPERATIONS.values())


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
    assert {annotation["outcome"] for annotation in annotations} == {Outcome.SUCCESS, Outcome.INVALID, Outcome.ERROR}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_failed_call_keeps_its_exception_class_and_stack(run, function):
    causes = [segment["cause"] for segment in run(function).segments if "cause" in segment]
    exceptions = [exception for cause in causes for exception in cause["exceptions"]]
    assert exceptions
    assert all(exception["type"] and exception["stack"] for exception in exceptions)
