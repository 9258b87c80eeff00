"""The probe in the embedded cloud: its login goes through the queue, the functions and the API of a stack."""

import json
from typing import Any

from handlers.vocabulary import PROBE_USER
from localcloud.cloudwatch.emf import read_samples
from tests.e2e.conftest import Stack
from tests.fakes.waiting import eventually


def run(stack: Stack) -> dict[str, Any]:
    answer = stack.client("lambda").invoke(FunctionName=stack.function("probe"), Qualifier="live")
    assert "FunctionError" not in answer
    return json.load(answer["Payload"])


def test_login_of_the_probe_shows_and_is_no_real_event(neighbour: Stack) -> None:
    assert run(neighbour) == {"outcome": "success"}
    [service] = neighbour.record(PROBE_USER)
    assert service["service_id"] == "probe"
    lines = eventually(lambda: neighbour.log_lines("event-handler"), lambda found: "EventProbed" in "".join(found))
    alone = [samples for line in lines if (samples := {s.key.name: s.value for s in read_samples([line])})]
    probed = [samples for samples in alone if samples.get("EventProbed") == samples.get("BatchSize")]
    assert probed
    counted = ("EventReceived", "EventPersisted", "EventFailed", "EventExhausted", "EventLate", "EventStale")
    assert {samples[name] for samples in probed for name in counted} == {0}


def test_no_log_names_the_user_or_the_secret_of_the_probe(neighbour: Stack) -> None:
    assert run(neighbour)["outcome"] == "success"
    ssm, name = neighbour.client("ssm"), "/event-processing/prod/probe-client-secret"
    secret = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    lines = [line for role in ("event-handler", "query", "probe") for line in neighbour.log_lines(role)]
    assert len(secret) > 20
    assert [line for line in lines if PROBE_USER in line or secret in line] == []
    variables = neighbour.client("lambda").get_function_configuration(FunctionName=neighbour.function("probe"))
    assert secret not in json.dumps(variables, default=str)


def test_schedule_invokes_the_live_version_every_minute(neighbour: Stack) -> None:
    events, name = neighbour.client("events"), neighbour.function("probe")
    assert events.describe_rule(Name=name)["ScheduleExpression"] == "rate(1 minute)"
    [target] = events.list_targets_by_rule(Rule=name)["Targets"]
    assert target["Arn"].endswith(f":function:{name}:live")
