"""Pulumi's protocol and its assets, without the rest of Pulumi's SDK, which takes far longer to import.

Engine and plugin need the generated messages and services, and the classes of assets. The packages around these
modules, whose code would import the whole SDK, stand empty while they are imported; a later `import pulumi` runs it.
"""

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

# By which the wire tells these kinds of values from an object; `pulumi.runtime.rpc` has the same.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (public)
ASSET = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@contextmanager
def _empty_packages() -> Iterator[None]:
    """Import modules without the code of the packages around them, unless that has run already."""
    added: list[str] = []
    found = importlib.util.find_spec("pulumi") if "pulumi" not in sys.modules else None
    if found is not None:
        for name in ("pulumi", "pulumi.runtime"):
            package = sys.modules[name] = ModuleType(name)
            package.__path__ = [
                f"{folder}{name.removeprefix('pulumi').replace('.', '/')}"
                for folder in found.submodule_search_locations or ()
            ]
            added.append(name)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]


with _empty_packages():
    from pulumi.asset import AssetArchive, FileArchive, FileAsset, StringAsset
    from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS as CHANNEL_OPTIONS
    from pulumi.runtime.proto import (
        engine_pb2,
        engine_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        resource_pb2,
        resource_pb2_grpc,
    )

__all__ = [
    "ARCHIVE",
    "ASSET",
    "CHANNEL_OPTIONS",
    "SECRET",
    "SIGNATURE",
    "UNKNOWN",
    "AssetArchive",
    "FileArchive",
    "FileAsset",
    "StringAsset",
    "engine_pb2",
    "engine_pb2_grpc",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "resource_pb2",
    "resource_pb2_grpc",
]
