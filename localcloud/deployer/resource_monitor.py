# ruff: noqa: N802 (gRPC names the methods of a service)
"""The services that a Pulumi program talks to while it runs; a `Backend` stands in for the providers.

They implement only what a first deployment into an empty cloud needs: no state, no diff, no provider checks. They
advertise no feature of the protocol that they do not implement.
"""

import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict

from localcloud.deployer import wire
from localcloud.deployer.protocol import engine_pb2 as rpc_engine
from localcloud.deployer.protocol import engine_pb2_grpc, resource_pb2_grpc
from localcloud.deployer.protocol import resource_pb2 as rpc
from localcloud.deployer.stack_config import StackConfig

Context = grpc.ServicerContext
STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_TYPE_PREFIX = "pulumi:providers:"
# The SDK logs this when a call returns UNAVAILABLE, which repeats a failure that is recorded already.
_SHUTDOWN_ECHO = "Resource monitor has terminated, shutting down"


class Event(StrEnum):
    """What a deployment reports while it runs. Errors are not reported; they end the deployment."""

    INFO = "info"
    WARNING = "warning"
    CREATED = "created"


OnEvent = Callable[[Event, str], None]


class ResourceFailed(Exception):  # noqa: N818 (an outcome)
    """Why a backend cannot create a resource or serve an invoke, in one sentence."""


@dataclass(kw_only=True)
class Resource:
    """A registered resource. `id` and `outputs` are those of its `Created`; a preview leaves them empty."""

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
    """URNs from the option `depends_on`, and of the resources whose outputs the inputs contain."""
    property_dependencies: dict[str, list[str]]
    protect: bool
    retain_on_delete: bool
    delete_before_replace: bool
    ignore_changes: list[str]
    additional_secret_outputs: list[str]
    aliases: list[dict[str, Any]]
    id: str = ""
    outputs: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Created:
    """The ID and the outputs of a created resource, named as in Pulumi's schema."""

    id: str
    outputs: dict[str, Any] = field(default_factory=dict)


class Backend(Protocol):
    """Stands in for the providers. Its methods are called from several threads at once."""

    def create(self, resource: Resource) -> Created:
        """Create a custom resource; an exception fails the deployment, under the resource's name."""
        ...

    def invoke(self, token: str, arguments: dict[str, Any], provider: Resource | None) -> dict[str, Any]:
        """Return the result of an invoke such as `aws:index/getCallerIdentity:getCallerIdentity`."""
        ...


