"""A canary ends with all requests at the new release, at the old one, or where it is; never in between."""

import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops import release
from ops.canary import Decision, Verdict
from ops.releases import Phase, Route
from ops.signals import Stopped
from tests.ops.published import LONG_AGO, RELEASES, ROLES, Aws, Operated, calls_of, client_error, fail_at, routes
from tests.ops.simulated_stack import assert_fails

A, B, C = RELEASES
OLD, NEW, CANARY = routes(2), routes(3), routes(2, 3)
SHORT = ("release", "--canary", "--minutes", "0.25")
WATCH = ("release", "--canary", "--minutes", "0.5")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Operated]:
    """Return a function that makes a stack whose new version serves 30 requests without a fault."""

    def make_stack(*, quiet: bool = False, setting: str = "gradual", **aws: Any) -> Operated:
        stack = Operated(Aws(**aws), tmp_path, monkeypatch, setting)
        if not quiet:
            stack.aws.serve(3, 30)
        return stack

    return make_stack


def test_healthy_canary_goes_on(make):
    stack = make()
    seen = []
    stack.clock.on_wait = lambda: seen.append(dict(stack.aws.routes))
    result = stack.run(*WATCH)
    assert result.exit_code == 0, result.stderr
    assert seen == [CANARY] * 2
    assert stack.aws.routes == NEW
    assert (
        f"A tenth of the requests now goes to release {C}, the rest to {B}. Watching for 0.5 minutes; Ctrl-C goes back."
        in result.stdout
    )
    assert "All requests go to the new release: nothing failed in 0.5 minutes." in result.stdout
    assert "`pulumi preview` shows no change" in result.stdout


def alarm(stack: Operated, alarm_id: str) -> None:
    stack.aws.alarm_states[alarm_id] = ("ALARM", datetime.now(UTC))


@pytest.mark.parametrize(
    ("fault", "reason", "runbook"),
    [
        (
            lambda stack: alarm(stack, "query-canary"),
            "the alarm on the new version of query is in ALARM",
            "query-canary",
        ),
        (
            lambda stack: stack.aws.serve(3, 1, errors=1),
            "of 31 invocations of the new version of event-handler failed",
            "event-handler-canary",
        ),
        (lambda stack: alarm(stack, "service-health"), "service-health came into alarm after", "service-health"),
        (
            lambda stack: stack.aws.lines.extend([("event-handler", 3, {"outcome": "invalid"})] * 3),
            "the new version of event-handler logged 3 failures",
            "event-handler-canary",
        ),
        (
            lambda stack: stack.aws.lines.extend([("query", 3, {"level": "ERROR"})] * 3),
            "the new version of query logged 3 failures",
            "query-canary",
        ),
    ],
    ids=["alarm", "errors", "health", "invalid", "log"],
)
def test_failing_canary_goes_back(make, fault: Callable[[Operated], None], reason: str, runbook: str):
    stack = make()
    stack.clock.on_wait = lambda: fault(stack)
    result = stack.run(*WATCH)
    assert_fails(result, "All requests go to the old release again, because")
    assert reason in result.stderr
    assert f"and {runbook} in the runbook." in result.stderr
    assert stack.aws.routes == OLD
    assert stack.clock.now == release.POLL_SECONDS, "at the first look"


def test_failures_of_the_old_version_do_not_count(make):
    stack = make()
    stack.aws.serve(2, 270, errors=270)
    stack.aws.lines += [("event-handler", 2, {"level": "ERROR", "outcome": "exhausted"})] * 50
    stack.aws.alarm_states |= {"service-health": ("ALARM", LONG_AGO), "query-errors": ("ALARM", datetime.now(UTC))}
    assert stack.run(*WATCH).exit_code == 0
    assert stack.aws.routes == NEW


def test_canary_without_traffic_stays_at_a_tenth_and_says_how_to_go_on(make):
    stack = make(quiet=True)
    result = stack.run(*WATCH)
    assert result.exit_code == 3
    assert (
        "Undecided, a tenth still goes to the new release: the new version of event-handler got 0 of 20"
        in result.stderr
    )
    assert "Go on with `python -m ops release`" in result.stderr
    assert (stack.aws.routes, stack.clock.now) == (CANARY, 90)
    assert f"Release {B} is live, and a tenth of the requests goes to release {C}." in stack.run("versions").stderr
    assert stack.run("release").exit_code == 0
    assert stack.aws.routes == NEW


