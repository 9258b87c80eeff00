"""A rollback moves both functions or neither, whatever fails, whoever else acts, and wherever it is killed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from ops import aliases
from ops.releases import LATEST_NUMBER, Phase, Route
from tests.ops.published import RELEASES, ROLES, Aws, Operated, calls_of, client_error, fail_at, routes
from tests.ops.simulated_stack import assert_fails

A, B, C = RELEASES
NO_ARTIFACT = {role: {number: (release, "") for number, release in enumerate(RELEASES, 1)} for role in ROLES}


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Operated]:
    def make_stack(live: int = 3, setting: str = "immediate", **aws: Any) -> Operated:
        return Operated(Aws(live=live, **aws), tmp_path, monkeypatch, setting)

    return make_stack


def test_both_functions_go_to_the_release_before(make):
    stack = make()
    result = stack.run("rollback")
    assert result.exit_code == 0, result.stderr
    assert stack.aws.routes == routes(2)
    assert f"Move from release {C} to {B}:" in result.stdout
    assert "query         from version 3 to version 2" in result.stdout
    assert f"All requests go to release {B}, after " in result.stdout
    assert "Do not run `pulumi up --refresh`: it would release the newest version again." in result.stdout
    assert stack.run("rollback").exit_code == 0
    assert stack.aws.routes == routes(1)
    assert_fails(stack.run("rollback"), f"Release {A} is the oldest that is kept")
    result = stack.run("rollback", "--to", C)
    assert (result.exit_code, stack.aws.routes) == (0, routes(3))
    assert "`pulumi preview` shows no change, also with --refresh." in result.stdout


def test_gradual_stack_shows_no_change_in_a_preview(make):
    result = make(setting="gradual").run("rollback")
    assert "`pulumi preview` shows no change: the program leaves the aliases" in result.stdout


def test_dry_run_changes_nothing(make):
    stack = make()
    result = stack.run("rollback", "--dry-run")
    assert f"Move from release {C} to {B}:" in result.stdout
    assert "Nothing was changed (--dry-run)." in result.stdout
    assert (stack.aws.updates(), stack.aws.routes) == (0, routes(3))


def test_release_that_is_live_needs_no_step(make):
    stack = make()
    assert stack.run("rollback", "--to", C).stdout == f"Release {C} is live already: nothing to do.\n"
    assert stack.aws.updates() == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Route(3, 2, 0.5), Route(3, 2, 0.5)),
        (Route(3), Route(2)),
        (Route(LATEST_NUMBER), Route(3)),
        (Route(1, 3, 0.1), Route(1)),
        (Route(1, 3, 0.1), Route(2, 3, 0.1)),
    ],
    ids=str,
)
def test_named_release_is_reached_from_aliases_moved_by_hand(make, first: Route, second: Route):
    stack = make()
    stack.aws.routes = dict(zip(ROLES, (first, second), strict=True))
    result = stack.run("rollback", "--to", B)
    assert (result.exit_code, stack.aws.routes) == (0, routes(2))
    assert ("query         stays at version 2" in result.stdout) == (second == Route(2))


@pytest.mark.parametrize(
    ("change", "arguments", "sentence"),
    [
        ({}, ["--to", "gone"], "No release that is kept has RELEASE or VERSION 'gone'. List them"),
        ({}, ["--to", "2"], "VERSION '2'. A version's number names no release, because it is that of one function."),
        ({}, ["--to", "$LATEST"], "A version's number names no release"),
        ({}, ["--to", "-1"], "A version's number names no release"),
        ({"versions": NO_ARTIFACT}, ["--to", ""], "No release that is kept has RELEASE or VERSION ''"),
        ({"routes": routes(LATEST_NUMBER)}, [], "names version $LATEST, which is part of no release"),
        ({"routes": routes(3, 2, 0.5)}, [], "a share that no command of this program sets"),
        ({"routes": {ROLES[0]: Route(1, 3, 0.1), ROLES[1]: Route(2, 3, 0.1)}}, [], "Two releases are under way"),
        ({"denied": {"update_alias"}}, [], "may not call update_alias on the stack. Use a role that may. Nothing was"),
        ({"denied": {"list_versions_by_function"}}, [], "may not call list_versions_by_function"),
    ],
)
def test_bad_state_or_input_prints_one_sentence_and_changes_nothing(make, change, arguments, sentence):
    stack = make()
    for name, value in change.items():
        setattr(stack.aws, name, value)
    before = dict(stack.aws.routes)
    result = stack.run("rollback", *arguments)
    assert_fails(result, sentence)
    assert len(result.stderr.splitlines()) == 1
    assert stack.aws.routes == before


def test_stack_without_alias_is_explained(make, monkeypatch: pytest.MonkeyPatch):
    def missing(**_: Any) -> None:
        raise client_error("ResourceNotFoundException", "GetAlias")

    stack = make()
    monkeypatch.setattr(stack.aws, "_get_alias", missing)
    assert_fails(stack.run("rollback"), "has no alias live. Deploy the stack with this version of the program.")


def test_provisioned_concurrency_that_is_not_ready_is_reported(make):
    stack = make()
    stack.aws.warming = {"query"}
    result = stack.run("rollback")
    assert result.exit_code == 0
    assert (
        "Lambda points query to version 2 (0 %) and version 3 (100 %) until the provisioned concurrency of version 2"
        in result.stderr
    )
    assert "a share that no command" in stack.run("rollback", "--dry-run").stderr


ERRORS = (client_error("TooManyRequestsException", "UpdateAlias"), ReadTimeoutError(endpoint_url="https://lambda"))


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("executed", [False, True])
def test_after_one_failed_call_both_functions_are_as_before(make, error: Exception, executed: bool):
    calls = calls_of(make(), "rollback")
    assert len(calls) == 6
    for number in calls:
        stack = make()
        fail_at(stack, number, error, executed=executed)
        result = stack.run("rollback")
        assert (result.exit_code, stack.aws.routes) == (1, routes(3)), number
        if number > 4:
            assert "Nothing was changed" in result.stderr
        if (number, executed) == (6, False):
            assert "Nothing was changed: event-handler was moved back to version 3." in result.stderr


def test_response_that_was_lost_and_repeated_counts_as_moved(make):
    """botocore repeats a request whose response was lost, and then the revision has changed."""
    stack = make()

    def twice(number: int, execute: Callable[[], Any]) -> Any:
        if stack.aws.calls[-1][0] == "update_alias":
            execute()
        return execute()

    stack.aws.hook = twice
    assert stack.run("rollback").exit_code == 0
    assert stack.aws.routes == routes(2)


def test_failure_that_cannot_be_undone_says_which_command_does(make):
    stack = make()

    def fail_from(number: int, execute: Callable[[], Any]) -> Any:
        if number >= 6:
            raise client_error("ServiceException", "UpdateAlias")
        return execute()

    stack.aws.hook = fail_from
    result = stack.run("rollback")
    assert_fails(result, "Whether query and event-handler was moved is unknown")
    assert "run the command again, or `python -m ops rollback`" in result.stderr
    stack.aws.hook = lambda number, execute: execute()
    assert stack.fleet().position().phase is Phase.BETWEEN
    assert "The functions do not match" in stack.run("versions").stderr
    assert stack.run("rollback").exit_code == 0
    assert stack.aws.routes == routes(2)


def killed_points(make: Callable[[], Operated], *arguments: str) -> list[tuple[int, bool]]:
    return [(number, executed) for number in calls_of(make(), *arguments) for executed in (False, True)]


def test_second_run_after_a_kill_anywhere_ends_with_both_at_one_release(make):
    reached = set()
    for number, executed in killed_points(make, "rollback"):
        stack = make()
        stack.run_until("rollback", call=number, executed=executed)
        between = stack.fleet().position()
        reached.add(between.phase)
        assert stack.run("rollback").exit_code == 0
        # Once both had moved, nothing shows that the first run was killed: the second one goes one release further.
        expected = 1 if between.phase is Phase.SETTLED and between.old.id == B else 2
        assert stack.aws.routes == routes(expected), (number, executed)
    assert reached == {Phase.SETTLED, Phase.BETWEEN}


def test_killed_rollback_is_finished_forward_by_naming_the_release(make):
    stack = make()
    stack.run_until("rollback", call=5, executed=True)
    shown = stack.run("versions").stderr
    assert f"Or finish: python -m ops rollback --to {C}" in shown
    assert stack.run("rollback", "--to", C).exit_code == 0
    assert stack.aws.routes == routes(3)


def interleaved(make: Callable[[], Operated], first: str, second: str) -> list[tuple[int, set[str]]]:
    """Run a whole command of another operator before each call of the first; return where both functions end."""
    ends = []
    for number in calls_of(make(), "rollback", "--to", first):
        stack = make()
        start = len(stack.aws.calls)

        def call(count: int, execute: Callable[[], Any], stack: Operated = stack, at: int = start + number) -> Any:
            if count == at:
                stack.aws.hook = lambda count, execute: execute()
                stack.run("rollback", "--to", second)
            return execute()

        stack.aws.hook = call
        stack.run("rollback", "--to", first)
        ends.append((number, {str(route) for route in stack.aws.routes.values()}))
    return ends


@pytest.mark.parametrize("second", [A, B, C])
def test_two_operators_never_leave_the_functions_at_different_releases(make, second: str):
    for number, ends in interleaved(make, A, second):
        assert len(ends) == 1, (number, ends)


def test_control_without_revisions_two_operators_do(make, monkeypatch: pytest.MonkeyPatch):
    update = aliases._update
    monkeypatch.setattr(
        aliases,
        "_update",
        lambda client, name, route, revision: update(
            client, name, route, client.get_alias(FunctionName=name, Name="live")["RevisionId"]
        ),
    )
    assert any(len(ends) > 1 for _, ends in interleaved(make, A, B))


def test_control_without_an_undo_a_failed_second_call_leaves_a_mismatch(make, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(aliases, "_undo", lambda *arguments: "")
    stack = make()
    fail_at(stack, 6, ERRORS[0], executed=False)
    stack.run("rollback")
    assert stack.aws.routes != routes(3)


def test_pruning_keeps_the_newest_and_what_is_live(make):
    stack = make(releases=(*RELEASES, "dddddddddddd", "eeeeeeeeeeee"), live=2)
    listed = stack.run("versions")
    assert "event-handler\t2\tbbbbbbbbbbbb\tcode-b\t2026-11-02\t100 %\t" in listed.stdout
    assert f"Release {B} is live. The newest, eeeeeeeeeeee, gets no requests." in listed.stderr
    dry = stack.run("versions", "--prune", "--dry-run")
    assert "query         1 version would be deleted: 3" in dry.stdout
    assert len(stack.aws.versions["query"]) == 5
    assert "query         1 version deleted: 3" in stack.run("versions", "--prune").stdout
    assert list(stack.aws.versions["query"]) == [1, 2, 4, 5]
    assert list(stack.aws.versions["probe"]) == [4, 5], "of the probe, as many as releases"
    assert stack.run("rollback").exit_code == 0
    assert stack.aws.routes == routes(1)
    for operation, request in stack.aws.calls:
        assert operation != "delete_function" or int(request["Qualifier"]) > 0


def test_version_that_became_live_meanwhile_is_kept(make):
    stack = make(releases=(*RELEASES, "dddddddddddd", "eeeeeeeeeeee"), live=5)
    first = stack.aws.hook

    def call(number: int, execute: Callable[[], Any]) -> Any:
        if stack.aws.calls[-1][0] == "delete_function":
            stack.aws.routes = routes(3)
            stack.aws.hook = first
        return execute()

    stack.aws.hook = call
    result = stack.run("versions", "--prune")
    assert "event-handler 2 versions deleted: 1, 2" in result.stdout
    assert 3 in stack.aws.versions["query"]


def test_versions_as_json_name_what_has_no_counterpart(make):
    stack = make(releases={"event-handler": RELEASES, "query": (A, B)}, live=2)
    result = stack.run("versions", "--json")
    assert result.stdout.count('"complete": false') == 1
    assert_fails(stack.run("versions", "--dry-run"), "Use both.")
