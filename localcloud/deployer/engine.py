"""Deploys a Pulumi program without the Pulumi CLI, over Pulumi's own protocol.

The program runs in a process of its own, as under the CLI, and registers its resources with `Monitor`. Components,
outputs, secrets, options and exports therefore behave as under the CLI.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc

from localcloud.deployer.outcome import Deployment, DeploymentFailed
from localcloud.deployer.program import ProgramProcess
from localcloud.deployer.protocol import CHANNEL_OPTIONS, engine_pb2_grpc, resource_pb2_grpc
from localcloud.deployer.resource_monitor import Backend, Created, Event, Monitor, OnEvent, Resource, ResourceFailed
from localcloud.deployer.stack_config import StackConfig

__all__ = ["Backend", "Created", "Deployment", "DeploymentFailed", "Event", "Resource", "ResourceFailed", "deploy"]

PARALLEL = 16
SHOWN_LINES = 20
DEADLINE_SECONDS = 900  # pip may download the packages of the artifact over a slow connection


def deploy(
    project: Path,
    config: StackConfig,
    backend: Backend,
    *,
    preview: bool = False,
    environment: Mapping[str, str] | None = None,
    process: ProgramProcess | None = None,
    on_event: OnEvent = lambda _event, _message: None,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Deployment:
    """Run the program until every resource is created, or raise DeploymentFailed once no creation is under way.

    The program runs in `process`, or else in a process that is started with `environment`. After `deadline_seconds` it
    is stopped.
    """
    project = project.resolve()
    monitor = Monitor(project, config, backend, on_event, preview=preview)
    with process or ProgramProcess(environment or {}) as running, _serving(monitor) as address:
        request = {
            "address": address,
            "directory": str(project),
            "project": config.project,
            "stack": config.stack,
            "parallel": PARALLEL,
            "is_preview": preview,
            "config": config.values,
            "secret_keys": sorted(config.secret_keys),
        }
        ended = running.run(request, lambda line: monitor.report(Event.INFO, line), deadline_seconds)
    # Leaving `_serving` has waited for every creation under way, so no resource is orphaned.
    lines = ended.stderr.splitlines()
    if ended.expired:
        monitor.failures.append(f"The program did not end within {deadline_seconds:g} s, and was stopped.")
    if ended.returncode and not monitor.failures:
        explanation = "\n".join(lines[-SHOWN_LINES:])
        monitor.failures.append(explanation or f"The program ended with exit code {ended.returncode} and no message.")
    if monitor.failures:
        raise DeploymentFailed("\n".join(dict.fromkeys(monitor.failures)))
    for line in lines:
        monitor.report(Event.WARNING, line)
    return Deployment(monitor.resources, monitor.outputs, monitor.secret_outputs)


@contextmanager
def _serving(monitor: Monitor) -> Iterator[str]:
    """Serve `monitor` on a free port of this machine; at the end, wait for every accepted call."""
    executor = ThreadPoolExecutor(4 * PARALLEL, thread_name_prefix="monitor")
    server = grpc.server(executor, options=CHANNEL_OPTIONS)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(monitor, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
        executor.shutdown(wait=True)
