"""Traces: which documents are kept, how they are joined, and which requests are sampled."""

import json
import time
from typing import Any

import pytest

from localcloud.observatory.clock import RealClock, SteppedClock
from localcloud.observatory.traces import daemon, store
from localcloud.observatory.traces.documents import BYTES_MAX, DEPTH_MAX
from localcloud.observatory.traces.headers import TraceHeader, new_span_id, new_trace_id
from localcloud.observatory.traces.joined import JoinedTrace
from localcloud.observatory.traces.sampling import DEFAULT_RULE, Described, Reservoir, Rule, Sampling
from localcloud.observatory.traces.segments import LINKS_MAX, Invocation, StageRequest
from localcloud.observatory.traces.store import TraceStore
from tests.fakes.segments import START, TRACE_ID, datagram, request, segment, span_id, subsegment


@pytest.fixture
def kept() -> TraceStore:
    return TraceStore(RealClock())


def joined(kept: TraceStore, *documents: dict[str, Any]) -> JoinedTrace:
    for document in documents:
        assert kept.receive(json.dumps(document)) is None
    found = kept.get(documents[0]["trace_id"])
    assert found
    return found


def nested(depth: int) -> dict[str, Any]:
    found: dict[str, Any] = segment(99)
    for number in range(depth):
        found = segment(number + 100, subsegments=[found])
    return found


# Documents


@pytest.mark.parametrize(
    "document",
    [
        *(segment() | {key: value} for key, value in [
            ("id", "x"), ("id", None), ("id", "0123456789ABCDEF"), ("trace_id", "1-x"), ("trace_id", None),
            ("name", ""), ("name", "n" * 201), ("name", 5), ("start_time", "now"), ("start_time", True),
            ("start_time", float("nan")), ("start_time", float("inf")), ("end_time", None), ("end_time", -1),
            ("parent_id", "x"), ("type", "segment"), ("type", "subsegment"), ("annotations", []),
            ("annotations", {"a": {}}), ("aws", 1), ("http", {"response": 5}), ("fault", "true"),
            ("subsegments", {}), ("subsegments", [5]), ("subsegments", [{}]), ("links", [1]), ("origin", 5),
        ]),
        nested(DEPTH_MAX + 1), [], 5, None, "text",
    ],
)  # fmt: skip
def test_malformed_document_is_counted_and_dropped(kept: TraceStore, document: object):
    daemon.receive(kept, datagram(document))
    assert (kept.counts.kept, kept.counts.rejected, kept.get(TRACE_ID)) == (0, 1, None)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\n", b"{}", b"\xff\xfe\n{}", b'{"format":"json","version":1}', b'{"format":"json","version":1}\n',
        b'{"format":"json","version":2}\n' + json.dumps(segment()).encode(), json.dumps(segment()).encode(),
        b'{"format":"json","version":1}\n{"id":', b'{"format":"json","version":1}\n' + b"[" * 40_000,
        datagram(segment(metadata={"m": "x" * BYTES_MAX})),
    ],
)  # fmt: skip
def test_datagram_that_is_none_of_the_protocol_is_counted_and_dropped(kept: TraceStore, text: bytes):
    daemon.receive(kept, text)
    assert (kept.counts.kept, kept.counts.rejected) == (0, 1)


@pytest.mark.parametrize("document", [segment(), segment(end_time=None, in_progress=True), nested(3)])
def test_well_formed_document_is_kept(kept: TraceStore, document: dict[str, Any]):
    """The control of both."""
    daemon.receive(kept, datagram({name: value for name, value in document.items() if value is not None}))
    assert (kept.counts.kept, kept.counts.rejected) == (1, 0)


def test_daemon_takes_another_port_if_its_own_is_taken(kept: TraceStore):
    with daemon.bind(0) as taken, daemon.bind(taken.getsockname()[1]) as found:
        assert found.getsockname() != taken.getsockname()
        for text in (datagram(segment()), b"nonsense"):
            taken.sendto(text, found.getsockname())
            daemon.receive(kept, found.recv(daemon.DATAGRAM_MAX))
    assert (kept.counts.kept, kept.counts.rejected) == (1, 1)


# Limits


