"""The versions in CHANGELOG.md, and what an entry lacks that a release needs. Standard library only."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parents[1]
CHANGELOG = ROOT / "CHANGELOG.md"
IN_A_RUNNING_STACK = "What this version replaces or changes in a running stack"
"""The section that tells an operator before `pulumi up` what the upgrade does."""


@dataclass(frozen=True)
class Entry:
    """What the changelog says of a version, or of what no version has yet."""

    title: str
    text: str
    """Everything between this heading and the next entry's."""

    @property
    def released(self) -> bool:
        """Whether the heading names a version and a day."""
        return re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", self.title) is not None

    @property
    def version(self) -> str:
        """Such as 0.1.0, for a released entry."""
        return self.title.partition(" - ")[0]

    @property
    def day(self) -> str:
        """Such as 2026-11-26, for a released entry."""
        return self.title.partition(" - ")[2]

    @property
    def commit(self) -> str | None:
        """The commit whose source the version is. A release cannot name its own: the next change adds it."""
        found = re.search(r"Its source is commit ([0-9a-f]+)\.", self.text)
        return found[1] if found else None

    def section(self, heading: str) -> str:
        """The text below a heading of this entry; empty when there is none."""
        found = re.search(rf"^### {re.escape(heading)}\n(.*?)(?=^### |\Z)", self.text, re.DOTALL | re.MULTILINE)
        return found[1].strip() if found else ""


def entries(text: str) -> list[Entry]:
    """The entries of a changelog, the newest first."""
    _, *parts = re.split(r"^## (.+)\n", text, flags=re.MULTILINE)
    return [Entry(title, body.strip()) for title, body in zip(parts[::2], parts[1::2], strict=True)]


def releases(text: str) -> list[Entry]:
    """The released entries, the newest first."""
    return [entry for entry in entries(text) if entry.released]


def upgraded_from(text: str) -> Entry:
    """The newest release that names its commit: stacks that run it are upgraded to what is here."""
    return next(entry for entry in releases(text) if entry.commit)


def problems(text: str, version: str) -> Iterator[str]:
    """Yield a sentence for each rule that a changelog violates, when the project's version is this one."""
    first, *others = entries(text)
    for entry in others if first.title == "Unreleased" else [first, *others]:
        if not entry.released:
            yield f'The heading "{entry.title}" is not "VERSION - YEAR-MONTH-DAY", nor "Unreleased" on top.'
    for entry in (first, *others):
        if entry.text and not entry.section(IN_A_RUNNING_STACK):
            yield f'{entry.title} has no section "{IN_A_RUNNING_STACK}".'
    yield from _order_problems(released := releases(text))
    newest = released[0].version if released else "none"
    if newest != version:
        yield f"The newest release is {newest}, and pyproject.toml says {version}."
    # Nothing is released yet of what is above a release, so that release is no longer the commit it is in.
    finished = released if first.title == "Unreleased" and first.text else released[1:]
    for entry in finished:
        if not entry.commit:
            yield f'{entry.version} does not name its source: "Its source is commit ...".'


def _order_problems(released: list[Entry]) -> Iterator[str]:
    for entry in released:
        try:
            date.fromisoformat(entry.day)
        except ValueError:
            yield f"{entry.version} is of {entry.day}, which is no day."
    for newer, older in pairwise(released):
        if _numbers(newer.version) <= _numbers(older.version):
            yield f"{newer.version} is above {older.version} and not newer."
        if newer.day < older.day:
            yield f"{newer.version} is of {newer.day}, before {older.version}."


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))
