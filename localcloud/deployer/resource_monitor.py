# ruff: noqa: N802 (gRPC names the methods of a service)
"""The services a Pulumi program talks to while it runs; a `Backend` stands in for the providers behind them.

What a first deployment into an empty cloud does not need is not here: no state, no diff, no provider checks. No feature
of the protocol is advertised that is not implemented.
"""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import engine_pb2 as rpc_engine
from pulumi.runtime.proto import engine_pb2_grpc, resource_pb2_grpc
from pulumi.runtime.proto import resource_pb2 as rpc

from localcloud.deployer import wire

Context = grpc.ServicerContext
Watch = Callable[[str, str], None]
"""Is told a kind (`info`, `warning`, `creating` or `created`) and a message. Errors end the deployment instead."""
STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX = "pulumi:providers:"
# What the SDK says when it was answered UNAVAILABLE: an echo of a failure that is recorded already.
_SHUTDOWN_ECHO = "Resource monitor has terminated, shutting down"


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


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """The two services the SDK talks to. Every method runs in a server thread."""

    def __init__(
        self, directory: Path, project: str, stack: str, preview: bool, backend: Backend, watch: Watch
    ) -> None:
        self.failures: list[str] = []
        self.resources: list[Resource] = []
        self.outputs: dict[str, Any] = {}
        self.secret_outputs: set[str] = set()
        self.disabled_default_providers: set[str] = set()
        self._directory, self._project, self._stack, self._preview = directory, project, stack, preview
        self._backend, self._watch = backend, watch
        self._by_urn: dict[str, Resource] = {}
        self._lock = threading.Lock()
        self._watching = threading.Lock()

    def tell(self, kind: str, message: str) -> None:
        """Tell the watcher, one thing at a time."""
        with self._watching:
            self._watch(kind, message)

    def GetDeploymentInfo(self, request: Any, context: Context) -> rpc.DeploymentInfo:
        """Advertise what is implemented, and nothing else."""
        features = [rpc.RESOURCE_MONITOR_FEATURE_SECRETS, rpc.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS]
        return rpc.DeploymentInfo(supportedFeatures=features)

    def RegisterResource(self, request: rpc.RegisterResourceRequest, context: Context) -> rpc.RegisterResourceResponse:
        """Create one resource and answer its state."""
        with self._failing(context, f'Could not create {request.type} "{request.name}"'):
            resource = self._register(request)
            if request.custom and not self._preview:
                self._create(resource)
            secret = wire.keys_of(resource.secret_inputs) | {*request.additionalSecretOutputs}
            state = wire.merge(request.object, resource.outputs, secret)
            return rpc.RegisterResourceResponse(urn=resource.urn, id=resource.id, object=state)

    def RegisterResourceOutputs(self, request: rpc.RegisterResourceOutputsRequest, context: Context) -> Empty:
        """Take a component's outputs; the stack's are the deployment's."""
        with self._failing(context, f"Could not take the outputs of {request.urn}"):
            resource = self._by_urn[request.urn]
            resource.outputs, secret = wire.decode(request.outputs, self._directory)
            if resource.type == STACK_TYPE:
                self.outputs = resource.outputs
                self.secret_outputs = wire.keys_of(secret)
        return Empty()

    def Invoke(self, request: rpc.ResourceInvokeRequest, context: Context) -> rpc.ResourceInvokeResponse:
        """Answer a provider function."""
        with self._failing(context, f"Could not call {request.tok}"):
            provider = self._provider(request.tok, request.provider)
            arguments, _ = wire.decode(request.args, self._directory)
            answer = self._backend.invoke(request.tok, arguments, provider)
            response = rpc.ResourceInvokeResponse()
            getattr(response, "return").CopyFrom(wire.encode(answer))
            return response

    def ReadResource(self, request: rpc.ReadResourceRequest, context: Context) -> rpc.ReadResourceResponse:
        """Refuse: there is nothing in an empty cloud to be read."""
        with self._failing(context, f'Could not read {request.type} "{request.name}" ({request.id})'):
            raise ResourceFailed("resources that exist already cannot be read here, the cloud starts empty")

    def SignalAndWaitForShutdown(self, request: Empty, context: Context) -> Empty:
        """Let the program end: nothing is deleted here, so no hook of its can be needed any more."""
        return Empty()

    def Log(self, request: rpc_engine.LogRequest, context: Context) -> Empty:
        """Pass the program's words on; an error makes the deployment fail, as under the CLI."""
        if request.severity == rpc_engine.ERROR:
            if not (self.failures and _SHUTDOWN_ECHO in request.message):
                self.failures.append(request.message)
        elif request.severity != rpc_engine.DEBUG:
            self.tell("warning" if request.severity == rpc_engine.WARNING else "info", request.message)
        return Empty()

    @contextmanager
    def _failing(self, context: Context, what: str) -> Iterator[None]:
        """Record a failure once, under the name of what failed, and stop the program: it sees UNAVAILABLE."""
        if self.failures:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the deployment failed")
        try:
            yield
        except ResourceFailed as error:
            cause = str(error)
        except Exception as error:  # noqa: BLE001 (a provider may raise anything; its words reach the user, once)
            cause = f"{type(error).__name__}: {error}"
        else:
            return
        self.failures.append(f"{what}: {cause.rstrip('.')}.")
        context.abort(grpc.StatusCode.UNAVAILABLE, "the deployment failed")

    def _register(self, request: rpc.RegisterResourceRequest) -> Resource:
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
        self.tell("creating", f"{resource.type} {resource.name}")
        is_provider = resource.type.startswith(PROVIDER_TYPE_PREFIX)
        created = Created(str(uuid.uuid4()), {}) if is_provider else self._backend.create(resource)
        resource.id, resource.outputs = created.id, created.outputs
        self.tell("created", f"{resource.type} {resource.name}")

    def _urn(self, parent: str, type_: str, name: str) -> str:
        parent_types = parent.split("::")[2] if parent else STACK_TYPE
        qualified = type_ if parent_types == STACK_TYPE else f"{parent_types}${type_}"
        return f"urn:pulumi:{self._stack}::{self._project}::{qualified}::{name}"

    def _provider(self, token: str, reference: str) -> Resource | None:
        """Answer the provider a reference (`urn::id`) names; None is the package's default provider."""
        if reference:
            return self._by_urn[reference.rpartition("::")[0]]
        package = token.partition(":")[0]
        if package != "pulumi" and self.disabled_default_providers & {package, "*"}:
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
