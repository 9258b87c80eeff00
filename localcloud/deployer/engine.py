"""Deploys a Pulumi program without the Pulumi CLI, over Pulumi's own protocol.

The program runs in a process of its own, as under the CLI, and registers its resources with `Monitor`. Components,
outputs, secrets, options and exports therefore behave as under the CLI.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from localcloud import lifetime
from localcloud.deployer.outcome import Deployment, DeploymentFailed
from localcloud.deployer.protocol import CHANNEL_OPTIONS, engine_pb2_grpc, resource_pb2_grpc
from localcloud.deployer.resource_monitor import Backend, Created, Event, Monitor, OnEvent, Resource, ResourceFailed
from localcloud.deployer.stack_config import StackConfig

__all__ = ["Backend", "Created", "Deployment", "DeploymentFailed", "Event", "Resource", "ResourceFailed", "deploy"]

PARALLEL = 16
SHOWN_LINES = 20
STOP_SECONDS = 5
DEADLINE_SECONDS = 900  # pip may download the packages of the artifact over a slow connection
# Of the user's environment, the program gets nothing that is meant for the Pulumi CLI or for AWS.
FOREIGN_VARIABLES = ("PULUMI_", "AWS_")
# gRPC obeys proxies. This exception is gRPC's own: pip, which the program runs, may need the proxies.
OWN_VARIABLES = {"no_grpc_proxy": "127.0.0.1", "PYTHONSAFEPATH": ""}


def deploy(
    project: Path,
    config: StackConfig,
    backend: Backend,
    *,
    preview: bool = False,
    environment: Mapping[str, str] | None = None,
    on_event: OnEvent = lambda _event, _message: None,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> Deployment:
    """Run the program until every resource is created, or raise DeploymentFailed once no creation is under way.

    The program gets `environment` and the variables of this process, except Pulumi's own and those of AWS. After
    `deadline_seconds` it is stopped.
    """
    project = project.resolve()
    monitor = Monitor(project, config, backend, on_event, preview=preview)
    variables = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN_VARIABLES)}
    variables |= OWN_VARIABLES | dict(environment or {})
    variables["PULUMI_CONFIG"] = json.dumps(config.values)
    variables["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(sorted(config.secret_keys))
    with _serving(monitor) as address:
        operation = "preview" if preview else "up"
        arguments = [address, str(project), config.project, config.stack, operation, str(PARALLEL)]
        ended = _run_program(arguments, variables, lambda line: monitor.report(Event.INFO, line), deadline_seconds)
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


@dataclass(frozen=True)
class _Ended:
    """How the program ended."""

    returncode: int
    stderr: str
    expired: bool


def _run_program(
    arguments: list[str], environment: Mapping[str, str], on_line: Callable[[str], None], deadline_seconds: float
) -> _Ended:
    """Run the program to its end or the deadline; each line of its standard output goes to `on_line`."""
    with tempfile.TemporaryFile("w+", errors="replace") as stderr:
        child = lifetime.spawn(
            [sys.executable, "-u", "-m", "localcloud.deployer.language_host", *arguments],
            cwd=Path(__file__).parents[2],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            errors="replace",
        )
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            lifetime.stop(child, seconds=STOP_SECONDS)

        deadline = threading.Timer(deadline_seconds, expire)
        deadline.daemon = True  # a signal can arrive before it can be cancelled, and this process then ends
        assert child.stdout is not None
        with child.stdout as lines:
            try:
                deadline.start()
                for line in lines:
                    on_line(line.rstrip("\n"))
                exit_code = child.wait()
            finally:
                deadline.cancel()
                if deadline.is_alive():
                    deadline.join()
                lifetime.stop(child, seconds=STOP_SECONDS)
        stderr.seek(0)
        return _Ended(exit_code, stderr.read().strip(), expired.is_set())
