"""The console's views of traces over HTTP: filters, map, waterfall, links, and hostile documents."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from localcloud.console import traces
from localcloud.console.console import Console
from localcloud.console.trace_map import map_of
from localcloud.console.traces import LINKED_SHOWN, TRACES_SHOWN
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.journeys import Handover, Journey, Outcome
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.traces.graph import service_graph
from localcloud.observatory.traces.store import TraceStore
from tests.fakes.consoles import ask
from tests.fakes.segments import START, TRACE_ID, request, segment, span_id

HOSTILE = "<script>alert(1)</script>"
NAMES = {"fast": 1, "slow": 2, "denied": 3, "broken": 4}
IDS = {name: f"1-695b0f00-{number:024x}" for name, number in NAMES.items()}


@pytest.fixture
def observatory() -> Observatory:
    observatory = Observatory(SteppedClock(START + 60))
    observatory.traces = TraceStore(Still())
    observatory.trace_groups = lambda: {"slow": "responsetime > 1"}
    put(observatory, *request(IDS["fast"], seconds=0.1))
    put(observatory, *request(IDS["slow"], seconds=2, at=START + 10))
    put(observatory, *request(IDS["denied"], status=403, at=START + 20)[1:2])
    put(observatory, segment(1, IDS["broken"], name="worker", origin="AWS::Lambda", fault=True, start_time=START + 30))
    return observatory


class Still:
    """A clock of a cloud whose time is that of the documents."""

    def now(self) -> float:
        return START + 60

    def when_here_was(self, seconds: float) -> float:
        return seconds


def put(observatory: Observatory, *documents: dict[str, Any]) -> None:
    for document in documents:
        assert observatory.traces.receive(json.dumps(document)) is None


def read(observatory: Observatory, path: str = "/traces", **given: object) -> Any:
    found = ask(Console(observatory), f"{path}?{urlencode(given)}")
    assert found.status == 200, found.body
    return found.json()


def names(found: Any) -> list[str]:
    by_id = {trace_id: name for name, trace_id in IDS.items()}
    return [by_id[trace["id"]] for trace in found["traces"]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["broken", "denied", "slow", "fast"]),
        ({"result": "fault"}, ["broken"]),
        ({"result": "error"}, ["denied"]),
        ({"result": "ok", "over": "1000"}, ["slow"]),
        ({"service": "users"}, ["slow", "fast"]),
        ({"service": 'a"b'}, []),
        ({"annotation": "stack"}, ["slow", "fast"]),
        ({"annotation": "size = 3"}, ["slow", "fast"]),
        ({"annotation": "stack=prod"}, []),
        ({"text": "GETITEM"}, ["slow", "fast"]),
        ({"text": IDS["denied"]}, ["denied"]),
        ({"filter": "fault OR error"}, ["broken", "denied"]),
        ({"filter": 'group.name = "slow"', "result": "ok"}, ["slow"]),
        ({"filter": "fault OR ok", "result": "ok"}, ["slow", "fast"]),
        ({"range": "PT15M"}, ["broken", "denied", "slow", "fast"]),
        ({"end": "2026-01-01T00:00:15Z"}, ["slow", "fast"]),
    ],
)
def test_filters_apply_together(observatory: Observatory, given: dict[str, str], expected: list[str]):
    found = read(observatory, **given)
    assert (names(found), found["count"], found["problem"]) == (expected, len(expected), None)


def test_map_is_of_the_traces_that_are_found(observatory: Observatory):
    assert [node["name"] for node in read(observatory, result="fault")["map"]["nodes"]] == ["worker", "worker"]
    found = read(observatory, service="users")["map"]
    places = {(node["name"], node["type"]): node["column"] for node in found["nodes"]}
    assert places["api/v1", "client"] == 0
    assert places["users", "AWS::DynamoDB::Table"] == 4
    assert [edge["total"] for edge in found["edges"]] == [2, 2, 2, 2]


def test_services_that_call_each_other_have_a_place(observatory: Observatory):
    first = {"id": span_id(2), "name": "b", "namespace": "remote", "start_time": START, "end_time": START + 1}
    put(observatory, segment(1, name="a", subsegments=[first]))
    put(observatory, segment(3, name="b", parent_id=span_id(2), subsegments=[first | {"id": span_id(4), "name": "a"}]))
    put(observatory, segment(5, name="a", parent_id=span_id(4)))
    trace = observatory.traces.get(TRACE_ID)
    assert trace
    nodes = map_of(service_graph([trace]))["nodes"]
    assert {node["name"] for node in nodes} == {"a", "b"}
    assert len({(node["column"], node["row"]) for node in nodes}) == len(nodes)


def test_filter_that_is_not_understood_is_said_and_finds_nothing(observatory: Observatory):
    for given in ({"filter": "colour"}, {"filter": "ok) OR (fault"}, {"annotation": "a]b"}):
        found = read(observatory, **given)
        assert (found["traces"], found["total"], bool(found["problem"])) == ([], 4, True)


@pytest.mark.parametrize(
    "given",
    [
        {"result": "x"},
        {"range": "P9999D"},
        {"end": "now"},
        {"unknown": "1"},
    ],
)
def test_malformed_parameter_is_rejected(observatory: Observatory, given: dict[str, str]):
    assert ask(Console(observatory), f"/traces?{urlencode(given)}").status == 400


@pytest.mark.parametrize("over", ["-1", "1e9", "\u0661", "soon"])
def test_malformed_duration_is_said_beside_the_filters(observatory: Observatory, over: str):
    found = read(observatory, over=over)
    assert (found["problem"], found["traces"]) == ("A duration is a number of milliseconds.", [])


def test_waterfall_leads_from_the_call_to_what_was_called(observatory: Observatory):
    found = read(observatory, "/trace", id=IDS["slow"])
    assert [(span["depth"], span["name"], span["isSegment"]) for span in found["spans"]] == [
        (0, "api/v1", True),
        (1, "Lambda", False),
        (2, "query", True),
        (3, "query", True),
        (4, "Invocation", False),
        (5, "## query", False),
        (6, "dynamodb", False),
        (7, "users", True),
    ]
    assert found["spans"][5]["annotations"] == {"stack": '"dev"', "size": "3"}
    assert (found["spans"][0]["offset"], found["spans"][0]["milliseconds"]) == (0, 2000)


def test_linked_traces_are_shown_from_both_ends(observatory: Observatory):
    link = {"trace_id": IDS["fast"], "id": span_id(1)}
    for number in range(LINKED_SHOWN + 2):
        put(observatory, segment(9, f"1-695b0f00-{100 + number:024x}", name="batch", links=[link]))
    found = read(observatory, "/trace", id=IDS["fast"])
    assert [(other["relation"], len(other["spans"])) for other in found["linked"]] == [("batch", 1)] * LINKED_SHOWN
    assert found["notShown"] == 2
    [sender] = read(observatory, "/trace", id=f"1-695b0f00-{100:024x}")["linked"]
    assert (sender["relation"], sender["id"], len(sender["spans"])) == ("sender", IDS["fast"], 8)
    put(observatory, segment(9, f"1-695b0f00-{99:024x}", links=[{"trace_id": TRACE_ID, "id": span_id(1)}]))
    [absent] = read(observatory, "/trace", id=f"1-695b0f00-{99:024x}")["linked"]
    assert absent["spans"] is None


def test_newest_traces_are_listed(observatory: Observatory, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(traces, "MAPPED_MAX", 50)
    for number in range(TRACES_SHOWN):
        put(observatory, segment(1, f"1-695b0f00-{1000 + number:024x}", start_time=START + 40))
    found = read(observatory)
    assert (len(found["traces"]), found["count"]) == (TRACES_SHOWN, TRACES_SHOWN + 4)
    assert (found["mapped"], found["map"]["nodes"][0]["total"]) == (50, 50)


@pytest.mark.parametrize("trace_id", ["", "x", TRACE_ID, HOSTILE])
def test_absent_trace_is_said(observatory: Observatory, trace_id: str):
    found = ask(Console(observatory), f"/trace?{urlencode({'id': trace_id})}")
    assert (found.status, "not sampled" in found.json()["error"]) == (404, True)


@pytest.mark.parametrize(
    "more",
    [
        {"name": HOSTILE, "annotations": {HOSTILE: HOSTILE}},
        {"cause": "0123456789abcdef"}, {"cause": {"exceptions": [5, {"type": 5, "stack": [5, {"path": None}]}]}},
        {"cause": {}}, {"aws": {"request_id": 5, "api_gateway": 5, "resource_names": "x", "operation": {}}},
        {"http": {"request": {"url": "https://[", "method": []}, "response": {"status": "x"}}},
        {"links": [{}, {"trace_id": 5}]},
        {"metadata": {"a": [[[]]]}}, {"aws": {"table_names": 5, "queue_url": 5}, "namespace": "aws"},
        {"subsegments": [{"id": span_id(8), "name": "sqs", "namespace": "aws", "start_time": START, "end_time": START,
                          "aws": {"queue_url": 5, "table_name": []}}]},
    ],
)  # fmt: skip
def test_hostile_document_is_shown_as_data(observatory: Observatory, more: dict[str, Any]):
    put(observatory, segment(1, **more))
    assert TRACE_ID in {trace["id"] for trace in read(observatory)["traces"]}
    assert read(observatory, "/trace", id=TRACE_ID)["spans"]
    answer = ask(Console(observatory), f"/trace?id={TRACE_ID}")
    assert answer.headers["content-type"] == "application/json"


def test_followed_event_leads_to_the_trace_of_its_invocation_if_there_is_one(observatory: Observatory):
    lambda_of = {"origin": "AWS::Lambda", "aws": {"request_id": "traced"}}
    # A segment that only mentions the request is not of its invocation.
    mentioning = {"origin": "AWS::ApiGateway::Stage", "aws": {"request_id": "mentioned", "caller": "traced"}}
    put(observatory, segment(1, IDS["fast"], **lambda_of), segment(1, IDS["slow"], **mentioning))
    observatory.journeys.sent(Journey(message_id="m", queue="events", sent_at=START, user_id=None, copy_of=None))
    for request_id in ("traced", "mentioned", ""):
        step = Handover(
            at=START, seconds=1, function="f", version="1", request_id=request_id, batch_size=1, outcome=Outcome.HANDLED
        )
        observatory.journeys.happened(["m"], step)
    steps = read(observatory, "/journey", name="m")["steps"]
    assert [step["trace"] for step in steps] == [IDS["fast"], None, None]