class Monitor(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """The two services that the SDK calls. Each method runs in a server thread."""

    def __init__(
        self, directory: Path, config: StackConfig, backend: Backend, on_event: OnEvent, *, preview: bool
    ) -> None:
        self.failures: list[str] = []
        self.resources: list[Resource] = []
        self.outputs: dict[str, Any] = {}
        self.secret_outputs: set[str] = set()
        self._directory, self._config, self._preview = directory, config, preview
        self._backend, self._on_event = backend, on_event
        self._by_urn: dict[str, Resource] = {}
        self._lock = threading.Lock()
        self._event_lock = threading.Lock()

    def report(self, event: Event, message: str) -> None:
        """Report an event, one at a time."""
        with self._event_lock:
            self._on_event(event, message)

    def GetDeploymentInfo(self, request: Any, context: Context) -> rpc.DeploymentInfo:
        """Advertise the implemented features."""
        features = [rpc.RESOURCE_MONITOR_FEATURE_SECRETS, rpc.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS]
        return rpc.DeploymentInfo(supportedFeatures=features)

    def RegisterResource(self, request: rpc.RegisterResourceRequest, context: Context) -> rpc.RegisterResourceResponse:
        """Create a resource and return its state."""
        with self._failing(context, f'Could not create {request.type} "{request.name}"'):
            resource = self._register(request)
            if request.custom and not self._preview:
                self._create(resource)
            secret_keys = wire.keys_of(resource.secret_inputs) | {*request.additionalSecretOutputs}
            state = wire.merge(request.object, resource.outputs, secret_keys)
            return rpc.RegisterResourceResponse(urn=resource.urn, id=resource.id, object=state)

    def RegisterResourceOutputs(self, request: rpc.RegisterResourceOutputsRequest, context: Context) -> Empty:
        """Keep a component's outputs; the stack's outputs are the deployment's."""
        with self._failing(context, f"Could not read the outputs of {request.urn}"):
            resource = self._by_urn[request.urn]
            decoded = wire.decode(request.outputs, self._directory)
            resource.outputs = decoded.values
            if resource.type == STACK_TYPE:
                self.outputs = decoded.values
                self.secret_outputs = wire.keys_of(decoded.secret_paths)
        return Empty()

    def Invoke(self, request: rpc.ResourceInvokeRequest, context: Context) -> rpc.ResourceInvokeResponse:
        """Return the result of an invoke."""
        with self._failing(context, f"Could not call {request.tok}"):
            provider = self._provider(request.tok, request.provider)
            arguments = wire.decode(request.args, self._directory).values
            result = self._backend.invoke(request.tok, arguments, provider)
            response = rpc.ResourceInvokeResponse()
            getattr(response, "return").CopyFrom(wire.encode(result))
            return response

    def ReadResource(self, request: rpc.ReadResourceRequest, context: Context) -> rpc.ReadResourceResponse:
        """Fail: an empty cloud has no resource to read."""
        with self._failing(context, f'Could not read {request.type} "{request.name}" ({request.id})'):
            raise ResourceFailed("existing resources cannot be read, because the cloud starts empty")

    def SignalAndWaitForShutdown(self, request: Empty, context: Context) -> Empty:
        """Let the program end: nothing is deleted, so none of its hooks is needed any more."""
        return Empty()

    def Log(self, request: rpc_engine.LogRequest, context: Context) -> Empty:
        """Report what the program logs; an error fails the deployment, as under the CLI."""
        if request.severity == rpc_engine.ERROR:
            if not (self.failures and _SHUTDOWN_ECHO in request.message):
                self.failures.append(request.message)
        elif request.severity != rpc_engine.DEBUG:
            self.report(Event.WARNING if request.severity == rpc_engine.WARNING else Event.INFO, request.message)
        return Empty()

    @contextmanager
    def _failing(self, context: Context, action: str) -> Iterator[None]:
        """Record the first failure with the action that failed, and stop the program by returning UNAVAILABLE."""
        if self.failures:
            context.abort(grpc.StatusCode.UNAVAILABLE, "the deployment failed")
        try:
            yield
        except ResourceFailed as error:
            cause = str(error)
        except Exception as error:  # noqa: BLE001 (a provider may raise anything, and the user must see it once)
            cause = f"{type(error).__name__}: {error}"
        else:
            return
        self.failures.append(f"{action}: {cause.rstrip('.')}.")
        context.abort(grpc.StatusCode.UNAVAILABLE, "the deployment failed")

    def _register(self, request: rpc.RegisterResourceRequest) -> Resource:
        if request.remote:
            raise ResourceFailed("components of other languages are not supported")
        if request.importId:
            raise ResourceFailed(f"import of {request.importId} is not possible, because the cloud starts empty")
        decoded = wire.decode(request.object, self._directory)
        inputs = decoded.values
        if request.type.startswith(PROVIDER_TYPE_PREFIX):
            inputs = {key: _provider_setting(value) for key, value in inputs.items()}
        resource = Resource(
            urn=self._urn(request.parent, request.type, request.name),
            type=request.type,
            name=request.name,
            parent=request.parent,
            custom=request.custom,
            inputs=inputs,
            secret_inputs=decoded.secret_paths,
            provider=self._provider(request.type, request.provider) if request.custom else None,
            depends_on=sorted(request.dependencies),
            property_dependencies={key: sorted(value.urns) for key, value in request.propertyDependencies.items()},
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            delete_before_replace=request.deleteBeforeReplace,
            ignore_changes=list(request.ignoreChanges),
            additional_secret_outputs=list(request.additionalSecretOutputs),
            aliases=[MessageToDict(alias) for alias in request.aliases],
        )
        with self._lock:
            if resource.urn in self._by_urn:
                raise ResourceFailed(f"its URN {resource.urn} is already registered; give the resource another name")
            self._by_urn[resource.urn] = resource
            self.resources.append(resource)
        return resource

    def _create(self, resource: Resource) -> None:
        is_provider = resource.type.startswith(PROVIDER_TYPE_PREFIX)
        created = Created(str(uuid.uuid4())) if is_provider else self._backend.create(resource)
        resource.id, resource.outputs = created.id, created.outputs
        self.report(Event.CREATED, f"{resource.type} {resource.name}")

    def _urn(self, parent: str, type_: str, name: str) -> str:
        parent_types = parent.split("::")[2] if parent else STACK_TYPE
        qualified = type_ if parent_types == STACK_TYPE else f"{parent_types}${type_}"
        return f"urn:pulumi:{self._config.stack}::{self._config.project}::{qualified}::{name}"

    def _provider(self, token: str, reference: str) -> Resource | None:
        """Return the provider that a reference (`urn::id`) names; None is the package's default provider."""
        if reference:
            return self._by_urn[reference.rpartition("::")[0]]
        package = token.partition(":")[0]
        if package != "pulumi" and self._config.disabled_default_providers & {package, "*"}:
            raise ResourceFailed(
                f"the default provider of package {package} is disabled in this stack "
                "(pulumi:disable-default-providers); pass an explicit provider"
            )
        return None


def _provider_setting(value: Any) -> Any:
    """Return a provider's setting, which the SDK sends as JSON text unless it is a string."""
    try:
        decoded = json.loads(value)
    except (TypeError, ValueError):
        return value
    # "123456789012" is an account ID, not a number.
    return decoded if isinstance(decoded, dict | list | bool) else value