def test_newest_traces_are_kept():
    kept = TraceStore(RealClock(), traces_max=3)
    ids = [f"1-695b0f00-{number:024x}" for number in range(5)]
    for trace_id in ids:
        kept.put(segment(trace=trace_id))
    assert [trace_id for trace_id in ids if kept.get(trace_id)] == ids[2:]
    assert kept.counts.dropped_traces == 2


def test_size_of_all_traces_is_limited():
    kept = TraceStore(RealClock(), bytes_max=10_000)
    for number in range(50):
        kept.put(segment(trace=f"1-695b0f00-{number:024x}", metadata={"m": "x" * 1_000}))
    assert 5_000 < kept.size <= 10_000
    assert kept.counts.dropped_traces > 40


def test_size_of_a_trace_is_limited_and_said(kept: TraceStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "TRACE_BYTES_MAX", 1_000)
    assert kept.put(segment(1))
    assert not kept.put(segment(2, metadata={"m": "x" * 1_000}))
    found = kept.get(TRACE_ID)
    assert found
    assert (found.limit_exceeded, len(found.segments)) == (True, 1)


def test_segment_in_progress_is_replaced_by_its_end(kept: TraceStore):
    running = {name: value for name, value in segment(in_progress=True).items() if name != "end_time"}
    assert joined(kept, running).is_partial
    found = joined(kept, segment())
    assert (found.is_partial, len(found.segments), found.duration, found.revision) == (False, 1, 1, 2)


def test_times_are_those_of_the_cloud_and_durations_those_of_the_machine():
    clock = SteppedClock(START)
    clock.advance(3_600)
    kept = TraceStore(clock)
    here = time.time()
    found = joined(kept, segment(start_time=here, end_time=here + 0.25))
    assert found.start == START + 3_600
    assert found.duration == pytest.approx(0.25)
    assert kept.between(START + 3_600, START + 3_601) == [found]
    assert kept.between(START, START + 3_600) == []


# Joining


def test_subsegments_of_the_daemon_are_joined_under_the_invocation_in_any_order(kept: TraceStore):
    for number, order in enumerate((request(), request()[::-1])):
        trace_id = f"1-695b0f00-{number:024x}"
        found = joined(kept, *({**document, "trace_id": trace_id} for document in order))
        named = {found_segment.service: found_segment for found_segment in found.segments}
        assert set(named) == {
            ("api/v1", "AWS::ApiGateway::Stage"),
            ("query", "AWS::Lambda"),
            ("query", "AWS::Lambda::Function"),
            ("users", "AWS::DynamoDB::Table"),
        }
        [invocation] = named["query", "AWS::Lambda::Function"].children
        assert [child.name for child in invocation.children] == ["## query"]
        assert found.parents == {span_id(3): span_id(1), span_id(4): span_id(3)} | {
            named["users", "AWS::DynamoDB::Table"].id: span_id(4)
        }
        assert not found.is_partial
        assert found.root.id == span_id(1)


def test_call_that_another_service_traced_is_not_inferred(kept: TraceStore):
    found = joined(kept, *request())
    assert [s.name for s in found.segments if s.data.get("inferred")] == ["dynamodb"]


def test_subsegment_whose_segment_never_arrived_makes_the_trace_partial(kept: TraceStore):
    found = joined(kept, request()[0])
    assert found.is_partial
    assert found.root.name == "## query"


def test_subsegments_that_contain_each_other_are_no_endless_loop(kept: TraceStore):
    found = joined(kept, subsegment(1, 2), subsegment(2, 1), subsegment(3, 3))
    assert len(list(found.spans)) <= 6
    assert kept.get(TRACE_ID)


def test_flags_follow_from_the_status(kept: TraceStore):
    statuses = {200: (False, False, False), 404: (False, True, False), 429: (False, True, True)}
    for status, expected in (statuses | {503: (True, False, False)}).items():
        root = joined(kept, segment(http={"response": {"status": status}})).root
        assert (root.has_fault, root.has_error, root.has_throttle) == expected


# Headers and sampling


@pytest.mark.parametrize("text", ["", "Root=x", "Self=1-5759e988-bd862e3fe1be46a994272793", None, 5, "Sampled=1"])
def test_text_without_a_trace_id_is_no_header(text: object):
    assert TraceHeader.parse(text) is None


