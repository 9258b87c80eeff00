"""Drives the plugin over gRPC as the engine does: Check before Create, floats for numbers, hashes for archives."""

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime import rpc as runtime
from pulumi.runtime.proto import provider_pb2 as rpc
from pulumi.runtime.proto import provider_pb2_grpc

from localcloud.emulator.connection import Account
from localcloud.plugin.__main__ import serve

DIFF_NONE, DIFF_SOME = rpc.DiffResponse.DIFF_NONE, rpc.DiffResponse.DIFF_SOME


def archive(path: str) -> dict[str, str]:
    """Return an archive as the engine sends a new one."""
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return {runtime._special_sig_key: runtime._special_archive_sig, "path": path, "hash": digest}


def without_paths(value: Any) -> Any:
    """Return values as the engine keeps them in its state."""
    if isinstance(value, dict):
        return {key: without_paths(inner) for key, inner in value.items() if key != "path" or "hash" not in value}
    return [without_paths(inner) for inner in value] if isinstance(value, list) else value


def struct(values: dict[str, Any]) -> Struct:
    """Return values on the wire."""
    made = Struct()
    made.update(values)
    return made


@dataclass
class Managed:
    """A resource in the engine's state."""

    urn: str
    id: str
    inputs: dict[str, Any]
    state: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.id if key == "id" else self.state[key]


class Driver:
    """The engine's side of the protocol."""

    def __init__(self, stub: provider_pb2_grpc.ResourceProviderStub, stack: str = "local"):
        self.stub, self._stack = stub, stack

    def urn(self, kind: str, name: str = "sample") -> str:
        last = kind.rpartition("/")[2]
        return f"urn:pulumi:{self._stack}::event-processing::a:b:C$aws:{kind}:{last[0].upper()}{last[1:]}::{name}"

    def check(self, urn: str, inputs: dict[str, Any], old: dict[str, Any] | None = None) -> dict[str, Any]:
        request = rpc.CheckRequest(urn=urn, news=struct(inputs), olds=struct(old or {}), randomSeed=urn.encode())
        return plain(self.stub.Check(request).inputs)

    def create(self, kind: str, inputs: dict[str, Any], name: str = "sample") -> Managed:
        urn = self.urn(kind, name)
        checked = self.check(urn, inputs)
        made = self.stub.Create(rpc.CreateRequest(urn=urn, properties=struct(checked)))
        return Managed(urn, made.id, without_paths(checked), without_paths(plain(made.properties)))

    def diff(self, managed: Managed, inputs: dict[str, Any]) -> rpc.DiffResponse:
        return self.stub.Diff(rpc.DiffRequest(**self._change(managed, inputs)))

    def update(self, managed: Managed, inputs: dict[str, Any]) -> Managed:
        change = self._change(managed, inputs)
        state = self.stub.Update(rpc.UpdateRequest(**change)).properties
        return Managed(managed.urn, managed.id, without_paths(plain(change["news"])), without_paths(plain(state)))

    def preview(self, managed: Managed, inputs: dict[str, Any]) -> dict[str, Any]:
        request = rpc.UpdateRequest(**self._change(managed, inputs), preview=True)
        return plain(self.stub.Update(request).properties)

    def read(self, managed: Managed) -> Managed | None:
        """Return the resource as a refresh leaves it in the state; None: it is gone."""
        request = rpc.ReadRequest(
            urn=managed.urn, id=managed.id, inputs=struct(managed.inputs), properties=struct(managed.state)
        )
        found = self.stub.Read(request)
        return Managed(managed.urn, found.id, plain(found.inputs), plain(found.properties)) if found.id else None

    def delete(self, managed: Managed) -> None:
        self.stub.Delete(rpc.DeleteRequest(urn=managed.urn, id=managed.id, properties=struct(managed.state)))

    def _change(self, managed: Managed, inputs: dict[str, Any]) -> dict[str, Any]:
        checked = self.check(managed.urn, inputs, managed.inputs)
        olds = {"olds": struct(managed.state), "old_inputs": struct(managed.inputs)}
        return {"urn": managed.urn, "id": managed.id, "news": struct(checked)} | olds


def plain(values: Struct) -> dict[str, Any]:
    """Return the values of a response as the engine would send them again."""
    return {key: _plain(value) for key, value in values.fields.items()}


def _plain(value: Any) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return plain(value.struct_value)
        case "list_value":
            return [_plain(item) for item in value.list_value.values]
        case "null_value" | None:
            return None
        case kind:
            return getattr(value, kind)


@contextmanager
def driving(cloud: Account, stack: str = "local") -> Iterator[Driver]:
    """Yield a driver of the plugin over an account."""
    with tempfile.TemporaryDirectory() as directory:
        server, port = serve(cloud, Path(directory))
        try:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Driver(provider_pb2_grpc.ResourceProviderStub(channel), stack)
        finally:
            server.stop(None).wait()
