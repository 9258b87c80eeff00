"""`python -m ops logs` against a deployed stack."""

import json

from tests.e2e.conftest import Operator, Stack, event
from tests.fakes.waiting import eventually


def test_invalid_event_is_found_by_message_id_and_trace(stack: Stack, operator: Operator, user: str):
    (message_id,) = stack.send(event(user, "mail", "yesterday"))
    shown = eventually(lambda: operator.run("logs", "--message-id", message_id).stdout, bool)
    assert "event invalid" in shown
    assert "error_code=timestamp_malformed" in shown
    assert user not in shown

    (line,) = operator.run("logs", "--message-id", message_id, "--json").stdout.splitlines()
    trace = json.loads(line)["message"]["xray_trace_id"]
    lines = [json.loads(text) for text in operator.run("logs", "--trace", trace, "--json").stdout.splitlines()]
    assert {"event invalid", "batch folded"} <= {line["message"].get("message") for line in lines}
    assert [line["timestamp"] for line in lines] == sorted(line["timestamp"] for line in lines)
    stack.dead_letter(message_id)


def test_errors_omit_successful_lines(stack: Stack, operator: Operator, user: str):
    stack.send(event(user, "mail", "2024-01-01T00:00:00Z"))
    # The record is stored before the invocation ends, and its lines are logged after that.
    shown = eventually(lambda: operator.run("logs").stdout, lambda lines: "batch folded" in lines)
    assert "platform.start" not in shown
    assert "platform.start" in operator.run("logs", "--platform").stdout
    assert "batch folded" not in operator.run("logs", "--errors").stdout


def test_two_selections_are_rejected(operator: Operator):
    result = operator.run("logs", "--errors", "--trace", "1-5759e988-bd862e3fe1be46a994272793")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Use one of them" in result.stderr
