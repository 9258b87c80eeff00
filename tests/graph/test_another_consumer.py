"""The recipe for another consumer in docs/make-it-yours.md, followed in a copy of the sources."""

import re
from pathlib import Path

import pytest

from localcloud.deployer.engine import DeploymentFailed
from localcloud.deployer.recorder import Graph, record
from tests.graph import alarm_rules
from tests.graph import resource_types as aws
from tests.graph.alarm_rules import alarms_of, children_of, name_of, watched_by
from tests.graph.changes import Edit, clone

PAGE = (Path(__file__).parents[2] / "docs" / "make-it-yours.md").read_text()
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
MAIN = "__main__.py"
BEFORE = "monitoring_args = MonitoringArgs("
IMPORTS = "from dataclasses import replace\n\nfrom components.monitoring.another_consumer import another_consumer\n"
COMPONENTS: Edit = (MAIN, BEFORE, PROGRAM + BEFORE)
WHOLE: tuple[Edit, ...] = (
    (MAIN, "import pulumi\n", f"{IMPORTS}\nimport pulumi\n"),
    COMPONENTS,
    (
        MAIN,
        "table, probe) for signal in part.signals]",
        "table, probe) for signal in part.signals] + list(auditing.signals)",
    ),
    (MAIN, "composites=queue.composites", "composites=(*queue.composites, *auditing.composites)"),
    (MAIN, "drawn=(queue.drawn, consumer", "drawn=(audit_queue.drawn, audit_consumer.drawn, queue.drawn, consumer"),
    (MAIN, "| query.newest_version", "| query.newest_version | audit.newest_version"),
    (
        MAIN,
        "log_groups=log_groups",
        "log_groups=replace(log_groups, others=(*log_groups.others, audit_args.log_group_name))",
    ),
    (MAIN, "log_writers=(event_handler, query, api, probe)", "log_writers=(event_handler, query, api, probe, audit)"),
)  # fmt: skip


def without(part: str) -> tuple[Edit, ...]:
    """The recipe without the step that adds this text."""
    left = tuple(edit for edit in WHOLE if part not in edit[2] or edit is COMPONENTS)
    assert len(left) == len(WHOLE) - 1
    return left


@pytest.fixture(scope="module")
def graph(dev_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    # `dev_graph` has built the artifacts that a clone copies.
    return record(
        "dev",
        {"monitoring": "full", "alarmEmail": "oncall@example.com"},
        project=clone(tmp_path_factory.mktemp("audit") / "whole", *WHOLE),
    )


def test_another_consumer_has_the_alarms_of_the_first(graph: Graph):
    names = {alarm.name for alarm in alarms_of(graph)}
    its = {name.removeprefix("audit-") for name in names if name.startswith("audit-")}
    assert its <= names
    first = {"queue-age", "consumer-stalled", "consumer-down", "consumer-concurrency", "ingest-unhealthy"}
    prefixes = ("dlq-", "event-handler-", "ingest-")
    assert its == first | {name for name in names if name.startswith(prefixes)}
    for alarm in alarms_of(graph):
        if alarm.name.startswith("audit-"):
            description = alarm.inputs["alarmDescription"]
            assert description.startswith("Consumer audit: ")
            runbook = description.partition("Runbook: ")[2].split()[0]
            assert runbook.endswith(f"#{alarm.name.removeprefix('audit-')}")
            # None of its alarms is on the first consumer.
            assert "audit" in repr(watched_by(alarm) if alarm.type == aws.ALARM else children_of(alarm))


def test_its_faults_page_and_no_alarm_is_silent(graph: Graph):
    by_name = {name_of(alarm): alarm for alarm in alarms_of(graph)}
    (page,) = (alarm for alarm in by_name.values() if alarm.name == "audit-ingest-unhealthy")
    assert page.inputs["alarmActions"][0].endswith("-p1")
    assert [by_name[name].name for name in children_of(page)] == ["audit-ingest-down", "audit-consumer-down"]
    for rule in (alarm_rules.each_fault_is_told_once, alarm_rules.alarms_fit_cloudwatch,
                 alarm_rules.composites_combine_what_exists, alarm_rules.queries_ask_what_exists):  # fmt: skip
        assert list(rule(graph)) == []


def test_its_function_counts_under_its_own_name(graph: Graph):
    variables = graph.one(aws.FUNCTION, "audit-function").inputs["environment"]["variables"]
    assert variables["POWERTOOLS_SERVICE_NAME"] == "audit"


@pytest.mark.soak  # tests/components has the short form
def test_program_that_forgets_its_signals_fails(dev_graph: Graph, tmp_path: Path):
    forgotten = "nobody would be notified when audit-events or audit or audit-consumer fails"
    with pytest.raises(DeploymentFailed, match=forgotten):
        record("dev", project=clone(tmp_path / "clone", *without("*auditing.signals")))
