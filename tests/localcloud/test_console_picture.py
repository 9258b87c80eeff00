"""The picture of the system: rates of the minute, the part that is broken, and everything about a part."""

import json
import time
from typing import Any

import pytest

from handlers.vocabulary import METRICS_NAMESPACE, MetricName
from localcloud.cloudwatch.metrics import MetricKey
from localcloud.console.console import Console
from localcloud.console.system import ARROWS, PARTS
from localcloud.deployer.recorder import Graph
from localcloud.observatory.alarm_parameters import read_composite_alarm, read_metric_alarm
from localcloud.observatory.clock import SteppedClock
from localcloud.observatory.facts import ApiRequest, Invoked, QueueState, TableRequest
from localcloud.observatory.observatory import Observatory
from tests.fakes.consoles import ask
from tests.fakes.segments import segment

START = 1_767_225_600  # 2026-01-01T00:00:00Z
STACK = "event-processing-dev"
QUEUE, TABLE, HANDLER, QUERY, API = (
    f"{STACK}-{role}" for role in ("events", "user-services", "event-handler", "query", "api")
)
ALARM, PROBE = f"{STACK}-queue-age", f"{STACK}-probe"
RESOURCES: dict[tuple[str, str], object] = {
    ("QueueName", QUEUE): True,
    ("QueueName", f"{QUEUE}-dead-letters"): True,
    ("FunctionName", HANDLER): True,
    ("FunctionName", QUERY): True,
    ("TableName", TABLE): True,
    ("ApiName", API): True,
    ("EventSourceMappingUUID", "uuid"): True,
    ("EventSourceMappingState", "uuid"): (True, 1),
}


