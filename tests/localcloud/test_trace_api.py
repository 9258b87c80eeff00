"""The X-Ray API over a store: pages, ranges, graphs, groups, and what is rejected."""

import itertools
import json
from typing import Any

import pytest

from localcloud.observatory.clock import RealClock
from localcloud.observatory.requests import ApiError
from localcloud.observatory.traces.api import OPERATIONS, SUMMARIES_PAGE, XrayApi
from localcloud.observatory.traces.sampling import Sampling
from localcloud.observatory.traces.settings import TraceSettings
from localcloud.observatory.traces.store import TraceStore
from tests.fakes.segments import START, TRACE_ID, request, segment, span_id

RANGE = {"StartTime": START - 60, "EndTime": START + 60}
SAMPLED = {"Priority": 5, "FixedRate": 0.5, "ReservoirSize": 1, "Version": 1} | dict.fromkeys(
    ("ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath", "ResourceARN"), "*"
)


class Xray:
    """The API, asked by the names of its operations."""

    def __init__(self) -> None:
        clock = RealClock()
        self.store = TraceStore(clock)
        settings = TraceSettings(Sampling(), clock, account="123456789012", region="eu-west-1")
        self._api = XrayApi(self.store, settings, clock)
        self._paths = {name: path for path, name in OPERATIONS.items()}

    def put(self, *documents: dict[str, Any]) -> None:
        texts = [json.dumps(document) for document in documents]
        assert self("PutTraceSegments", TraceSegmentDocuments=texts) == {"UnprocessedTraceSegments": []}

    def __call__(self, operation: str, **parameters: Any) -> dict[str, Any]:
        found = self._api.answer(self._paths[operation], parameters)
        json.dumps(found)  # everything can be sent
        return found


@pytest.fixture
def xray() -> Xray:
    return Xray()


def named(services: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(service["Name"], service["Type"]): service for service in services}


def test_summary_says_what_the_root_did(xray: Xray):
    xray.put(*request(seconds=0.5, status=503))
    [summary] = xray("GetTraceSummaries", **RANGE)["TraceSummaries"]
    assert (summary["Id"], summary["Duration"], summary["ResponseTime"]) == (TRACE_ID, 0.5, 0.5)
    assert (summary["HasFault"], summary["HasError"], summary["IsPartial"]) == (True, False, False)
    assert summary["Http"] == {"HttpURL": "https://api/v1/x", "HttpMethod": "GET", "HttpStatus": 503}
    assert summary["EntryPoint"]["Type"] == "AWS::ApiGateway::Stage"
    assert [value["AnnotationValue"] for value in summary["Annotations"]["size"]] == [{"NumberValue": 3}]
    assert summary["Annotations"]["stack"][0]["ServiceIds"][0]["Type"] == "AWS::Lambda::Function"


def test_summaries_are_paged_and_within_the_range(xray: Xray):
    for number in range(SUMMARIES_PAGE + 5):
        xray.put(segment(trace=f"1-695b0f00-{number:024x}"))
    xray.put(segment(trace="1-695b0f00-" + "f" * 24, start_time=START + 60, end_time=START + 61))
    first = xray("GetTraceSummaries", **RANGE)
    last = xray("GetTraceSummaries", **RANGE, NextToken=first["NextToken"])
    assert [len(page["TraceSummaries"]) for page in (first, last)] == [SUMMARIES_PAGE, 5]
    assert "NextToken" not in last
    assert first["TracesProcessedCount"] == SUMMARIES_PAGE + 5


def test_segments_hold_what_the_daemon_sent_inside_of_them(xray: Xray):
    xray.put(*request())
    absent = "1-695b0f00-" + "e" * 24
    found = xray("BatchGetTraces", TraceIds=[TRACE_ID, absent])
    assert found["UnprocessedTraceIds"] == [absent]
    documents = {found["Id"]: json.loads(found["Document"]) for found in found["Traces"][0]["Segments"]}
    assert len(documents) == 4
    [invocation] = documents[span_id(4)]["subsegments"]
    assert invocation["subsegments"][0]["subsegments"][0]["aws"]["table_name"] == "users"
    assert {document["trace_id"] for document in documents.values()} == {TRACE_ID}


def test_graph_leads_from_the_client_to_the_table(xray: Xray):
    xray.put(*request(seconds=0.5))
    other = f"1-695b0f00-{1:024x}"
    xray.put(*request(other, seconds=0.25, status=429))
    services = named(xray("GetServiceGraph", **RANGE)["Services"])
    path = [
        ("api/v1", "client"),
        ("api/v1", "AWS::ApiGateway::Stage"),
        ("query", "AWS::Lambda"),
        ("query", "AWS::Lambda::Function"),
        ("users", "AWS::DynamoDB::Table"),
    ]
    assert set(services) == set(path)
    for source, target in itertools.pairwise(path):
        [edge] = services[source]["Edges"]
        assert edge["ReferenceId"] == services[target]["ReferenceId"]
        assert edge["SummaryStatistics"]["TotalCount"] == 2
    stage = services[path[1]]
    assert stage["Root"]
    assert stage["SummaryStatistics"] == {
        "OkCount": 1,
        "ErrorStatistics": {"ThrottleCount": 1, "OtherCount": 0, "TotalCount": 1},
        "FaultStatistics": {"OtherCount": 0, "TotalCount": 0},
        "TotalCount": 2,
        "TotalResponseTime": 0.75,
    }
    assert stage["ResponseTimeHistogram"] == [{"Value": 0.25, "Count": 1}, {"Value": 0.5, "Count": 1}]
    alone = named(xray("GetTraceGraph", TraceIds=[other])["Services"])[path[1]]
    assert alone["SummaryStatistics"]["TotalCount"] == 1


