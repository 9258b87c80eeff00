"""Values as Pulumi puts them on the wire, to and from plain Python."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct, Value

from localcloud.deployer import protocol


class Unknown:
    """A value that a preview cannot know yet."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN = Unknown()


@dataclass(frozen=True)
class Decoded:
    """A struct as plain Python, and the paths (`a.b[0]`) of the values that were marked secret."""

    values: dict[str, Any]
    secret_paths: set[str]


def decode(struct: Struct, directory: Path) -> Decoded:
    """Return the struct as plain Python.

    Whole numbers become ints. Assets and archives become pulumi's own objects, with their paths resolved in
    `directory`.
    """
    secret_paths: set[str] = set()

    def value_of(value: Value, path: str) -> Any:
        match value.WhichOneof("kind"):
            case "struct_value":
                return object_of(value.struct_value, path)
            case "list_value":
                return [value_of(item, f"{path}[{index}]") for index, item in enumerate(value.list_value.values)]
            case "null_value" | None:
                return None
            case kind:
                return _scalar(getattr(value, kind))

    def object_of(struct: Struct, path: str) -> Any:
        if protocol.SIGNATURE not in struct.fields:
            return {key: value_of(value, f"{path}.{key}" if path else key) for key, value in struct.fields.items()}
        if struct.fields[protocol.SIGNATURE].string_value == protocol.SECRET:
            secret_paths.add(path)
            return value_of(struct.fields["value"], path)
        given = {key: value_of(value, path) for key, value in struct.fields.items() if key != protocol.SIGNATURE}
        return _asset(struct.fields[protocol.SIGNATURE].string_value, given, path, directory)

    return Decoded(object_of(struct, ""), secret_paths)


def _scalar(value: str | float) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return UNKNOWN if value == protocol.UNKNOWN else value


def _asset(signature: str, given: dict[str, Any], path: str, directory: Path) -> Any:
    match signature, given:
        case protocol.ASSET, {"path": file}:
            return protocol.FileAsset(os.fspath(directory / file))
        case protocol.ASSET, {"text": text}:
            return protocol.StringAsset(text)
        case protocol.ARCHIVE, {"path": file}:
            return protocol.FileArchive(os.fspath(directory / file))
        case protocol.ARCHIVE, {"assets": assets}:
            return protocol.AssetArchive(assets)
    raise ValueError(f"{path} is a kind of value ({', '.join(given)}) that the embedded cloud does not support")


def keys_of(paths: Iterable[str]) -> set[str]:
    """Return the top-level keys of such paths."""
    return {path.partition(".")[0].partition("[")[0] for path in paths}


def encode(values: dict[str, Any]) -> Struct:
    """Return plain Python values as a struct."""
    return json_format.ParseDict(values, Struct())


def merge(inputs: Struct, outputs: dict[str, Any], secret_keys: Iterable[str]) -> Struct:
    """Return a resource's state: its inputs exactly as they came, its outputs over them, `secret_keys` marked secret.

    The inputs are not rebuilt from plain Python, because an archive that loses its signature crashes the program.
    """
    state = Struct()
    state.CopyFrom(inputs)
    for key, value in encode(outputs).fields.items():
        state.fields[key].CopyFrom(value)
    for key in secret_keys:
        # Reading a missing key of a protobuf map would create it.
        if key in state.fields and not _is_secret(state.fields[key]):
            plain = Value()
            plain.CopyFrom(state.fields[key])
            state.fields[key].struct_value.fields[protocol.SIGNATURE].string_value = protocol.SECRET
            state.fields[key].struct_value.fields["value"].CopyFrom(plain)
    return state


def _is_secret(value: Value) -> bool:
    fields = value.struct_value.fields
    return protocol.SIGNATURE in fields and fields[protocol.SIGNATURE].string_value == protocol.SECRET
