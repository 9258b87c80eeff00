"""Which releases a stack can run and which one it runs: pure, from what Lambda says about versions and aliases.

A release is a pair of published versions, one of each function, with the same `RELEASE` in their environments.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from ops.errors import OperatorError

CANARY_WEIGHT = 0.1
LATEST = "$LATEST"
LATEST_NUMBER = 0
"""Stands for `$LATEST`, to which an engineer can point an alias by hand."""
LIST = "List them: python -m ops versions"


@dataclass(frozen=True, kw_only=True)
class Version:
    """A published version of one function."""

    number: int
    release: str
    """`RELEASE` of its environment; empty where that cannot be read."""
    artifact: str
    """`VERSION` of its environment: which code it runs."""
    published: str


@dataclass(frozen=True)
class Route:
    """Where an alias sends the requests: all to `version`, except the share `weight` to `canary`."""

    version: int
    canary: int | None = None
    weight: float = 0.0

    @property
    def numbers(self) -> tuple[int, ...]:
        """The versions that the alias names."""
        return (self.version,) if self.canary is None else (self.version, self.canary)

    def __str__(self) -> str:
        if self.canary is None:
            return f"version {self.version or LATEST}"
        old, new = (f"{100 * share:g} %" for share in (1 - self.weight, self.weight))
        return f"version {self.version} ({old}) and version {self.canary} ({new})"


@dataclass(frozen=True, kw_only=True)
class Function:
    """A function with its published versions, oldest first, and the state of its alias."""

    role: str
    name: str
    versions: tuple[Version, ...]
    route: Route
    revision: str
    """Changes whenever the alias changes."""


@dataclass(frozen=True, kw_only=True)
class Release:
    """A published version of each function that were made for each other."""

    id: str
    artifact: str
    published: str
    numbers: Mapping[str, int]
    """Version of each function, by role."""

    def routes(self) -> dict[str, Route]:
        """Return where the aliases point when all requests go to this release."""
        return {role: Route(number) for role, number in self.numbers.items()}

    def canary_routes(self, new: "Release") -> dict[str, Route]:
        """Return where the aliases point when a tenth of the requests goes to `new`."""
        return {role: Route(number, new.numbers[role], CANARY_WEIGHT) for role, number in self.numbers.items()}


class Phase(StrEnum):
    """What the aliases of both functions together say."""

    SETTLED = "settled"
    """Both run the same release."""
    CANARY = "canary"
    """Both give a tenth of the requests to the same newer or older release."""
    BETWEEN = "between"
    """A command was killed or an engineer changed one alias: the functions are not at the same point."""


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where the aliases are: at `old`, or on the way from `old` to `new`."""

    phase: Phase
    old: Release
    """The release that all requests, or most of them, go to; between two releases, the older one."""
    new: Release | None = None
    is_finishing: bool = False
    """Whether one alias was already moved from a tenth to everything."""

    def sentence(self) -> str:
        """Return where the aliases are, and what to do where that must not stay."""
        if self.new is None:
            return f"Release {self.old.id} is live."
        if self.phase is Phase.CANARY:
            return (
                f"Release {self.old.id} is live, and a tenth of the requests goes to release {self.new.id}. "
                f"Go on: python -m ops release. Go back: python -m ops rollback"
            )
        return (
            f"The functions do not match: they are between release {self.old.id} and {self.new.id}, because a command "
            f"was killed or an engineer moved an alias. Go back to {self.old.id}: python -m ops rollback. Or finish: "
            f"python -m ops rollback --to {self.new.id}"
        )


