# ruff: noqa: N802 (gRPC names the methods of a service)
"""The service that the Pulumi engine expects of the plugin `aws`, over the providers of the embedded cloud.

It claims no more than it does: no checks of the AWS provider, no default tags, no waiting for AWS.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct

from localcloud.deployer import wire
from localcloud.deployer.engine import Resource, ResourceFailed
from localcloud.deployer.protocol import plugin_pb2, provider_pb2_grpc
from localcloud.deployer.protocol import provider_pb2 as rpc
from localcloud.emulator.connection import Account
from localcloud.plugin import STACK
from localcloud.plugin.state import comparable, state_of
from localcloud.providers import Providers, operations, replacements
from localcloud.providers.updates import Change

DEFAULTS = "__defaults"
"""The input that names the inputs which Check drew, as in the AWS provider."""

Context = grpc.ServicerContext


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """The resources of stack local in an account of the embedded cloud. Each method runs in a server thread."""

    def __init__(self, cloud: Account, directory: Path):
        self._cloud, self._directory = cloud, directory
        self._providers = Providers(cloud)

    def GetPluginInfo(self, request: Empty, context: Context) -> plugin_pb2.PluginInfo:
        """Return the version of the AWS provider that the program uses."""
        return plugin_pb2.PluginInfo(version=version("pulumi-aws"))

    def CheckConfig(self, request: rpc.CheckRequest, context: Context) -> rpc.CheckResponse:
        """Reject a provider for another region or account, as AWS does."""
        with self._reporting(request, context):
            self._check_account(request.news)
            return rpc.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: rpc.DiffRequest, context: Context) -> rpc.DiffResponse:
        """Return whether the provider's settings differ; none of them replaces a resource."""
        with self._reporting(request, context):
            return _diff(set(comparable(request.old_inputs).items() ^ comparable(request.news).items()))

    def Configure(self, request: rpc.ConfigureRequest, context: Context) -> rpc.ConfigureResponse:
        """Accept the settings, and say what the plugin supports."""
        with self._reporting(request, context):
            self._check_account(request.args)
            return rpc.ConfigureResponse(supportsPreview=True)

    def Invoke(self, request: rpc.InvokeRequest, context: Context) -> rpc.InvokeResponse:
        """Return the result of a function of the provider."""
        with self._reporting(request, context):
            response = rpc.InvokeResponse()
            arguments = wire.decode(request.args, self._directory).values
            getattr(response, "return").CopyFrom(wire.encode(self._providers.invoke(request.tok, arguments, None)))
            return response

    def Check(self, request: rpc.CheckRequest, context: Context) -> rpc.CheckResponse:
        """Return the inputs with a name; a drawn name stays until the resource is replaced."""
        with self._reporting(request, context):
            inputs = Struct()
            inputs.CopyFrom(request.news)
            drawn = replacements.facts(_type(request.urn)).draws
            if drawn and drawn not in inputs.fields:
                if drawn in request.olds.fields:
                    inputs.fields[drawn].CopyFrom(request.olds.fields[drawn])
                else:
                    seed = request.randomSeed or secrets.token_bytes(32)
                    prefix = inputs.fields["namePrefix"].string_value if "namePrefix" in inputs.fields else ""
                    prefix = prefix or f"{_name(request.urn)}-"
                    inputs.fields[drawn].string_value = prefix + hashlib.sha256(seed).hexdigest()[:7]
                inputs.update({DEFAULTS: [drawn]})
            return rpc.CheckResponse(inputs=inputs)

    def Diff(self, request: rpc.DiffRequest, context: Context) -> rpc.DiffResponse:
        """Compare the inputs deeply, and return which of them change and which replace the resource."""
        with self._reporting(request, context):
            type_ = _type(request.urn)
            old, new = comparable(request.old_inputs), comparable(request.news)
            drawn = old.pop(DEFAULTS, []), new.pop(DEFAULTS, [])
            changed = replacements.changed(type_, old, new)
            replaces = replacements.replacing(type_, changed)
            # As the AWS provider does: a name that the program chose cannot exist twice.
            name = replacements.facts(type_).draws
            chosen = bool(name) and name not in changed and name not in drawn[1]
            return _diff(changed, replaces=replaces, deleteBeforeReplace=bool(replaces) and chosen)

    def Create(self, request: rpc.CreateRequest, context: Context) -> rpc.CreateResponse:
        """Create a resource; in a preview, return the inputs, so that every other output is unknown."""
        with self._reporting(request, context):
            if request.preview:
                replacements.facts(_type(request.urn))
                return rpc.CreateResponse(properties=request.properties)
            created = self._providers.create(self._resource(request.urn, request.properties))
            state = wire.merge(request.properties, created.outputs, ())
            return rpc.CreateResponse(id=created.id, properties=state)

    def Read(self, request: rpc.ReadRequest, context: Context) -> rpc.ReadResponse:
        """Return the state with what was changed by hand, or no ID when the resource is gone."""
        with self._reporting(request, context):
            if not request.properties.fields:
                return self._import(request)
            found = operations.read(self._cloud, _type(request.urn), state_of(request.id, request.properties))
            if found is None:
                return rpc.ReadResponse()
            inputs = wire.merge(request.inputs, found, ()) if request.inputs.fields else request.inputs
            return rpc.ReadResponse(id=request.id, properties=wire.merge(request.properties, found, ()), inputs=inputs)

    def Update(self, request: rpc.UpdateRequest, context: Context) -> rpc.UpdateResponse:
        """Apply a change in place; in a preview, outputs that may change are unknown."""
        with self._reporting(request, context):
            type_, old, new = _type(request.urn), comparable(request.old_inputs), comparable(request.news)
            change = Change(
                type=type_,
                name=_name(request.urn),
                id=request.id,
                old=state_of(request.id, request.olds),
                new=self._values(request.news),
                changed=replacements.changed(type_, old, new) - {DEFAULTS},
            )
            outputs = {name: value for name, value in comparable(request.olds).items() if name not in old}
            if request.preview:
                lifecycle = operations.of_type(type_)
                renewed = lifecycle.renews if change.changed - lifecycle.renews_without else ()
                kept = {name: value for name, value in outputs.items() if name not in renewed}
                return rpc.UpdateResponse(properties=wire.merge(request.news, kept, ()))
            outputs |= operations.update(self._cloud, type_, change)
            return rpc.UpdateResponse(properties=wire.merge(request.news, outputs, ()))

    def Delete(self, request: rpc.DeleteRequest, context: Context) -> Empty:
        """Delete a resource; one that is gone already is a success."""
        with self._reporting(request, context):
            operations.delete(self._cloud, _type(request.urn), state_of(request.id, request.properties))
            return Empty()

    def Cancel(self, request: Empty, context: Context) -> Empty:
        """Let the calls under way end; the engine waits for them."""
        return Empty()

    def _import(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        adopted = operations.adopt(self._cloud, _type(request.urn), request.id)
        if adopted is None:
            return rpc.ReadResponse()
        inputs, created = wire.encode(adopted[0]), adopted[1]
        return rpc.ReadResponse(id=created.id, inputs=inputs, properties=wire.merge(inputs, created.outputs, ()))

    @contextmanager
    def _reporting(self, request: Any, context: Context) -> Iterator[None]:
        """Refuse another stack, and return an error as one line for the engine to print."""
        try:
            self._refuse_other_stacks(getattr(request, "urn", ""))
            yield
        except (ResourceFailed, BotoCoreError, ClientError) as error:
            message = " ".join(str(error).split())
            if EndpointConnectionError in (type(error), type(error.__cause__)):
                message = (
                    f"The embedded cloud at {self._cloud.endpoint} has stopped, and its contents are lost. "
                    "Start it again: python -m localcloud up --empty"
                )
        except Exception as error:  # noqa: BLE001 (the engine shows nothing but the message)
            message = f"{type(error).__name__}: {error}"
        else:
            return
        context.abort(grpc.StatusCode.UNKNOWN, message)

    def _refuse_other_stacks(self, urn: str) -> None:
        """Raise ResourceFailed for a URN of a stack other than `local`."""
        stack = urn.removeprefix("urn:pulumi:").partition("::")[0]
        if urn and stack != STACK:
            raise ResourceFailed(
                f"Stack {stack} is not deployed in the embedded cloud, which takes stack {STACK} only. To deploy it on "
                "AWS, use a terminal in which `python -m localcloud env --pulumi` was not evaluated"
            )

    def _resource(self, urn: str, inputs: Struct) -> Resource:
        return Resource(
            urn=urn,
            type=_type(urn),
            name=_name(urn),
            parent="",
            custom=True,
            inputs=self._values(inputs),
            secret_inputs=set(),
            provider=None,
            depends_on=[],
            property_dependencies={},
            protect=False,
            retain_on_delete=False,
            ignore_changes=[],
            delete_before_replace=False,
            additional_secret_outputs=[],
            aliases=[],
        )

    def _values(self, inputs: Struct) -> dict[str, Any]:
        values = wire.decode(inputs, self._directory).values
        values.pop(DEFAULTS, None)
        return values

    def _check_account(self, settings: Struct) -> None:
        given = comparable(settings)
        if (region := given.get("region")) not in (None, self._cloud.region):
            raise ResourceFailed(
                f"The embedded cloud was started in {self._cloud.region}, but aws:region is {region}. "
                f"Start it again, or run: pulumi config set --stack {STACK} aws:region {self._cloud.region}"
            )
        allowed = given.get("allowedAccountIds")
        allowed = json.loads(allowed) if isinstance(allowed, str) else allowed
        if allowed and self._cloud.account_id not in allowed:
            raise ResourceFailed(f"aws:allowedAccountIds does not contain {self._cloud.account_id}, the embedded cloud")


def _type(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _diff(changed: Any, **more: Any) -> rpc.DiffResponse:
    changes = rpc.DiffResponse.DIFF_SOME if changed else rpc.DiffResponse.DIFF_NONE
    return rpc.DiffResponse(changes=changes, diffs=sorted(map(str, changed)), **more)
