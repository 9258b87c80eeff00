# ruff: noqa: N802 (gRPC names the methods of a service)
"""Deploy a Pulumi program without the Pulumi CLI: the engine's side of Pulumi's own protocol.

The program runs in a process of its own, as under the CLI, and registers its resources over gRPC; a `Backend` stands in
for the providers. So components, outputs, secrets, options and exports behave as they do under the CLI. What a first
deployment into an empty cloud does not need is not here: no state, no diff, no provider checks, and no feature of the
protocol is advertised that is not implemented.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol

import grpc
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from localcloud import lifetime, stack_config, wire

PARALLEL = 16
STOP_SECONDS = 5
STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX = "pulumi:providers:"
# What the SDK says when the engine answered UNAVAILABLE: an echo of a failure that is already recorded.
_SHUTDOWN_ECHO = "Resource monitor has terminated, shutting down"


class DeploymentFailed(Exception):  # noqa: N818 (an outcome)
    """What failed and why, in one screen, fit to be shown as it is."""


class ResourceFailed(Exception):  # noqa: N818 (an outcome)
    """A backend's one sentence saying why it cannot create a resource or answer an invoke."""


@dataclass(kw_only=True)
class Resource:
    """One registered resource. `id` and `outputs` are filled once it exists; a preview leaves them empty."""

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    inputs: dict[str, Any] = field(repr=False)
    secret_inputs: set[str]
    """Paths such as `environment.variables.TOKEN`."""
    provider: "Resource | None" = field(repr=False)
    depends_on: list[str]
    """URNs: what was named in `depends_on` and what the inputs came from."""
    property_dependencies: dict[str, list[str]]
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    deleted_with: str
    ignore_changes: list[str]
    replace_on_changes: list[str]
    additional_secret_outputs: list[str]
    aliases: list[dict[str, Any]]
    id: str = ""
    outputs: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Created:
    """What a provider answers: the resource's id and its outputs, named as Pulumi's schema names them."""

    id: str
    outputs: dict[str, Any]


class Backend(Protocol):
    """Stands in for the providers. Both methods are called from several threads at once."""

    def create(self, resource: Resource) -> Created:
        """Create a custom resource; whatever is raised fails the deployment with the resource's name."""
        ...

    def invoke(self, token: str, arguments: dict[str, Any], provider: Resource | None) -> dict[str, Any]:
        """Answer a provider function such as `aws:index/getCallerIdentity:getCallerIdentity`."""
        ...


@dataclass(frozen=True)
class Event:
    """Something to tell whoever watches: a log line of the program, or a resource that began or was created."""

    kind: str
    """`info`, `warning`, `creating` or `created`. Errors are not events: they make the deployment fail."""
    message: str
    resource: Resource | None = None


@dataclass(frozen=True)
class Deployment:
    """A finished deployment: every resource in the order of registration, and the stack's plain outputs."""

    resources: list[Resource]
    outputs: dict[str, Any]
    secret_outputs: set[str]


