"""Differences between two recordings as Pulumi sees them: archives by content, everything else by value."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi

from localcloud import samples
from localcloud.deployer.engine import Resource
from localcloud.deployer.recorder import ROOT, Graph
from localcloud.deployer.wire import UNKNOWN

Change = tuple[str, str]
"""Name of a resource, or `outputs`, and the path of the difference."""
Edit = tuple[str, str, str]
"""A file, a text in it, and the replacement."""
Leaves = Mapping[str, Any]
UNORDERED = ("secret_inputs", "depends_on", "additional_secret_outputs")
PACKAGES = ("components", "handlers")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its path; `~` marks JSON in a string, whose values are included."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    elif isinstance(value, str) and value.startswith(('{"', "[{")):
        yield from leaves(json.loads(value), f"{path}~")
    else:
        archive = isinstance(value, pulumi.FileArchive)
        yield path, hashlib.sha256(Path(value.path).read_bytes()).hexdigest() if archive else value


def differing(before: Leaves, after: Leaves) -> set[str]:
    """The paths whose values differ, except below a value that a preview does not know."""
    unknown = tuple(path for found in (before, after) for path, value in found.items() if value is UNKNOWN)
    paths = {path for path in before.keys() | after.keys() if not path.startswith(unknown)}
    return {path for path in paths if path not in before or path not in after or before[path] != after[path]}


def values(graph: Graph) -> Mapping[str, Leaves]:
    """Everything a deployment depends on, by URN."""
    plain = {resource.urn: _plain(resource) for resource in graph.resources}
    plain["outputs"] = graph.outputs | {"secret": sorted(graph.secret_outputs)}
    return {urn: dict(leaves(found)) for urn, found in plain.items()}


def changes(old: Graph, new: Graph) -> set[Change]:
    """Return where two recordings differ; a resource that is in one recording only differs as a whole."""
    before, after = values(old), values(new)
    found = {(urn.split("::")[-1], "") for urn in before.keys() ^ after.keys()}
    for urn in before.keys() & after.keys():
        found |= {(urn.split("::")[-1], path) for path in differing(before[urn], after[urn])}
    return found


def taken_out(*graphs: Graph) -> set[tuple[str, str]]:
    """Type and path of each input that some of these stacks give to a resource, and others do not."""
    found: dict[str, list[tuple[str, set[str]]]] = {}
    for graph in graphs:
        for resource in graph.resources:
            given = {path for path, value in leaves(resource.inputs) if value is not None and "[" not in path}
            found.setdefault(resource.name, []).append((resource.type, given))
    return {
        (type_, path)
        for stacks in found.values()
        for type_, given in stacks
        for path in set().union(*(other for _, other in stacks)) - given
        if "~" not in path
    }


def unlike_preview(preview: Graph, graph: Graph) -> set[Change]:
    """Return where a preview differs from the deployment; values unknown to the preview do not count."""
    return {(name, path) for name, path in changes(preview, graph) if name != "outputs"}


def clone(folder: Path, *edits: Edit) -> Path:
    """Copy the program and its built artifacts into a folder, and edit the copy."""
    folder.mkdir()
    samples.write(ROOT, folder)
    shutil.copy(ROOT / "__main__.py", folder)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / ".build", folder / ".build", copy_function=os.symlink)
    for name, old, new in edits:
        text = (folder / name).read_text()
        assert old in text, f"{old} is not in {name}"
        (folder / name).write_text(text.replace(old, new, 1))
    return folder


def _plain(resource: Resource) -> dict[str, Any]:
    as_they_are = {key: getattr(resource, key) for key in ("parent", "protect", "retain_on_delete", "inputs")}
    without_order = {key: sorted(getattr(resource, key)) for key in UNORDERED}
    return as_they_are | without_order | {"provider": resource.provider.urn if resource.provider else ""}