@pytest.fixture
def observatory() -> Observatory:
    observatory = Observatory(SteppedClock(START))
    observatory.alarms.resources = lambda: RESOURCES
    observatory.boards = lambda: {"ingest": f'{{"metrics": ["{QUEUE}"]}}', "api": f'{{"metrics": ["{API}"]}}'}
    given = {
        "AlarmName": ALARM,
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{"Name": "QueueName", "Value": QUEUE}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 300.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
    observatory.alarms.put(read_metric_alarm(given), given, f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{ALARM}")
    observatory.advance(180)
    return observatory


@pytest.fixture
def console(observatory: Observatory) -> Console:
    return Console(observatory)


def picture(console: Console, address: str = "/picture") -> dict[str, Any]:
    found = ask(console, address)
    assert found.status == 200, found.body
    return found.json()


def part(console: Console, part_id: str, address: str = "/picture") -> dict[str, Any]:
    [found] = [part for part in picture(console, address)["parts"] if part["id"] == part_id]
    return found


def rates(console: Console, address: str = "/picture") -> dict[tuple[str, str], float]:
    found = {(arrow["start"], arrow["end"]): arrow["rate"] for arrow in picture(console, address)["arrows"]}
    return {places: rate for places, rate in found.items() if rate is not None}


def figures(console: Console, part_id: str) -> dict[str, float | None]:
    return {figure["label"]: figure["value"] for figure in part(console, part_id)["figures"]}


def work(observatory: Observatory) -> None:
    """What happens in a minute in which one of three events is invalid, and a client asks twice."""
    meter = observatory.meter
    meter.messages_sent(QUEUE, 3)
    meter.messages_received(QUEUE, 3)
    invoked = Invoked(function=HANDLER, qualifier=None, version="1")
    meter.invocation(invoked, observatory.clock.now(), 0.05, is_error=False, concurrency=1)
    for operation in ("UpdateItem", "UpdateItem", "GetItem"):
        meter.table_request(TableRequest(operation=operation, tables=(TABLE,), status=200, seconds=0.004))
    for status in (200, 504):
        meter.api_request(ApiRequest(api=API, stage="v1", status=status, seconds=0.1, integration_seconds=0.09))
    own = MetricKey.of(METRICS_NAMESPACE, MetricName.EVENT_INVALID, {"service": "event-handler", "stack": "dev"})
    observatory.store.add(own, int(observatory.clock.now() // 60), 1)


def test_rates_are_those_of_the_last_whole_minute(observatory: Observatory, console: Console):
    work(observatory)
    assert rates(console) == {}
    observatory.advance(60)
    assert rates(console) == {
        ("producer", "queue"): 3,
        ("queue", "consumer"): 3,
        ("consumer", "event-handler"): 1,
        ("event-handler", "table"): 2,
        ("event-handler", "dead-letters"): 1,
        ("clients", "api"): 2,
        ("query", "table"): 1,
    }
    assert part(console, "api")["figures"][0] == {"label": "5xx", "value": 1, "unit": "", "is_bad": True}
    assert figures(console, "event-handler")["crashed"] == 0
    observatory.advance(60)
    assert ("clients", "api") not in rates(console)
    assert rates(console, "/picture?end=2026-01-01T00:04:00Z")["clients", "api"] == 2


def test_part_is_broken_while_an_alarm_about_it_fires(observatory: Observatory, console: Console):
    assert [found["id"] for found in picture(console)["parts"] if found["firing"]] == []
    observatory.queue_states = lambda: [QueueState(name=QUEUE, visible=7, in_flight=0, age_seconds=720)]
    observatory.advance(120)
    assert [found["id"] for found in picture(console)["parts"] if found["firing"]] == ["queue"]
    assert part(console, "queue")["firing"] == [ALARM]
    assert figures(console, "queue") == {"waiting": 7, "in flight": 0, "oldest": 720}
    assert part(console, "queue", "/picture?end=2026-01-01T00:03:00Z")["firing"] == []


def test_part_shows_everything_about_it_and_nothing_else(observatory: Observatory, console: Console):
    work(observatory)
    observatory.advance(60)
    found = picture(console, "/part?name=queue")
    assert (found["resources"], found["boards"]) == ([QUEUE], ["ingest"])
    assert [alarm["name"] for alarm in found["alarms"]] == [ALARM]
    assert {metric["dimensions"] for metric in found["metrics"]} == {f"QueueName={QUEUE}"}
    [sent] = [metric for metric in found["metrics"] if metric["name"] == "NumberOfMessagesSent"]
    assert sent == {
        "namespace": "AWS/SQS",
        "name": "NumberOfMessagesSent",
        "dimensions": f"QueueName={QUEUE}",
        "unit": "Count",
        "sum": 3,
        "maximum": 1,
    }
    # What the function reports is about it too, though the metric does not name it.
    assert "EventInvalid" in {metric["name"] for metric in picture(console, "/part?name=event-handler")["metrics"]}
    assert ask(console, "/part?name=absent").status == 404


def test_alarm_names_the_parts_that_it_or_an_alarm_of_its_rule_is_about(observatory: Observatory, console: Console):
    whole = {"AlarmName": f"{STACK}-whole", "AlarmRule": f'ALARM("{ALARM}") OR ALARM("absent")'}
    alarm = read_composite_alarm(whole)
    observatory.alarms.put(alarm, whole, f"arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{alarm.name}")
    for name in (ALARM, alarm.name):
        assert picture(console, f"/alarm?name={name}")["about"] == [{"id": "queue", "title": "Queue"}]


def links(console: Console, part_id: str) -> dict[str, tuple[str, dict[str, str]]]:
    return {link["text"]: (link["path"], link["given"]) for link in picture(console, f"/part?name={part_id}")["links"]}


def test_part_leads_to_its_data_lines_and_traces_where_there_are_some(observatory: Observatory, console: Console):
    assert links(console, "queue") == {"Messages": (f"/queues/{QUEUE}", {})}
    assert links(console, "table") == {"Items": ("/table", {"table": TABLE})}
    assert links(console, "producer") == {"Send an event": ("/queues", {})}
    assert links(console, "clients") == {"Try the API": ("/api", {})}
    assert links(console, "api") == links(console, "query") == links(console, "pager") == {}
    observatory.logs.groups = lambda: [f"/event-processing/dev/{name}" for name in ("query", "api-access")]
    for number, name in enumerate((QUERY, f"{API}/v1"), start=1):
        document = segment(number, name=name, start_time=time.time(), end_time=time.time())
        assert observatory.traces.receive(json.dumps(document)) is None
    assert links(console, "query") == {
        "Log lines": ("/logs", {"function": "query"}),
        "Traces": ("/traces", {"service": QUERY}),
    }
    assert links(console, "api") == {
        "Log lines": ("/logs", {"function": "api-access"}),
        "Traces": ("/traces", {"service": f"{API}/v1"}),
    }
    assert links(console, "event-handler") == {}


def test_every_log_that_a_part_names_is_one_of_the_program(prod_graph: Graph):
    groups = [r.inputs["name"] for r in prod_graph.resources if r.type == "aws:cloudwatch/logGroup:LogGroup"]
    ends = [group.rpartition("/")[2] for group in groups]
    named = [part.log for part in PARTS.values() if part.log]
    assert [ends.count(log) for log in named] == [1, 1, 1, 1]


def test_disabled_mapping_and_missing_parts_show(observatory: Observatory, console: Console):
    assert part(console, "consumer")["figures"] == [{"label": "disabled", "value": 0, "unit": "", "is_bad": False}]
    assert part(console, "topics")["exists"] is False
    observatory.alarms.resources = lambda: RESOURCES | {("EventSourceMappingState", "uuid"): (False, 2)}
    assert part(console, "consumer")["figures"][0]["is_bad"] is True


def test_arrows_join_parts_that_exist():
    assert {place for arrow in ARROWS for place in (arrow.start, arrow.end)} == set(PARTS)


def test_probe_and_its_arrows_are_shown_where_it_is_deployed(observatory: Observatory, console: Console):
    """What it sends is counted with what producers and clients send, which their arrows say."""

    def labels() -> dict[str, str]:
        return {f"{arrow['start']} {arrow['end']}": arrow["label"] for arrow in picture(console)["arrows"]}

    without = labels()
    assert "probe" not in {found["id"] for found in picture(console)["parts"]}
    observatory.alarms.resources = lambda: RESOURCES | {("FunctionName", PROBE): True}
    assert part(console, "probe")["exists"] is True
    assert labels().items() - without.items() == {
        ("producer queue", "sent, the probe's too"),
        ("clients api", "requests, the probe's too"),
        ("probe queue", "runs"),
        ("probe api", "logins shown"),
    }
    assert {without["producer queue"], without["clients api"]} == {"sent", "requests"}


@pytest.mark.parametrize(("shown", "failed", "firing"), [(1, 0, []), (0, 1, [f"{STACK}-probe-failing"])])
def test_login_of_the_probe_that_does_not_show_breaks_it(
    observatory: Observatory, console: Console, shown: int, failed: int, firing: list[str]
):
    observatory.alarms.resources = lambda: RESOURCES | {("FunctionName", PROBE): True}
    dimensions = {"service": "probe", "stack": "dev"}
    given = {
        "AlarmName": f"{STACK}-probe-failing",
        "Namespace": METRICS_NAMESPACE,
        "MetricName": MetricName.PROBE_SUCCESS,
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0.0,
        "ComparisonOperator": "LessThanOrEqualToThreshold",
    }
    observatory.alarms.put(read_metric_alarm(given), given, "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:failing")
    minute = int(observatory.clock.now() // 60)
    observatory.meter.invocation(
        Invoked(function=PROBE, qualifier="live", version="1"), minute * 60, 1.0, is_error=False, concurrency=1
    )
    key = MetricKey.of(METRICS_NAMESPACE, MetricName.PROBE_SUCCESS, dimensions)
    observatory.store.add(key, minute, shown)
    observatory.advance(60)
    found = rates(console)
    assert (found["probe", "queue"], found["probe", "api"]) == (1, shown)
    assert part(console, "probe")["figures"][1] == {
        "label": "failed",
        "value": failed,
        "unit": "",
        "is_bad": bool(failed),
    }
    observatory.advance(60)  # a minute counts a minute later
    assert part(console, "probe")["firing"] == firing


def test_every_resource_that_alarms_read_belongs_to_a_part(prod_graph: Graph):
    """The picture names roles; a role that is renamed or added must get its place."""
    kinds = {
        "aws:sqs/queue:Queue": "QueueName",
        "aws:lambda/function:Function": "FunctionName",
        "aws:dynamodb/table:Table": "TableName",
        "aws:apigateway/restApi:RestApi": "ApiName",
        "aws:sns/topic:Topic": "TopicName",
    }
    named = {(kinds[r.type], r.inputs["name"]) for r in prod_graph.resources if r.type in kinds}
    assert {dimension for dimension, _ in named} == set(kinds.values())
    placed = {
        found
        for found in named
        for part in PARTS.values()
        if found[0] == part.dimension and found[1].endswith(part.ending)
    }
    assert placed == named
