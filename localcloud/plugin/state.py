"""Values that the engine sends of what exists already, where an archive has lost its path and a number is a float."""

from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from localcloud.deployer.protocol import ARCHIVE, ASSET, SIGNATURE


def comparable(values: Struct) -> dict[str, Any]:
    """Return values that are equal when they mean the same: whole numbers as ints, files by their hash."""
    return _plain(MessageToDict(values))


def state_of(id_: str, properties: Struct) -> dict[str, Any]:
    """Return the state of a resource: its ID, inputs and outputs."""
    return comparable(properties) | {"id": id_}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get(SIGNATURE) in (ASSET, ARCHIVE) and "hash" in value:
            return {SIGNATURE: value[SIGNATURE], "hash": value["hash"]}
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