def test_link_leads_from_the_queue_to_the_function_that_handled_the_message(xray: Xray):
    times = {"start_time": START, "end_time": START + 0.1}
    queue = {"aws": {"operation": "SendMessage", "queue_url": "http://h/1/events"}, "namespace": "aws", "name": "sqs"}
    xray.put(segment(1, name="producer", subsegments=[{"id": span_id(2), **times, **queue}]))
    link = {"trace_id": TRACE_ID, "id": span_id(2), "attributes": {"aws.xray.reserved.reference_type": "parent"}}
    consumer = f"1-695b0f00-{9:024x}"
    later = {"start_time": START + 3, "end_time": START + 4}
    xray.put(segment(5, consumer, name="worker", origin="AWS::Lambda", links=[link], **later))
    services = named(xray("GetServiceGraph", **RANGE)["Services"])
    [edge] = services["events", "AWS::SQS::Queue"]["Edges"]
    assert edge["EdgeType"] == "link"
    assert edge["ReferenceId"] == services["worker", "AWS::Lambda"]["ReferenceId"]
    assert edge["ReceivedEventAgeHistogram"] == [{"Value": 3.0, "Count": 1}]
    assert ("worker", "client") not in services


def test_group_restricts_the_graph(xray: Xray):
    xray("CreateGroup", GroupName="slow", FilterExpression="responsetime > 1")
    xray.put(segment(1, name="fast"))
    xray.put(segment(1, trace=f"1-695b0f00-{1:024x}", name="slow", end_time=START + 2))
    names = {name for name, _ in named(xray("GetServiceGraph", **RANGE, GroupName="slow")["Services"])}
    assert names == {"slow"}
    assert len(named(xray("GetServiceGraph", **RANGE)["Services"])) == 4  # with their clients
    [summary] = xray("GetTraceSummaries", **RANGE, FilterExpression='group.name = "slow"')["TraceSummaries"]
    assert summary["EntryPoint"]["Name"] == "slow"


def test_malformed_segments_are_named_and_the_others_are_kept(xray: Xray):
    found = xray("PutTraceSegments", TraceSegmentDocuments=["{", json.dumps(segment())])
    assert [part["Message"] for part in found["UnprocessedTraceSegments"]] == ["The document is not JSON."]
    assert xray.store.counts.kept == 1


def test_sampling_targets_are_those_of_the_rules(xray: Xray):
    xray("CreateSamplingRule", SamplingRule=SAMPLED | {"RuleName": "own"})
    asked = [{"RuleName": name} for name in ("own", "absent")]
    found = xray("GetSamplingTargets", SamplingStatisticsDocuments=asked)
    [target] = found["SamplingTargetDocuments"]
    assert (target["RuleName"], target["FixedRate"], target["ReservoirQuota"]) == ("own", 0.5, 1)
    assert [part["RuleName"] for part in found["UnprocessedStatistics"]] == ["absent"]
    statistics = xray("GetSamplingStatisticSummaries")["SamplingStatisticSummaries"]
    assert [part["RuleName"] for part in statistics] == ["own", "Default"]


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("GetTraceSummaries", {}), ("GetTraceSummaries", {"StartTime": 5, "EndTime": 5}),
        ("GetTraceSummaries", {"StartTime": 0, "EndTime": 7 * 3_600}), ("GetTraceSummaries", RANGE | {"EndTime": "x"}),
        ("GetTraceSummaries", RANGE | {"FilterExpression": "colour"}),
        ("GetTraceSummaries", RANGE | {"FilterExpression": ""}),
        ("GetTraceSummaries", RANGE | {"FilterExpression": 5}), ("GetTraceSummaries", RANGE | {"NextToken": "x"}),
        ("GetTraceSummaries", RANGE | {"SamplingStrategy": {}}),
        ("GetTraceSummaries", RANGE | {"TimeRangeType": "Service"}),
        ("BatchGetTraces", {}), ("BatchGetTraces", {"TraceIds": []}), ("BatchGetTraces", {"TraceIds": ["x"] * 6}),
        ("BatchGetTraces", {"TraceIds": [5]}), ("GetServiceGraph", RANGE | {"GroupName": "absent"}),
        ("GetTraceGraph", {"TraceIds": "x"}), ("PutTraceSegments", {"TraceSegmentDocuments": [5]}),
        ("CreateGroup", {"GroupName": "x"}), ("CreateGroup", {"GroupName": "x", "FilterExpression": "colour"}),
        ("CreateGroup", {"GroupName": "n" * 33, "FilterExpression": "ok"}), ("GetGroup", {"GroupName": "absent"}),
        ("CreateSamplingRule", {}), ("CreateSamplingRule", {"SamplingRule": {"RuleName": "x"}}),
        ("CreateSamplingRule", {"SamplingRule": SAMPLED | {"RuleName": "x", "FixedRate": 2}}),
        ("CreateSamplingRule", {"SamplingRule": SAMPLED | {"RuleName": "x", "Priority": True}}),
        ("DeleteSamplingRule", {"RuleName": "Default"}), ("DeleteSamplingRule", {"RuleName": "absent"}),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_rejected(xray: Xray, operation: str, parameters: dict[str, Any]):
    with pytest.raises(ApiError) as raised:
        xray(operation, **parameters)
    assert raised.value.code == "InvalidRequestException"


def test_name_is_given_once(xray: Xray):
    for operation, parameters in (
        ("CreateGroup", {"GroupName": "x", "FilterExpression": "ok"}),
        ("CreateSamplingRule", {"SamplingRule": SAMPLED | {"RuleName": "x"}}),
    ):
        xray(operation, **parameters)
        with pytest.raises(ApiError, match="exists already"):
            xray(operation, **parameters)
