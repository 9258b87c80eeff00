"""`python -m ops status` against a deployed stack."""

import json
import re

from tests.e2e.conftest import Operator, Stack

# What other tests do to this stack, and that nobody is notified in it.
CAUSED_BY_TESTS = re.compile(
    r"pager|dead letters|damaged record|API status .*|(event-handler|query) (?!stopped|state|last).+"
)


def test_status_of_a_healthy_stack(stack: Stack, operator: Operator):
    answer = operator.run("status")
    assert answer.stderr == ""
    assert "oldest unknown" in answer.stdout
    for url in stack.outputs["dashboardUrls"].values():
        assert url in answer.stdout
    document = json.loads(operator.run("status", "--json").stdout)
    found = [finding["about"] for finding in document["findings"]]
    assert "pager" in found
    assert [about for about in found if not CAUSED_BY_TESTS.fullmatch(about)] == []
    assert [consumer["state"] for consumer in document["consumers"]] == ["Enabled"]
    assert [function["state"] for function in document["functions"]] == ["Active"] * 2


def test_firing_alarm_sets_the_exit_code(stack: Stack, operator: Operator):
    name = stack.outputs["functions"]["query"] + "-errors"
    cloudwatch = stack.client("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="Set by hand.")
    try:
        answer = operator.run("status", "--json")
    finally:
        cloudwatch.set_alarm_state(AlarmName=name, StateValue="INSUFFICIENT_DATA", StateReason="Set back.")
    assert answer.exit_code == 3
    document = json.loads(answer.stdout)
    assert document["firing"] == ["query-errors"]
    assert len({function["version"] for function in document["functions"]}) == 1
    assert {topic["severity"] for topic in document["topics"]} == {"p1", "p2", "p3"}
