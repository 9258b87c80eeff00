"""Deploy a Pulumi program without the Pulumi CLI, over Pulumi's own protocol.

The program runs in a process of its own, as under the CLI, and registers its resources with `Monitor`. So components,
outputs, secrets, options and exports behave as they do under the CLI.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2_grpc

from localcloud import lifetime
from localcloud.deployer.resource_monitor import Backend, Created, Monitor, Resource, ResourceFailed, Watch
from localcloud.deployer.stack_config import StackConfig

__all__ = ["Backend", "Created", "Deployment", "DeploymentFailed", "Resource", "ResourceFailed", "deploy"]

PARALLEL = 16
SHOWN_LINES = 20
STOP_SECONDS = 5


class DeploymentFailed(Exception):  # noqa: N818 (an outcome)
    """What failed and why, in one screen, fit to be shown as it is."""


@dataclass(frozen=True)
class Deployment:
    """A finished deployment: every resource in the order of registration, and the stack's plain outputs."""

    resources: list[Resource]
    outputs: dict[str, Any]
    secret_outputs: set[str]


def deploy(
    project: Path,
    config: StackConfig,
    backend: Backend,
    *,
    preview: bool = False,
    environment: Mapping[str, str] | None = None,
    on_event: Watch = lambda _kind, _message: None,
) -> Deployment:
    """Run the program to its end with every resource created, or raise DeploymentFailed once nothing is under way.

    `environment` is added to this process's own for the program; Pulumi's own variables are not passed on.
    """
    project = project.resolve()
    monitor = Monitor(project, config.project, config.stack, preview, backend, on_event)
    monitor.disabled_default_providers = set(json.loads(config.values.get("pulumi:disable-default-providers", "[]")))
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    variables |= dict(environment or {})
    variables["PULUMI_CONFIG"] = json.dumps(config.values)
    variables["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(sorted(config.secret_keys))
    with _serving(monitor) as address:
        operation = "preview" if preview else "up"
        arguments = [address, str(project), config.project, config.stack, operation, str(PARALLEL)]
        status, complaint = _run_program(arguments, variables, lambda line: monitor.tell("info", line))
    # Nothing is under way any more: what was in flight when the program ended has been waited for, none is orphaned.
    if status and not monitor.failures:
        complaint = "\n".join(complaint.splitlines()[-SHOWN_LINES:])
        monitor.failures.append(complaint or f"The program ended with exit code {status} and no explanation.")
    if monitor.failures:
        raise DeploymentFailed("\n".join(dict.fromkeys(monitor.failures)))
    for line in complaint.splitlines():
        monitor.tell("warning", line)
    return Deployment(monitor.resources, monitor.outputs, monitor.secret_outputs)


@contextmanager
def _serving(monitor: Monitor) -> Iterator[str]:
    """Serve `monitor` on a free port of this machine; on leaving, wait for every call that was accepted."""
    executor = ThreadPoolExecutor(4 * PARALLEL, thread_name_prefix="monitor")
    server = grpc.server(executor, options=_GRPC_CHANNEL_OPTIONS)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(monitor, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
        executor.shutdown(wait=True)


def _run_program(arguments: list[str], environment: Mapping[str, str], tell: Callable[[str], None]) -> tuple[int, str]:
    """Run the program to its end; answers its exit code and what it wrote to standard error."""
    with tempfile.TemporaryFile("w+", errors="replace") as complaint:
        child = lifetime.spawn(
            [sys.executable, "-u", "-m", "localcloud.deployer.language_host", *arguments],
            cwd=Path(__file__).parents[2],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=complaint,
            text=True,
            errors="replace",
        )
        try:
            assert child.stdout is not None
            with child.stdout as lines:
                for line in lines:
                    tell(line.rstrip("\n"))
            status = child.wait()
        finally:
            lifetime.stop(child, seconds=STOP_SECONDS)
        complaint.seek(0)
        return status, complaint.read().strip()
