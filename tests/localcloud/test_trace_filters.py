"""Filter expressions of X-Ray: what each finds, and that nothing which is not understood is ignored."""

import json
from typing import Any

import pytest

from localcloud.deployer.recorder import Graph
from localcloud.observatory.clock import RealClock
from localcloud.observatory.traces.filters import DEPTH_MAX, LENGTH_MAX, read_filter
from localcloud.observatory.traces.store import TraceStore
from localcloud.observatory.traces.tokens import ExpressionError
from tests.fakes.segments import START, request, segment, span_id

GROUPS = {
    "slow": "responsetime > 0.5",
    "looped": 'group.name = "looped" AND ok',
    "both": 'group.name = "slow" OR fault',
}


def trace(name: str, *documents: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    trace_id = f"1-695b0f00-{name.encode().hex():0>24}"
    return trace_id, [document | {"trace_id": trace_id} for document in documents]


TRACES = dict(
    [
        trace("fast", *request(seconds=0.1)),
        trace("slow", *request(seconds=2)),
        trace("denied", *request(seconds=0.2, status=403)[1:2]),
        trace("busy", *request(seconds=0.2, status=429)[1:2]),
        trace("broken", segment(1, name="worker", origin="AWS::Lambda", fault=True, user="ada")),
        trace("partial", *request()[:1]),
        trace(
            "handled",
            segment(1, name="front", subsegments=[{
                "id": span_id(2), "name": "back", "namespace": "remote", "fault": True,
                "start_time": START, "end_time": START + 0.5,
            }]),
        ),
        trace("marked", segment(1, end_time=START + 0.2, annotations={"game-id": "x y", "age": 30, "new": True})),
    ]
)  # fmt: skip


def found(expression: str) -> set[str]:
    """The names of the traces that the expression finds."""
    kept, wanted, names = TraceStore(RealClock()), read_filter(expression, GROUPS), set[str]()
    for trace_id, documents in TRACES.items():
        for document in documents:
            assert kept.receive(json.dumps(document)) is None
        joined = kept.get(trace_id)
        assert joined
        if wanted(joined):
            names.add(bytes.fromhex(trace_id.rpartition("-")[2]).decode().strip("\0"))
    return names


EVERY = {"fast", "slow", "denied", "busy", "broken", "partial", "handled", "marked"}
THROUGH_API = {"fast", "slow", "denied", "busy"}


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("ok", EVERY - {"denied", "busy", "broken"}),
        ("!ok", {"denied", "busy", "broken"}),
        ("ok = false", {"denied", "busy", "broken"}),
        ('ok != "true"', {"denied", "busy", "broken"}),
        ("error", {"denied", "busy"}),
        ("throttle", {"busy"}),
        ("fault = true", {"broken"}),
        ("partial", {"partial"}),
        ("inferred", THROUGH_API | {"partial", "handled"}),
        ("responsetime > 1", {"slow"}),
        ("responseTime >= 1 AND responsetime < 1.5", {"broken", "partial", "handled"}),
        ("duration <= 0.1", {"fast"}),
        ("http.status = 403", {"denied"}),
        ("http.status != 200", {"denied", "busy"}),
        ("http.status", THROUGH_API),
        ('http.url CONTAINS "/v1/"', THROUGH_API),
        ('http.url BEGINSWITH "https://api" http.method = "GET" error', {"denied", "busy"}),
        ('http.url ENDSWITH "/y"', set()),
        ('user CONTAINS ""', {"broken"}),
        ('user = "ada" OR throttle', {"broken", "busy"}),
        ('service("users")', {"fast", "slow", "partial"}),
        ('service("query") { responsetime > 1 }', {"slow"}),
        ('service(id(name: "query", type: "AWS::Lambda"))', {"fast", "slow"}),
        ('service(id(type:"AWS::DynamoDB::Table"))', {"fast", "slow", "partial"}),
        ('service(id(name: "query", type: "x"))', set()),
        ("service() { fault }", {"broken", "handled"}),
        ('!service("api/v1") AND !annotation.age', {"broken", "partial", "handled"}),
        ('service("front") { root = true and ok }', {"handled"}),
        ('service() { name = "back" and type = "remote" }', {"handled"}),
        ('edge("front", "back")', {"handled"}),
        ('edge("front", "back") { ok }', set()),
        ('edge("query", id(name: "users", type: "AWS::DynamoDB::Table"))', {"fast", "slow"}),
        ('edge("users", "query")', set()),
        ("annotation.age > 29", {"marked"}),
        ("annotation.age > 30", set()),
        ("annotation.age = 30", {"marked"}),
        ('annotation[game-id] = "x y"', {"marked"}),
        ('annotation.game-id BEGINSWITH "x"', {"marked"}),
        ("annotation.new = true", {"marked"}),
        ("annotation.new != true", set()),
        ("annotation.age = true", set()),
        ('annotation.stack = "dev"', {"fast", "slow", "partial"}),
        ("annotation.size", {"fast", "slow", "partial"}),
        ('group.name = "slow"', {"slow", "broken", "partial", "handled"}),
        ('group.name = "both" AND !ok', {"broken"}),
        ("(ok OR fault) AND responsetime > 1", {"slow"}),
        ("ok OR fault AND responsetime > 1", EVERY - {"denied", "busy", "broken"}),
        ("!(ok OR error)", {"broken"}),
        ('service("a\\"b")', set()),
    ],
)
def test_expression_finds(expression: str, names: set[str]):
    assert found(expression) == names


@pytest.mark.parametrize(
    "expression",
    [
        "rootcause.fault.service { name = \"a\" }", "rootcause.json = #[]", "first", "last", "remote", "index > 5",
        "coverage > 0.7", 'message = "m"', 'name = "a"', "colour", "", " ", "ok ok)", "(ok", "ok AND", "OR ok", "!",
        "!!",
        "responsetime >", "responsetime > fast", 'responsetime > "5"', "responsetime CONTAINS 5", "http.url > 5",
        'http.url = 5', "user = ada", "service", "service(", 'service("a") {', 'service("a") { }', "service(5)",
        'service(id(size: "x"))', 'service(id(name: "a", account.id: "1"))', 'service("a") { annotation.b }',
        'service("a") { service("b") }', 'edge("a")', "annotation", "annotation.", "annotation[]", "annotation.a >",
        'annotation.a > "5"', 'group.name = "absent"', "group.name", 'group.name = "looped"', "ok = maybe",
        "ok # fault",
        '"text"', "5", "ok; fault", "duration > 5s", "duration > 5 seconds",
        "(" * (DEPTH_MAX + 1) + "ok" + ")" * (DEPTH_MAX + 1),
        "!" * (DEPTH_MAX + 1) + "ok", "ok " * LENGTH_MAX, 'json = "x"', "ok\x00",
    ],
)  # fmt: skip
def test_what_is_not_understood_is_rejected(expression: str):
    with pytest.raises(ExpressionError):
        read_filter(expression, GROUPS)


def test_filter_of_the_programs_group_is_understood(dev_graph: Graph):
    [group] = dev_graph.of_type("aws:xray/group:Group")
    expression = group.inputs["filterExpression"]
    own = expression.replace("event-processing-dev-api/v1", "api/v1").replace(
        "event-processing-dev-event-handler", "worker"
    )
    assert own != expression
    assert {"denied", "busy", "broken", "slow"} <= found(own) <= {"denied", "busy", "broken", "slow"}