@dataclass(frozen=True)
class Fleet:
    """Both functions as they are now, always in the same order, so that two operators meet at the same alias."""

    functions: tuple[Function, ...]

    @cached_property
    def releases(self) -> tuple[Release, ...]:
        """The releases that can run, newest first.

        The same release can be published twice, when its code comes back: the newest versions of each function belong
        together, then the ones before. A version without a counterpart, of a deployment that was interrupted, is no
        release.
        """
        by_release: dict[str, list[list[Version]]] = defaultdict(list)
        for function in self.functions:
            own: dict[str, list[Version]] = defaultdict(list)
            for version in reversed(function.versions):
                if version.release:
                    own[version.release].append(version)
            for release, versions in own.items():
                by_release[release].append(versions)
        roles = [function.role for function in self.functions]
        found = [
            Release(
                id=release,
                artifact=pair[0].artifact,
                published=max(version.published for version in pair),
                numbers={role: version.number for role, version in zip(roles, pair, strict=True)},
            )
            for release, lists in by_release.items()
            if len(lists) == len(roles)
            for pair in zip(*lists, strict=False)
        ]
        return tuple(sorted(found, key=lambda release: release.numbers[roles[0]], reverse=True))

    @property
    def newest(self) -> Release:
        """The release that was published last; raises OperatorError when none is complete."""
        if not self.releases:
            raise OperatorError(
                "No release can be read from the published versions: either none is published for both functions, or "
                "these credentials may not decrypt the functions' environments. Deploy with this version of the "
                "program, or use a role that may use the stack's key."
            )
        return self.releases[0]

    def release_of(self, role: str, number: int) -> Release | None:
        """Return the release that this version of a function is part of."""
        return next((release for release in self.releases if release.numbers[role] == number), None)

    def position(self) -> Position:
        """Return where the aliases are; raises OperatorError when no command of this program left them so."""
        newest = self.newest
        mains, canaries = [], []
        for function in self.functions:
            route = function.route
            for number in route.numbers:
                if self.release_of(function.role, number) is None:
                    raise OperatorError(
                        f"The alias of {function.role} names version {number or LATEST}, which is part of no release: "
                        f"an engineer moved it by hand, or a deployment was interrupted. {choose()}"
                    )
            if route.canary is not None and abs(route.weight - CANARY_WEIGHT) > 1e-9:
                raise OperatorError(
                    f"The alias of {function.role} points to {route}, a share that no command of this program sets. "
                    "Lambda sets such a share itself while it prepares provisioned concurrency: wait a few minutes. "
                    f"Otherwise an engineer did. {choose()}"
                )
            mains.append(self.release_of(function.role, route.version) or newest)
            canaries.append(None if route.canary is None else self.release_of(function.role, route.canary))
        return self._position(mains, canaries)

    def _position(self, mains: list[Release], canaries: list[Release | None]) -> Position:
        order = {release.id: place for place, release in reversed(list(enumerate(self.releases)))}
        under_way = {release.id: release for release in canaries if release}
        at = {release.id: release for release in mains}
        if not under_way:
            older, *newer = sorted(at.values(), key=lambda release: -order[release.id])
            if not newer:
                return Position(phase=Phase.SETTLED, old=older)
            return Position(phase=Phase.BETWEEN, old=older, new=newer[0])
        new = next(iter(under_way.values()))
        olds = {release.id: release for release in mains if release.id != new.id}
        # An alias that gives a tenth to the new release must give the rest to the old one.
        is_own = all(canary is None or canary.id != main.id for main, canary in zip(mains, canaries, strict=True))
        if len(under_way) > 1 or len(olds) != 1 or not is_own:
            shown = "; ".join(f"{function.role} at {function.route}" for function in self.functions)
            raise OperatorError(f"Two releases are under way at once: {shown}. {choose()}")
        old = next(iter(olds.values()))
        if None not in canaries:
            return Position(phase=Phase.CANARY, old=old, new=new)
        return Position(phase=Phase.BETWEEN, old=old, new=new, is_finishing=new.id in at)

    def describe(self) -> str:
        """Return a sentence about where the aliases are, whoever put them there."""
        try:
            position = self.position()
        except OperatorError as error:
            return str(error)
        if position.phase is Phase.SETTLED and position.old.id != self.newest.id:
            return f"{position.sentence()} The newest, {self.newest.id}, gets no requests."
        return position.sentence()

    def before(self, release: Release) -> Release | None:
        """Return the release that was published before this one and differs from it."""
        place = self.releases.index(release)
        return next((older for older in self.releases[place + 1 :] if older.id != release.id), None)

    def find(self, text: str) -> Release:
        """Return the release whose RELEASE or VERSION is `text`; raises OperatorError for none or several."""
        # An empty text, as of a variable that a script did not set, would match a VERSION that cannot be read.
        found = [release for release in self.releases if text and text in (release.id, release.artifact)]
        if not found:
            is_number = re.fullmatch(r"-?\d+|\$LATEST", text)
            rule = " A version's number names no release, because it is that of one function." if is_number else ""
            raise OperatorError(f"No release that is kept has RELEASE or VERSION {text!r}.{rule} {LIST}")
        if len({release.id for release in found}) > 1:
            ids = ", ".join(release.id for release in found)
            raise OperatorError(f"VERSION {text} is part of several releases: {ids}. Name one of them with --to.")
        return found[0]


def choose() -> str:
    """Return the sentence about aliases that only an engineer can judge."""
    return f"Choose what must run with `python -m ops rollback --to RELEASE`. {LIST}"


def prunable(fleet: Fleet, kept: int) -> dict[str, tuple[int, ...]]:
    """Return the versions of each function that nothing needs, by role, oldest first.

    Needed are the newest `kept` releases, what the aliases name, the release before what is live, and every version
    newer than the newest release, because a deployment may be publishing it now. Of a release that came back, newer
    versions are needed too: without them, the older ones would belong to others.
    """
    needed = list(fleet.releases[:kept])
    named = {function.role: set(function.route.numbers) for function in fleet.functions}
    for function in fleet.functions:
        for number in function.route.numbers:
            if release := fleet.release_of(function.role, number):
                needed += [release, *filter(None, [fleet.before(release)])]
    newest = fleet.newest
    return {
        function.role: tuple(
            version.number
            for version in function.versions
            if version.number < newest.numbers[function.role]
            and version.number not in named[function.role]
            and not any(
                version.release == release.id and version.number >= release.numbers[function.role] for release in needed
            )
        )
        for function in fleet.functions
    }


def prunable_alone(function: Function, kept: int) -> tuple[int, ...]:
    """Return the versions of a function without releases that nothing needs, oldest first.

    Needed are the newest `kept`, what the alias names, and every version newer than that, because a deployment may be
    publishing it now.
    """
    newest = function.versions[-kept:]
    return tuple(
        version.number
        for version in function.versions
        if version not in newest
        and version.number not in function.route.numbers
        and version.number < function.route.version
    )
