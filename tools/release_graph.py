"""Record what the program deploys, and write it to tests/engine/releases/VERSION, to test upgrades from that release.

Run once for each release. The settings are those of the tests; secrets are left out.
"""

import json
from collections.abc import Collection, Iterator
from typing import Any

from localcloud.deployer.recorder import PROD_OVERLAY, Graph, record
from localcloud.deployer.resource_monitor import STACK_TYPE, Resource
from tools.documents import ROOT, command_line, write

RELEASES = ROOT / "tests" / "engine" / "releases"
SECRET = "[secret]"  # noqa: S105 (a placeholder)
STACKS = {"dev": {}, "prod": PROD_OVERLAY}


def without_secrets(values: Any, secret: Collection[str], path: str = "") -> Any:
    """`values` as JSON, with `[secret]` at each of the `secret` paths, such as `variables.TOKEN`."""
    if path in secret:
        return SECRET
    if isinstance(values, dict):
        return {key: without_secrets(value, secret, f"{path}.{key}".lstrip(".")) for key, value in values.items()}
    if isinstance(values, list):
        return [without_secrets(value, secret, f"{path}[{index}]") for index, value in enumerate(values)]
    # The path of an archive depends on the machine that built it.
    return values if isinstance(values, str | int | float | None) else f"[{type(values).__name__}]"


def entry_of(resource: Resource, stack_secrets: Collection[str] = ()) -> dict[str, Any]:
    """The entry of a resource in the file of a release."""
    secret = stack_secrets if resource.type == STACK_TYPE else resource.additional_secret_outputs
    return {key: getattr(resource, key) for key in ("urn", "type", "parent", "protect")} | {
        "inputs": without_secrets(resource.inputs, resource.secret_inputs),
        "outputs": without_secrets(resource.outputs, {*secret, *resource.secret_inputs}),
        "retainOnDelete": resource.retain_on_delete,
    }


def lines_of(graph: Graph) -> Iterator[str]:
    """A line of JSON for each resource, sorted by URN."""
    for resource in sorted(graph.resources, key=lambda resource: resource.urn):
        yield json.dumps(entry_of(resource, graph.secret_outputs), sort_keys=True)


if __name__ == "__main__":
    parser = command_line("release_graph", __doc__)
    parser.add_argument("version", help="the release as in CHANGELOG.md, for example 0.2.0")
    folder = RELEASES / parser.parse_args().version
    for stack, settings in STACKS.items():
        write(folder / f"{stack}.jsonl", "".join(f"{line}\n" for line in lines_of(record(stack, settings))))
