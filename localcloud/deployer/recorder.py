"""Runs the whole program against an engine that records what it would deploy.

The program runs in a process of its own, as under the CLI. Only the providers are replaced, by `InventedAws`.
"""

import fcntl
import hashlib
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.packaging.artifact import HOST, TARGET_VARIABLE
from localcloud import samples
from localcloud.deployer import engine, stack_config
from localcloud.deployer.engine import Deployment, Resource
from localcloud.deployer.invented_aws import InventedAws

ROOT = Path(__file__).parents[2]
# Stack prod is rejected as committed, until the stack names its account, API clients, a pager or mail address, and the
# place of the runbook.
PROD_OVERLAY = {
    "aws:allowedAccountIds": ["123456789012"],
    "runbookUrl": "https://git.internal/event-processing/docs/runbook.md",
    "apiClients": ["reporting"],
    "alarmEmail": "oncall@example.com",
    "pageEndpoint": "https://pager.example.com/in",
}


class Graph(Deployment):
    """What the program registered, with ways to find a resource."""

    def of_type(self, type_: str) -> list[Resource]:
        """Return the resources of a type such as `aws:sqs/queue:Queue`."""
        return [resource for resource in self.resources if resource.type == type_]

    def one(self, type_: str, name: str | None = None) -> Resource:
        """Return the only resource of a type, or of a type and name."""
        found = [resource for resource in self.of_type(type_) if name in (None, resource.name)]
        assert len(found) == 1, f"expected one {type_} {name or ''}, found {[resource.name for resource in found]}"
        return found[0]

    def children(self, urn: str) -> list[Resource]:
        """Return the direct children of a resource."""
        return [resource for resource in self.resources if resource.parent == urn]

    def by_urn(self, urn: str) -> Resource:
        """Return the resource with that URN."""
        return next(resource for resource in self.resources if resource.urn == urn)


shared_folder: Path | None = None
"""Where the processes of a test run share their recordings; None shares nothing."""


def record(
    stack: str = "dev",
    config: Mapping[str, Any] | None = None,
    *,
    preview: bool = False,
    project: Path = ROOT,
    environment: Mapping[str, str] | None = None,
) -> Graph:
    """Return what the program registers for `stack` with `config` over its settings; raises as a deployment does.

    The settings are those of `localcloud.samples`, unless another project is recorded. With a `shared_folder`, several
    processes that need the same graph record it once.
    """

    def run() -> Graph:
        settings = (samples if project == ROOT else stack_config).read(project, stack, config)
        variables = {TARGET_VARIABLE: HOST} | dict(environment or {})
        made = engine.deploy(project, settings, InventedAws(), preview=preview, environment=variables)
        return Graph(made.resources, made.outputs, made.secret_outputs)

    if shared_folder is None or preview or environment or project != ROOT:
        return run()
    settings = json.dumps([stack, dict(config or {})], sort_keys=True)
    file = shared_folder / f"recorded-{hashlib.sha256(settings.encode()).hexdigest()}"
    with file.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            file.write_bytes(pickle.dumps(run()))
    return pickle.loads(file.read_bytes())  # noqa: S301 (written by another process of this run)