@pytest.mark.parametrize(
    ("end", "sampled"), [("", None), (";Sampled=1", True), (";Sampled=0", False), (";Sampled=?", None)]
)
def test_header_is_read_and_written(end: str, sampled: bool | None):
    text = f"Root={new_trace_id(START)};Parent={new_span_id()}"
    found = TraceHeader.parse(f" self=1-2;{text}{end} ")
    assert found
    assert found.sampled is sampled
    assert str(found) == text + (end if sampled is not None else "")


ASKED = Described(service="api/v1", type="AWS::ApiGateway::Stage", host="h", method="GET", path="/v1/x", arn="arn")


def rule(**more: Any) -> Rule:
    fields = dict(DEFAULT_RULE) | {"RuleName": "own", "Priority": 1} | more
    return Rule(fields=fields, created=0, modified=0)


def test_first_requests_of_a_second_are_traced_and_a_share_of_the_others():
    reservoir = Reservoir(2, 0.05)
    decisions = [reservoir.samples(1.0 + number / 10, drawn) for number, drawn in enumerate((0.9, 0.9, 0.9, 0.04))]
    assert decisions == [True, True, False, True]
    assert reservoir.samples(2.0, 0.9)
    assert (reservoir.requests, reservoir.sampled) == (5, 4)


@pytest.mark.parametrize(
    ("fields", "matches"),
    [
        ({}, True),
        ({"ServiceName": "api/v1"}, True),
        ({"ServiceName": "api/*"}, True),
        ({"ServiceName": "api/v?"}, True),
        ({"ServiceName": "other"}, False),
        ({"ServiceType": "AWS::Lambda"}, False),
        ({"HTTPMethod": "get"}, True),
        ({"URLPath": "/v1"}, False),
        ({"Host": "?"}, True),
        ({"Host": "??"}, False),
        ({"Attributes": {"a": "b"}}, False),
    ],
)
def test_rule_matches_by_every_field(fields: dict[str, Any], matches: bool):
    assert rule(**fields).matches(ASKED) is matches


def test_matching_rule_with_the_lowest_number_decides():
    sampling = Sampling(now=lambda: 1.0, draw=lambda: 0.5)
    for name, priority, rate in (("late", 20, 1.0), ("first", 10, 0.0), ("other", 1, 1.0)):
        fields = {"RuleName": name, "Priority": priority, "FixedRate": rate, "ReservoirSize": 0}
        sampling.put(rule(**fields, **({"Host": "elsewhere"} if name == "other" else {})))
    assert not sampling.samples_request(ASKED)
    sampling.delete("first")
    assert sampling.samples_request(ASKED)
    sampling.delete("late")
    assert [sampling.samples_request(ASKED) for _ in range(2)] == [True, False]  # the default rule


def test_lambda_samples_each_function_by_itself():
    sampling = Sampling(now=lambda: 1.0, draw=lambda: 0.5)
    assert [sampling.samples_invocation(name) for name in ("a", "a", "b", "b")] == [True, False, True, False]


# Personal data


def stage_request(resource_path: str) -> StageRequest:
    return StageRequest(
        header=TraceHeader(root=TRACE_ID, sampled=True),
        api="api", api_id="a", stage="v1", region="r", account="1", method="GET", user_agent="u", start=START,
        resource_path=resource_path,
    )  # fmt: skip


def test_segments_of_services_have_neither_the_requested_path_nor_the_text_of_an_exception():
    document = stage_request("/users/{user_id}/services").segment(200, 5, START + 1)
    assert document["http"]["request"]["url"].endswith("/v1/users/{user_id}/services")
    arn = "arn:aws:lambda:r:1:function:f"
    invocation = Invocation(header=TraceHeader(root=TRACE_ID, sampled=True), arn=arn, request_id="r", start=START)
    _, function = invocation.segments(START + 1, error_type="KeyError")
    assert [set(exception) for exception in function["cause"]["exceptions"]] == [{"id", "type"}]


def test_batch_has_at_most_twenty_links():
    links = tuple(TraceHeader(root=new_trace_id(START), parent=new_span_id()) for _ in range(30))
    header, arn = TraceHeader(root=TRACE_ID, sampled=True), "arn:aws:lambda:r:1:function:f"
    service, _ = Invocation(header=header, arn=arn, request_id="r", start=START, links=links).segments(START + 1)
    assert len(service["links"]) == LINKS_MAX == 20
