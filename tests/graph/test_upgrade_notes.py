"""CHANGELOG.md names each resource that an upgrade from the newest release creates or deletes."""

import copy
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tests.graph.test_release import BASE, by_urn
from tools import changelog
from tools.release_graph import RELEASES, lines_of

NEWEST = changelog.entries(changelog.CHANGELOG.read_text())[0]
NOTES = NEWEST.section(changelog.IN_A_RUNNING_STACK)


def created_or_deleted(stack: str, graph: Graph) -> set[str]:
    """Return logical names."""
    before = by_urn(Path(RELEASES, BASE, f"{stack}.jsonl").read_text().splitlines())
    return {urn.split("::")[-1] for urn in before.keys() ^ by_urn(lines_of(graph)).keys()}


def unnamed(names: Iterable[str], notes: str) -> list[str]:
    """Return the names that no text in backticks matches, such as `record-damaged` or `probe-*`."""
    patterns = re.findall(r"`([^`\s]+)`", notes)
    return sorted(name for name in names if not any(fnmatchcase(name, pattern) for pattern in patterns))


def test_notes_are_for_an_upgrade_from_the_base() -> None:
    assert f"An upgrade from {BASE}" in NOTES


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_notes_name_what_an_upgrade_creates_and_deletes(stack: str, request: pytest.FixtureRequest) -> None:
    changed = created_or_deleted(stack, request.getfixturevalue(f"{stack}_graph"))
    assert unnamed(changed, NOTES) == []
    assert unnamed(changed, "`*-not-there`") == sorted(changed), "the control"


def test_control_an_unnamed_resource_is_found(dev_graph: Graph) -> None:
    graph = copy.deepcopy(dev_graph)
    table = next(resource for resource in graph.resources if resource.type == aws.TABLE)
    table.urn += "-renamed"
    assert len(unnamed(created_or_deleted("dev", graph), NOTES)) == 2


def test_patterns_name_groups() -> None:
    assert unnamed(["probe-function", "probe-role"], "creates the probe, `probe-*`") == []
