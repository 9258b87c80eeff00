"""From every state of the two aliases, each step leads to one release or ends in a sentence."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.errors import OperatorError
from ops.release_steps import canary_step, release_step, rollback_step
from ops.releases import CANARY_WEIGHT, Fleet, Function, Phase, Route, Version, prunable, prunable_alone
from tests.ops.published import RELEASES, ROLES

A, B, C = RELEASES


def function(role: str, releases: tuple[str, ...], route: Route) -> Function:
    versions = tuple(
        Version(number=number, release=release, artifact=f"code-{release[:1]}", published=f"2026-11-{number:02}")
        for number, release in enumerate(releases, 1)
        if release != "deleted"
    )
    return Function(role=role, name=role, versions=versions, route=route, revision="1")


def fleet(first: Route, second: Route, releases: tuple[str, ...] = RELEASES, other: tuple[str, ...] = ()) -> Fleet:
    return Fleet((function(ROLES[0], releases, first), function(ROLES[1], other or releases, second)))


def every_route() -> Iterator[Route]:
    for version in (1, 2, 3):
        yield Route(version)
        for canary, weight in itertools.product({1, 2, 3} - {version}, (CANARY_WEIGHT, 0.5)):
            yield Route(version, canary, weight)


EVERY_STATE = [fleet(first, second) for first, second in itertools.product(every_route(), repeat=2)]


def attempt(step: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return step(*arguments)
    except OperatorError as error:
        return error


def test_every_state_is_understood_or_explained():
    found = [attempt(Fleet.position, state) for state in EVERY_STATE]
    assert all("python -m ops" in str(error) for error in found if isinstance(error, OperatorError))
    phases = [position.phase for position in found if not isinstance(position, OperatorError)]
    assert len(EVERY_STATE) == 225
    # Three releases; six canaries; six pairs of releases, and between a canary and either of its ends four ways.
    assert (phases.count(Phase.SETTLED), phases.count(Phase.CANARY), phases.count(Phase.BETWEEN)) == (3, 6, 30)


@pytest.mark.parametrize("step", [rollback_step, release_step, canary_step], ids=lambda step: step.__name__)
def test_every_step_puts_both_functions_at_the_same_point(step):
    for state in EVERY_STATE:
        arguments = (state, None) if step is rollback_step else (state,)
        found = attempt(step, *arguments)
        if found is None or isinstance(found, OperatorError):
            continue
        after = Fleet(
            tuple(function(part.role, RELEASES, found.routes[part.role]) for part in state.functions)
        ).position()
        assert after.phase is (Phase.CANARY if after.new else Phase.SETTLED)
        if step is rollback_step:
            assert after.new is None
        else:
            assert found.release.id == C


def test_rollback_goes_to_the_older_release_and_never_further_than_needed():
    for state in EVERY_STATE:
        position = attempt(Fleet.position, state)
        step = attempt(rollback_step, state, None)
        if isinstance(position, OperatorError):
            assert isinstance(step, OperatorError)
        elif position.new:
            assert step.release == position.old
        elif position.old.id == A:
            assert "oldest that is kept" in str(step)
        else:
            assert step.release.numbers[ROLES[0]] == position.old.numbers[ROLES[0]] - 1


def test_rollback_to_a_named_release_works_from_every_state():
    for state in EVERY_STATE:
        step = rollback_step(state, B)
        assert step.routes == dict.fromkeys(ROLES, Route(2))


def test_version_of_several_releases_must_be_named_by_release():
    def with_same_code(role: str) -> Function:
        part = function(role, RELEASES, Route(3))
        versions = [Version(number=v.number, release=v.release, artifact="code", published="") for v in part.versions]
        return Function(role=role, name=role, versions=tuple(versions), route=Route(3), revision="1")

    state = Fleet(tuple(map(with_same_code, ROLES)))
    with pytest.raises(OperatorError, match=f"part of several releases: {C}, {B}, {A}"):
        rollback_step(state, "code")
    with pytest.raises(OperatorError, match="No release that is kept has RELEASE or VERSION 'gone'"):
        rollback_step(state, "gone")


def test_version_without_counterpart_is_no_release():
    state = fleet(Route(2), Route(2), RELEASES, (A, B))  # the deployment of C was interrupted
    assert [release.id for release in state.releases] == [B, A]
    assert release_step(state).release.id == B
    moved = fleet(Route(3), Route(2), RELEASES, (A, B))
    with pytest.raises(OperatorError, match="names version 3, which is part of no release"):
        moved.position()


def test_release_that_comes_back_is_paired_from_the_newest():
    state = fleet(Route(3), Route(3), (A, B, A))
    assert [release.numbers[ROLES[0]] for release in state.releases] == [3, 2, 1]
    assert rollback_step(state, None).release.id == B
    assert rollback_step(fleet(Route(1), Route(1), (A, B, A)), A).routes[ROLES[0]] == Route(3)


def test_shares_that_no_command_sets_are_explained():
    with pytest.raises(OperatorError, match=r"version 2 \(0 %\) and version 1 \(100 %\), a share that no command"):
        fleet(Route(2, 1, 1.0), Route(2)).position()


def test_unreadable_environments_are_explained():
    with pytest.raises(OperatorError, match="may not decrypt"):
        fleet(Route(1), Route(1), ("", "")).position()


def test_second_release_waits_for_the_first():
    state = fleet(Route(1, 2, CANARY_WEIGHT), Route(1, 2, CANARY_WEIGHT))
    for step in (release_step, canary_step):
        with pytest.raises(OperatorError, match=f"The release of {B} is under way, and {C} was published meanwhile"):
            step(state)


published = st.lists(st.sampled_from([*RELEASES, "dddddddddddd", "deleted", ""]), min_size=1, max_size=9).map(tuple)


@settings(max_examples=300)
@given(first=published, second=published, kept=st.integers(2, 4), data=st.data())
def test_pruning_keeps_what_can_be_needed(first: tuple[str, ...], second: tuple[str, ...], kept: int, data):
    lists = [first, second]
    numbers = [[number for number, release in enumerate(releases, 1) if release != "deleted"] for releases in lists]
    if not all(numbers):
        return
    chosen = [data.draw(st.sampled_from(own)) for own in numbers]
    state = fleet(Route(chosen[0]), Route(chosen[1]), first, second)
    if not state.releases:
        with pytest.raises(OperatorError):
            prunable(state, kept)
        return
    gone = prunable(state, kept)
    after = Fleet(
        tuple(
            Function(
                role=part.role,
                name=part.name,
                versions=tuple(version for version in part.versions if version.number not in gone[part.role]),
                route=part.route,
                revision="1",
            )
            for part in state.functions
        )
    )
    assert [release.id for release in after.releases[:kept]] == [release.id for release in state.releases[:kept]]
    for part in after.functions:
        assert part.route.version in {version.number for version in part.versions}
        newest = state.newest.numbers[part.role]
        assert not [number for number in gone[part.role] if number >= newest]
    before, now = (attempt(rollback_step, found, None) for found in (state, after))
    if not isinstance(before, OperatorError):
        assert (now.release.id, now.routes) == (before.release.id, before.routes)
    assert all(not numbers for numbers in prunable(after, kept).values())


@pytest.mark.parametrize(
    ("live", "kept", "gone"),
    [
        (Route(5), 2, (1, 2, 3)),
        (Route(5), 9, ()),
        (Route(2), 1, (1,)),  # a deployment may be publishing what is newer
        (Route(4, 2, 0.1), 1, (1, 3)),
        (Route(0), 1, ()),  # an engineer points the alias to $LATEST
    ],
)
def test_of_a_function_without_releases_the_newest_and_the_live_versions_are_kept(
    live: Route, kept: int, gone: tuple[int, ...]
):
    assert prunable_alone(function("probe", ("a", "b", "c", "d", "e"), live), kept) == gone
