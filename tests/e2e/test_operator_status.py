"""`python -m ops status` against a deployed stack."""

import json

from tests.e2e.conftest import Operator, Stack


def test_status_of_a_healthy_stack(stack: Stack, operator: Operator):
    answer = operator.run("status")
    assert (answer.exit_code, answer.stderr) == (0, "")
    assert "oldest unknown" in answer.stdout
    for url in stack.outputs["dashboardUrls"].values():
        assert url in answer.stdout


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
