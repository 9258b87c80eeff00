"""Differences between two recordings as Pulumi sees them: archives by content, everything else by value."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
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
UNORDERED = ("secret_inputs", "depends_on", "additional_secret_outputs")
PACKAGES = ("components", "handlers")


def to_bytes(graph: Graph) -> bytes:
    """Return everything a deployment depends on, in a fixed order: resources register concurrently."""
    resources = {resource.urn: _plain(resource) for resource in graph.resources}
    outputs = {"outputs": graph.outputs, "secret": sorted(graph.secret_outputs)}
    return json.dumps(resources | outputs, sort_keys=True, indent=1, default=repr).encode()


def changes(old: Graph, new: Graph) -> set[Change]:
    """Return where two recordings differ; a resource that is in one recording only differs as a whole."""
    before, after = ({resource.urn: _plain(resource) for resource in graph.resources} for graph in (old, new))
    found = {(urn.split("::")[-1], "") for urn in before.keys() ^ after.keys()}
    for urn in before.keys() & after.keys():
        found |= {(urn.split("::")[-1], path) for path in _differences(before[urn], after[urn], "")}
    return found | {("outputs", path) for path in _differences(old.outputs, new.outputs, "")}


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
    as_they_are = {key: getattr(resource, key) for key in ("parent", "protect", "retain_on_delete")}
    without_order = {key: sorted(getattr(resource, key)) for key in UNORDERED}
    provider = resource.provider.urn if resource.provider else ""
    return as_they_are | without_order | {"inputs": _value(resource.inputs), "provider": provider}


def _value(value: Any) -> Any:
    if isinstance(value, pulumi.FileArchive):
        return hashlib.sha256(Path(value.path).read_bytes()).hexdigest()
    if isinstance(value, dict):
        return {key: _value(element) for key, element in value.items()}
    return [_value(element) for element in value] if isinstance(value, list) else value


def _differences(old: Any, new: Any, path: str) -> Iterator[str]:
    if old is UNKNOWN or new is UNKNOWN:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() | new.keys():
            inner = f"{path}.{key}" if path else key
            if key in old and key in new:
                yield from _differences(old[key], new[key], inner)
            else:
                yield inner
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, f"{path}[{index}]")
    elif old != new:
        yield path