def test_second_run_watches_a_canary_that_is_there(make):
    stack = make()
    stack.aws.routes = CANARY
    result = stack.run(*WATCH)
    assert f"A tenth of the requests already goes to release {C}" in result.stdout
    assert (result.exit_code, stack.aws.routes) == (0, NEW)


def test_release_without_canary_moves_both_at_once(make):
    stack = make()
    result = stack.run("release")
    assert (result.exit_code, stack.aws.routes, stack.aws.updates()) == (0, NEW, 2)
    assert f"Release {C} is live already" in stack.run("release").stdout
    assert "it was live already" in stack.run(*WATCH).stdout
    assert stack.run(*WATCH, "--dry-run").stdout.startswith(f"Release {C} is live already: nothing to do.\n")


def test_old_release_that_was_published_again_needs_no_canary(make):
    stack = make(releases=(A, B, A), live=1)
    assert f"to the newest versions of release {A}, which was published again:" in stack.run(*WATCH, "--dry-run").stdout
    assert "it is the old one, published again." in stack.run(*WATCH).stdout
    assert stack.aws.routes == NEW
    assert stack.aws.updates() == 2


@pytest.mark.parametrize("arguments", [["release"], list(WATCH)], ids=" ".join)
def test_dry_run_changes_nothing(make, arguments: list[str]):
    stack = make()
    assert "Nothing was changed (--dry-run)." in stack.run(*arguments, "--dry-run").stdout
    stack.aws.routes = CANARY
    assert "Nothing was changed (--dry-run)." in stack.run(*arguments, "--dry-run").stdout
    assert stack.aws.updates() == 0


BETWEEN = {ROLES[0]: Route(3), ROLES[1]: Route(2)}


@pytest.mark.parametrize(
    ("setting", "change", "arguments", "sentence"),
    [
        ("immediate", {}, ["release"], "its setting release is not gradual. To go back: python -m ops rollback"),
        ("gradual", {"routes": routes(1, 2)}, ["release"], f"The release of {B} is under way, and {C} was published"),
        ("gradual", {"routes": BETWEEN}, WATCH, "or an engineer moved an alias. Finish with `python -m ops"),
        ("gradual", {"routes": routes(2, 3, 0.5)}, WATCH, "a share that no command of this program sets"),
        ("gradual", {"denied": {"update_alias"}}, WATCH, "Use a role that may. Nothing was changed."),
        ("gradual", {"denied": {"describe_alarms"}}, WATCH, "may not call describe_alarms on the stack"),
        ("gradual", {"alarm_states": {}}, WATCH, "The stack has no alarm event-handler-canary on the newest version"),
        ("gradual", {"alarmed": dict.fromkeys(ROLES, 2)}, WATCH, "no alarm event-handler-canary on the newest version"),
        (
            "gradual",
            {"alarm_states": dict.fromkeys(("event-handler-canary", "query-canary"), ("ALARM", LONG_AGO))},
            WATCH,
            "event-handler-canary is in ALARM: this version failed a few minutes ago",
        ),
        ("gradual", {}, ["release", "--canary", "--minutes", "0"], "--minutes is 0; it must be a number above 0."),
    ],
)
def test_bad_state_or_input_prints_one_sentence_and_changes_nothing(make, setting, change, arguments, sentence):
    stack = make(setting=setting)
    for name, value in change.items():
        setattr(stack.aws, name, value)
    before = dict(stack.aws.routes)
    result = stack.run(*arguments)
    assert_fails(result, sentence)
    assert (result.stdout, len(result.stderr.splitlines())) == ("", 1)
    assert stack.aws.routes == before


def test_aliases_that_somebody_else_moves_are_left_alone(make):
    stack = make()
    stack.clock.on_wait = lambda: setattr(stack.aws, "routes", routes(1))
    result = stack.run(*WATCH)
    assert_fails(result, f"The aliases were changed meanwhile, and were left as they are: live is {A}.")
    assert stack.aws.routes == routes(1)


def test_canary_stops_when_another_deployment_takes_its_alarm(make):
    stack = make()
    stack.clock.on_wait = lambda: setattr(stack.aws, "alarmed", dict.fromkeys(ROLES, 4))
    result = stack.run(*WATCH)
    assert (result.exit_code, stack.aws.routes) == (3, CANARY)
    assert "no alarm is on the new version of event-handler and query any more" in result.stderr


def run_with(stack: Operated, number: int, *, executed: bool, error: BaseException) -> Any:
    """Run the canary with one call that fails, or during which a signal arrives."""
    fail_at(stack, number, error, executed=executed)
    result = stack.run(*SHORT)
    stack.aws.hook = lambda number, execute: execute()
    return result