def deploy(
    project: Path,
    stack: str,
    config: Mapping[str, str],
    secret_keys: Collection[str],
    backend: Backend,
    *,
    preview: bool = False,
    environment: Mapping[str, str] | None = None,
    on_event: Callable[[Event], None] = lambda _: None,
) -> Deployment:
    """Run the program to its end with every resource created, or raise DeploymentFailed once nothing is under way.

    `environment` is added to this process's own for the program; Pulumi's own variables are not passed on.
    """
    project = project.resolve()
    name = stack_config.project_name(project)
    engine = _Engine(name, stack, config, backend, preview, project, on_event)
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("PULUMI_")}
    variables = inherited | dict(environment or {})
    variables["PULUMI_CONFIG"] = json.dumps(dict(config))
    variables["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(sorted(secret_keys))
    with _serving(engine) as address:
        arguments = {
            "address": address,
            "directory": str(project),
            "project": name,
            "stack": stack,
            "preview": preview,
            "parallel": PARALLEL,
        }
        status, complaint = _run_program(arguments, variables, lambda line: engine.emit(Event("info", line)))
    # Nothing is under way any more: what is in flight when the program dies is waited for, or it would be orphaned.
    if status and not engine.failures:
        engine.failures.append(complaint or f"The program ended with exit code {status} and no explanation.")
    if engine.failures:
        raise DeploymentFailed("\n".join(dict.fromkeys(engine.failures)))
    for line in complaint.splitlines():
        engine.emit(Event("warning", line))
    return Deployment(engine.resources, engine.outputs, engine.secret_outputs)


@contextmanager
def _serving(engine: "_Engine") -> Iterator[str]:
    """Serve the engine on a free port of this machine; on leaving, wait for every call that was accepted."""
    executor = ThreadPoolExecutor(4 * PARALLEL, thread_name_prefix="engine")
    server = grpc.server(executor, options=_GRPC_CHANNEL_OPTIONS)
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(engine, server)
    engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(grace=None).wait()
        executor.shutdown(wait=True)


def _run_program(
    arguments: dict[str, Any], environment: Mapping[str, str], on_line: Callable[[str], None]
) -> tuple[int, str]:
    """Run the program to its end; answers its exit code and what it wrote to standard error."""
    with tempfile.TemporaryFile("w+", errors="replace") as complaint:
        child = lifetime.spawn(
            [sys.executable, "-u", "-m", "localcloud.program", json.dumps(arguments)],
            cwd=Path(__file__).parents[1],
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
                    on_line(line.rstrip("\n"))
            status = child.wait()
        finally:
            lifetime.stop(child, seconds=STOP_SECONDS)
        complaint.seek(0)
        return status, complaint.read().strip()


class _Engine(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """The two services the SDK talks to. Every method runs in a server thread."""

    def __init__(
        self,
        project: str,
        stack: str,
        config: Mapping[str, str],
        backend: Backend,
        preview: bool,
        directory: Path,
        on_event: Callable[[Event], None],
    ) -> None:
        self.failures: list[str] = []
        self.resources: list[Resource] = []
        self.outputs: dict[str, Any] = {}
        self.secret_outputs: set[str] = set()
        self._project, self._stack, self._preview, self._directory = project, stack, preview, directory
        self._backend, self._on_event = backend, on_event
        self._disabled_default_providers = set(json.loads(config.get("pulumi:disable-default-providers", "[]")))
        self._by_urn: dict[str, Resource] = {}
        self._root = ""
        self._lock = threading.Lock()
        self._emitting = threading.Lock()

    def emit(self, event: Event) -> None:
        """Tell the watcher, one event at a time."""
        with self._emitting:
            self._on_event(event)

    # What the SDK asks of a resource monitor.

    def GetDeploymentInfo(self, request: Any, context: grpc.ServicerContext) -> resource_pb2.DeploymentInfo:
        """Advertise what is implemented, and nothing else."""
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[
                resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
            ]
        )

    def RegisterResource(
        self, request: resource_pb2.RegisterResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.RegisterResourceResponse:
        """Create one resource and answer its state."""
        with self._failing(context, f'Could not create {request.type} "{request.name}"'):
            resource = self._register(request)
            if request.custom and not self._preview:
                self._create(resource)
            secret = {path.partition(".")[0].partition("[")[0] for path in resource.secret_inputs}
            return resource_pb2.RegisterResourceResponse(
                urn=resource.urn,
                id=resource.id,
                object=wire.merge(request.object, resource.outputs, {*secret, *request.additionalSecretOutputs}),
            )

    def RegisterResourceOutputs(
        self, request: resource_pb2.RegisterResourceOutputsRequest, context: grpc.ServicerContext
    ) -> empty_pb2.Empty:
        """Take a component's outputs; the stack's are the deployment's."""
        with self._failing(context, f"Could not take the outputs of {request.urn}"):
            resource = self._by_urn[request.urn]
            resource.outputs, secret = wire.decode(request.outputs, self._directory)
            if resource.type == STACK_TYPE:
                self.outputs = resource.outputs
                self.secret_outputs = {path.partition(".")[0].partition("[")[0] for path in secret}
        return empty_pb2.Empty()

    def Invoke(
        self, request: resource_pb2.ResourceInvokeRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ResourceInvokeResponse:
        """Answer a provider function."""
        with self._failing(context, f"Could not call {request.tok}"):
            provider = self._provider(request.tok, request.provider)
            arguments, _ = wire.decode(request.args, self._directory)
            answer = self._backend.invoke(request.tok, arguments, provider)
            response = resource_pb2.ResourceInvokeResponse()
            getattr(response, "return").CopyFrom(wire.encode(answer))
            return response

    def ReadResource(
        self, request: resource_pb2.ReadResourceRequest, context: grpc.ServicerContext
    ) -> resource_pb2.ReadResourceResponse:
        """Refuse: there is nothing in an empty cloud to be read."""
        with self._failing(context, f'Could not read {request.type} "{request.name}" ({request.id})'):
            raise ResourceFailed("resources that exist already cannot be read here, the cloud starts empty")

    def Call(self, request: resource_pb2.ResourceCallRequest, context: grpc.ServicerContext) -> Any:
        """Refuse: methods of resources are not implemented."""
        with self._failing(context, f"Could not call {request.tok}"):
            raise ResourceFailed("methods of resources are not implemented here")

    def SignalAndWaitForShutdown(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Let the program end: nothing is deleted here, so no hook of its can be needed any more."""
        return empty_pb2.Empty()

    # What the SDK asks of an engine.

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Pass the program's words on; an error makes the deployment fail, as under the CLI."""
        if request.severity == engine_pb2.ERROR:
            if request.message != _SHUTDOWN_ECHO:
                self.failures.append(request.message)
        elif request.severity != engine_pb2.DEBUG:
            kind = "warning" if request.severity == engine_pb2.WARNING else "info"
            self.emit(Event(kind, request.message))
        return empty_pb2.Empty()

    def SetRootResource(
        self, request: engine_pb2.SetRootResourceRequest, context: grpc.ServicerContext
    ) -> engine_pb2.SetRootResourceResponse:
        """Remember the stack's URN."""
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()

    def GetRootResource(
        self, request: engine_pb2.GetRootResourceRequest, context: grpc.ServicerContext
    ) -> engine_pb2.GetRootResourceResponse:
        """Answer the stack's URN."""
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    # How it is done.

    @contextmanager
    def _failing(self, context: grpc.ServicerContext, what: str) -> Iterator[None]:
        """Record a failure once, under the name of what failed, and stop the program: it sees UNAVAILABLE."""
        if self.failures:
            self._abort(context)
        try:
            yield
        except ResourceFailed as error:
            cause = str(error)
        except Exception as error:  # noqa: BLE001 (a provider may raise anything; its words reach the user, once)
            cause = f"{type(error).__name__}: {error}"
        else:
            return
        self.failures.append(f"{what}: {cause.rstrip('.')}.")
        self._abort(context)

    def _abort(self, context: grpc.ServicerContext) -> NoReturn:
        context.abort(grpc.StatusCode.UNAVAILABLE, "the deployment failed")
        raise AssertionError("abort raises")

    def _register(self, request: resource_pb2.RegisterResourceRequest) -> Resource:
        if request.remote:
            raise ResourceFailed("components of another language cannot be deployed here")
        if request.importId:
            raise ResourceFailed(f"nothing can be imported ({request.importId}), the cloud starts empty")
        inputs, secret_inputs = wire.decode(request.object, self._directory)
        if request.type.startswith(PROVIDER_TYPE_PREFIX):
            inputs = {key: _provider_setting(value) for key, value in inputs.items()}
        resource = Resource(
            urn=self._urn(request.parent, request.type, request.name),
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            inputs=inputs,
            secret_inputs=secret_inputs,
            provider=self._provider(request.type, request.provider) if request.custom else None,
            depends_on=sorted(request.dependencies),
            property_dependencies={key: sorted(value.urns) for key, value in request.propertyDependencies.items()},
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace,
            deleted_with=request.deletedWith,
            ignore_changes=list(request.ignoreChanges),
            replace_on_changes=list(request.replaceOnChanges),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            aliases=[MessageToDict(alias) for alias in request.aliases],
        )
        with self._lock:
            if resource.urn in self._by_urn:
                raise ResourceFailed(f"its URN {resource.urn} is taken; give it a name of its own")
            self._by_urn[resource.urn] = resource
            self.resources.append(resource)
        return resource

    def _create(self, resource: Resource) -> None:
        self.emit(Event("creating", f"{resource.type} {resource.name}", resource))
        if resource.type.startswith(PROVIDER_TYPE_PREFIX):
            created = Created(str(uuid.uuid4()), {})
        else:
            created = self._backend.create(resource)
        resource.id, resource.outputs = created.id, created.outputs
        self.emit(Event("created", f"{resource.type} {resource.name}", resource))

    def _urn(self, parent: str, type_: str, name: str) -> str:
        parent_types = parent.split("::")[2] if parent else STACK_TYPE
        qualified = type_ if parent_types == STACK_TYPE else f"{parent_types}${type_}"
        return f"urn:pulumi:{self._stack}::{self._project}::{qualified}::{name}"

    def _provider(self, token: str, reference: str) -> Resource | None:
        """Answer the provider a reference (`urn::id`) names; None is the package's default provider."""
        if reference:
            return self._by_urn[reference.rpartition("::")[0]]
        package = token.partition(":")[0]
        if package != "pulumi" and self._disabled_default_providers & {package, "*"}:
            raise ResourceFailed(
                f"the default provider of package {package} is disabled in this stack "
                "(pulumi:disable-default-providers); pass an explicit provider"
            )
        return None


def _provider_setting(value: Any) -> Any:
    """Undo the SDK's JSON: every setting of a provider that is not a string is sent as one."""
    try:
        decoded = json.loads(value)
    except (TypeError, ValueError):
        return value
    # "123456789012" is an account id, not a number.
    return decoded if isinstance(decoded, dict | list | bool) else value
