"""What a command does to the aliases next, from where they are: pure, as `ops.releases` is."""

from collections.abc import Mapping
from dataclasses import dataclass

from ops.errors import OperatorError
from ops.releases import LIST, Fleet, Phase, Position, Release, Route


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a command does to the aliases: `routes`, which make `release` live or give it a tenth."""

    release: Release
    routes: Mapping[str, Route]
    meaning: str
    """What it is, for the operator: `goes back to release ...`."""


def rollback_step(fleet: Fleet, to: str | None) -> Step:
    """Return the step back: to the named release, out of what is under way, or to the release before.

    `to` works wherever the aliases are. Raises OperatorError when there is nothing to go back to.
    """
    if to is not None:
        release = fleet.find(to)
        return Step(release=release, routes=release.routes(), meaning=f"to release {release.id}, as named")
    position = fleet.position()
    if position.new:
        release = position.old
        meaning = f"back to release {release.id}, out of the release of {position.new.id}"
        return Step(release=release, routes=release.routes(), meaning=meaning)
    release = fleet.before(position.old)
    if release is None:
        raise OperatorError(
            f"Release {position.old.id} is the oldest that is kept, so there is none to go back to. {LIST}"
        )
    return Step(release=release, routes=release.routes(), meaning=f"from release {position.old.id} to {release.id}")


def release_step(fleet: Fleet) -> Step:
    """Return the step that gives all requests to the newest release, whether or not a canary runs."""
    position, newest = fleet.position(), fleet.newest
    _reject_other(position, newest)
    is_again = position.phase is Phase.SETTLED and position.old.id == newest.id
    meaning = (
        f"to the newest versions of release {newest.id}, which was published again"
        if is_again
        else f"from release {position.old.id} to {newest.id}"
    )
    return Step(release=newest, routes=newest.routes(), meaning=meaning)


def canary_step(fleet: Fleet) -> Step | None:
    """Return the step that gives a tenth to the newest release, or finishes a release; None when a canary runs."""
    position, newest = fleet.position(), fleet.newest
    _reject_other(position, newest)
    if position.phase is Phase.CANARY:
        return None
    # A command that was killed while it finished had decided already; and there may be nothing to release.
    if position.is_finishing or (position.phase is Phase.SETTLED and position.old.id == newest.id):
        return release_step(fleet)
    if position.phase is Phase.BETWEEN and all(function.route.canary is None for function in fleet.functions):
        raise OperatorError(
            f"One function runs release {position.old.id} and the other {newest.id}: a command was killed, or an "
            "engineer moved an alias. Finish with `python -m ops release`, or go back with `python -m ops rollback`."
        )
    meaning = f"a tenth from release {position.old.id} to {newest.id}"
    return Step(release=newest, routes=position.old.canary_routes(newest), meaning=meaning)


def is_done(fleet: Fleet, step: Step) -> bool:
    """Whether the aliases are already where the step puts them."""
    return all(function.route == step.routes[function.role] for function in fleet.functions)


def _reject_other(position: Position, newest: Release) -> None:
    if position.new and position.new.id != newest.id:
        raise OperatorError(
            f"The release of {position.new.id} is under way, and {newest.id} was published meanwhile. Go back first "
            f"with `python -m ops rollback`, or finish it with `python -m ops rollback --to {position.new.id}`."
        )