def every_point(make: Callable[..., Operated], **settings: Any) -> list[tuple[int, bool]]:
    return [(number, executed) for number in calls_of(make(**settings), *SHORT) for executed in (False, True)]


def test_ctrl_c_at_any_call_goes_back(make):
    for number, executed in every_point(make):
        stack = make()
        result = run_with(stack, number, executed=executed, error=Stopped(signal.SIGINT))
        assert result.exit_code == 130, (number, executed)
        assert stack.aws.routes == OLD, (number, executed)


def test_ctrl_c_while_it_waits_goes_back(make):
    stack = make()

    def stop() -> None:
        raise Stopped(signal.SIGINT)

    stack.clock.on_wait = stop
    result = stack.run(*SHORT)
    assert f"All requests go to release {B} again." in result.stderr
    assert (result.exit_code, stack.aws.routes) == (130, OLD)


def test_one_failed_call_anywhere_goes_back_or_is_explained(make):
    error = client_error("ServiceException", "Operation")
    points = every_point(make)
    ends = []
    for number, executed in points:
        stack = make()
        result = run_with(stack, number, executed=executed, error=error)
        position = stack.fleet().position()
        ends.append((result.exit_code, position.phase, position.old.id))
        assert result.exit_code == 1 or stack.aws.routes == NEW, (number, executed)
        assert position.phase is not Phase.BETWEEN, (number, executed)
        if position.phase is Phase.CANARY:
            assert "Go on with `python -m ops release`" in result.stderr, (number, executed)
    # All but the last step, whose failure leaves the canary for the operator to decide.
    assert ends.count((1, Phase.SETTLED, B)) >= len(points) - 4


def test_canary_killed_anywhere_is_finished_or_undone_by_a_second_run(make):
    phases = set()
    for number, executed in every_point(make):
        for second, expected in ((SHORT, NEW), (("release",), NEW), (("rollback",), OLD)):
            stack = make()
            stack.run_until(*SHORT, call=number, executed=executed)
            position = stack.fleet().position()
            phases.add((position.phase, position.is_finishing))
            result = stack.run(*second)
            if position.phase is Phase.SETTLED and second == ("rollback",):
                # Nothing is under way: that is a rollback like any other.
                assert stack.aws.routes == (routes(1) if position.old.id == B else OLD)
                continue
            assert result.exit_code == 0, (number, executed, second, result.stderr)
            assert stack.aws.routes == expected, (number, executed, second)
    assert phases == {
        (Phase.SETTLED, False),
        (Phase.CANARY, False),
        (Phase.BETWEEN, False),
        (Phase.BETWEEN, True),
    }


def test_failing_canary_killed_anywhere_is_undone_by_a_second_run(make):
    def failing() -> Operated:
        stack = make()
        stack.clock.on_wait = lambda: stack.aws.alarm_states.update({"query-canary": ("ALARM", datetime.now(UTC))})
        return stack

    for number in calls_of(failing(), *SHORT):
        for executed in (False, True):
            stack = failing()
            stack.run_until(*SHORT, call=number, executed=executed)
            position = stack.fleet().position()
            result = stack.run(*SHORT)
            if position.phase is Phase.SETTLED:
                assert result.exit_code == 1
            assert stack.aws.routes == OLD or "is in ALARM: this version failed" in result.stderr, (number, executed)
            assert stack.run("rollback").exit_code == 0
            assert stack.fleet().position().phase is Phase.SETTLED


def test_control_a_canary_that_goes_on_without_data_is_noticed(make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(release, "decide", lambda facts, limits: Decision(Verdict.ON, "no data is good data"))
    stack = make(quiet=True)
    assert stack.run(*WATCH).exit_code == 0
    assert stack.aws.routes == NEW


def test_control_a_canary_that_ignores_interruptions_is_noticed(make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(release.Canary, "_go_back_after", lambda *arguments: None)
    stack = make()

    def stop() -> None:
        raise Stopped(signal.SIGINT)

    stack.clock.on_wait = stop
    assert stack.run(*WATCH).exit_code == 130
    assert stack.aws.routes == CANARY


def test_versions_show_the_shares(make):
    stack = make()
    stack.aws.routes = CANARY
    document = json.loads(stack.run("versions", "--json").stdout)
    assert [row["receives"] for row in document["versions"][:3]] == [10, 90, 0]
