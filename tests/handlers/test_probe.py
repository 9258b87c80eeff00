"""The probe measures whether its login shows and how soon, at few requests, and writes no secret and no user."""

import pytest

from handlers.probe import LOOKS_AFTER_SECONDS
from handlers.vocabulary import PROBE_USER
from simulation.lambda_events import LambdaContext
from simulation.probed_service import SECRET, TOKEN_SECONDS, ProbedService
from simulation.simulated_table import Clock
from tests.fakes.events import NOW
from tests.graph.board_rules import OF_FUNCTIONS

SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event"}


@pytest.fixture
def service():
    return ProbedService(clock=Clock(1e9), began=NOW)


@pytest.fixture
def probe(service, new_telemetry, emitted):
    """Runs the probe as Lambda does, and returns what it wrote."""
    telemetry = new_telemetry("probe")
    handler = telemetry.entry_point(service.probe(telemetry).run)

    def run():
        handler(SCHEDULED, LambdaContext(function_name="probe"))
        return emitted()

    return run


def test_login_that_shows_is_a_success_with_its_delay(probe, service):
    output = probe()
    assert output.metrics["ProbeSuccess"] == 1
    assert output.metrics["ProbeDelay"] == pytest.approx(1030)
    assert set(output.metrics) == OF_FUNCTIONS["probe"]
    assert [sorted(names) for found in output.objects for names in dimensions_of(found)] == [["service", "stack"]]
    [(_, login)] = service.logins
    assert login["user_id"] == PROBE_USER
    assert output.logs == []


def test_delay_is_that_of_the_look_that_shows_the_login(probe, service):
    service.shown_after = 6
    assert probe().metrics["ProbeDelay"] == pytest.approx(8030)


def dimensions_of(found):
    return found["_aws"]["CloudWatchMetrics"][0]["Dimensions"]


FAULTS = {
    "show": {"shown_after": None},
    "query": {"api_status": 503},
    "token": {"token_status": 500},
    "token endpoint gone": {"token_status": None},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_a_failure_that_names_its_step_and_quotes_nothing(probe, service, fault):
    vars(service).update(FAULTS[fault])
    output = probe()
    assert output.metrics["ProbeSuccess"] == 0
    assert "ProbeDelay" not in output.metrics
    [line] = output.logs
    assert (line["level"], line["step"]) == ("ERROR", fault.partition(" ")[0])
    assert not [word for word in (PROBE_USER, SECRET, "a-token") if word in repr(output)]


def test_send_that_fails_is_a_failure(probe, service):
    def refuse(**_):
        raise ConnectionError("the queue does not answer")

    service.send_message = refuse
    output = probe()
    assert (output.metrics["ProbeSuccess"], output.logs[0]["step"]) == (0, "send")


def test_token_endpoint_that_fails_later_is_noticed_although_the_token_is_valid(probe, service):
    assert probe().metrics["ProbeSuccess"] == 1
    service.token_status = None
    assert probe().metrics["ProbeSuccess"] == 0


def test_token_and_secret_are_fetched_once_per_validity(probe, service):
    runs = 0
    while service.clock.now < TOKEN_SECONDS - 120:
        probe()
        runs += 1
        service.clock.advance(59)
    assert runs > 50
    assert service.requests.count("token") == service.requests.count("secret") == 1
    assert service.requests.count("knock") == runs - 1
    service.clock.advance(120)
    probe()
    assert service.requests.count("token") == service.requests.count("secret") == 2


@pytest.mark.parametrize(("status", "tokens"), [(401, 2), (403, 2), (500, 1)])
def test_only_a_rejected_token_is_given_up(probe, service, status, tokens):
    service.api_status = status
    probe()
    service.api_status = 200
    assert probe().metrics["ProbeSuccess"] == 1
    assert service.requests.count("token") == tokens


def test_failing_api_is_asked_once_a_run_and_a_missing_login_at_each_look(probe, service):
    service.api_status = 500
    probe()
    assert service.requests.count("look") == 1
    service.api_status, service.shown_after = 200, None
    probe()
    assert service.requests.count("look") == 1 + len(LOOKS_AFTER_SECONDS)


def test_login_of_a_run_before_does_not_count(probe, service):
    probe()
    service.shown_after = 1e6
    service.logins = [(at - 1e7, login) for at, login in service.logins]
    assert probe().metrics["ProbeSuccess"] == 0


def test_control_probe_without_a_knock_misses_the_token_endpoint(service, probe, monkeypatch):
    monkeypatch.setattr("handlers.api_client.ApiClient._knock", lambda self: None)
    probe()
    service.token_status = None
    assert probe().metrics["ProbeSuccess"] == 1


def test_control_probe_that_accepts_any_login_is_caught(service, probe, monkeypatch):
    monkeypatch.setattr("handlers.probe.parse_instant", lambda text: NOW.replace(year=9999))
    probe()
    service.shown_after = 1e6
    service.logins = [(at - 1e7, login) for at, login in service.logins]
    assert probe().metrics["ProbeSuccess"] == 1
