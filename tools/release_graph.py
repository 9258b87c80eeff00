"""Write what the program deploys to tests/engine/releases/VERSION, once for each release, to test upgrades from it.

Stack files are those the tests use. Values of secrets are left out.
"""

import argparse
import json
from collections.abc import Collection, Iterator
from typing import Any

from localcloud.deployer.recorder import PROD_OVERLAY, ROOT, Graph, record
from localcloud.deployer.resource_monitor import STACK_TYPE, Resource

RELEASES = ROOT / "tests" / "engine" / "releases"
SECRET = "[secret]"  # noqa: S105 (stands where one was)
STACKS = {"dev": {}, "prod": PROD_OVERLAY}


def without_secrets(values: Any, secret: Collection[str], path: str = "") -> Any:
    """Return `values` as JSON has them, with `[secret]` at each of the `secret` paths, such as `variables.TOKEN`."""
    if path in secret:
        return SECRET
    if isinstance(values, dict):
        return {key: without_secrets(value, secret, f"{path}.{key}".lstrip(".")) for key, value in values.items()}
    if isinstance(values, list):
        return [without_secrets(value, secret, f"{path}[{index}]") for index, value in enumerate(values)]
    # An archive is a file of the machine that built it.
    return values if isinstance(values, str | int | float | None) else f"[{type(values).__name__}]"


def entry_of(resource: Resource, stack_secrets: Collection[str] = ()) -> dict[str, Any]:
    """Return what a release remembers of a resource."""
    secret = stack_secrets if resource.type == STACK_TYPE else resource.additional_secret_outputs
    outputs = without_secrets(resource.outputs, {*secret, *resource.secret_inputs})
    return {
        "urn": resource.urn,
        "type": resource.type,
        "parent": resource.parent,
        "inputs": without_secrets(resource.inputs, resource.secret_inputs),
        "outputs": outputs,
        "protect": resource.protect,
        "retainOnDelete": resource.retain_on_delete,
    }


def lines_of(graph: Graph) -> Iterator[str]:
    """Yield a line of JSON for each resource, by URN."""
    for resource in sorted(graph.resources, key=lambda resource: resource.urn):
        yield json.dumps(entry_of(resource, graph.secret_outputs), sort_keys=True)


def main() -> None:
    """Record both stacks and write them."""
    parser = argparse.ArgumentParser(prog="python -m tools.release_graph", description=__doc__)
    parser.add_argument("version", help="the release, as CHANGELOG.md names it: 0.2.0")
    folder = RELEASES / parser.parse_args().version
    folder.mkdir(parents=True, exist_ok=True)
    for stack, settings in STACKS.items():
        (folder / f"{stack}.jsonl").write_text("".join(f"{line}\n" for line in lines_of(record(stack, settings))))


if __name__ == "__main__":
    main()
