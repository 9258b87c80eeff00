"""What of the installed packages ships: files and models that no function reads are deleted from the layer."""

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

BOTOCORE_SERVICES = frozenset({"dynamodb", "sqs", "ssm", "sts", "xray"})
"""The services whose models ship. Outside Lambda the X-Ray SDK makes an `xray` client while it is imported."""

BOTOCORE_OPERATIONS = {
    "dynamodb": frozenset({"BatchGetItem", "GetItem", "UpdateItem"}),
    "sqs": frozenset({"SendMessage", "SendMessageBatch"}),
    "ssm": frozenset({"GetParameter"}),
}
"""The operations that the functions call; their clients know no other operation."""

UNTYPED_SHAPES = {"dynamodb": "AttributeValue"}
"""Shapes whose values botocore passes on as JSON without parsing them: its models call such a shape a document.

Parsing and serializing each value of each record took a seventh of the time of an event. A binary value, which our
records do not have, stays the base64 text that was received.
"""

POWERTOOLS_UTILITIES = frozenset({"__init__.py", "jmespath_utils"})
"""The utilities that logs, metrics and traces need; the others and `event_handler` are two thirds of the package."""

LICENCE_PREFIXES = ("license", "licence", "notice", "copying", "authors")


def prune(root: Path) -> None:
    """Delete the files no function reads: tests, stubs, scripts, install records, models of services never called.

    Licences stay because they must travel with the packages, METADATA because vulnerability scanners read it, WHEEL
    because it says for which platform a package was built.
    """
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif not _ships(path.relative_to(root)):
            path.unlink()


def _ships(path: Path) -> bool:
    top, name = path.parts[0], path.name.lower()
    if top.endswith(".dist-info"):
        return name in {"metadata", "wheel"} or name.startswith(LICENCE_PREFIXES) or "licenses" in path.parts
    if top == "bin" or {"tests", "__pycache__"} & set(path.parts) or path.suffix in {".pyi", ".c"}:
        return False
    if path.parts[:2] in {("boto3", "data"), ("boto3", "examples")}:
        return False  # models of boto3's resources, which the handlers do not use, and prose
    if path.parts[:2] == ("aws_lambda_powertools", "event_handler"):
        return False
    if path.parts[:2] == ("aws_lambda_powertools", "utilities"):
        return path.parts[2] in POWERTOOLS_UTILITIES
    if path.parts[:2] == ("botocore", "data") and len(path.parts) > 3:
        return path.parts[2] in BOTOCORE_SERVICES and not name.startswith("examples-")
    return True


def slim(root: Path) -> None:
    """Rewrite botocore's data without documentation and without unused operations, because each start reads it all.

    Uncompressed, because that parses faster, and for the reason given in `write_zip`.
    """
    for path in sorted((root / "botocore" / "data").rglob("*.json*")):
        packed = path.suffix == ".gz"
        content = json.loads(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
        partitions: list[dict[str, Any]] = content.get("partitions", []) if path.name == "endpoints.json" else []
        for partition in partitions:
            partition["services"] = {
                name: value for name, value in partition["services"].items() if name in BOTOCORE_SERVICES
            }
        target = path.with_suffix("") if packed else path
        if target.name == "service-2.json":
            _keep_what_is_called(content, service=path.parts[-3])
        target.write_text(json.dumps(_without_prose(content), separators=(",", ":")), encoding="utf-8")
        if packed:
            path.unlink()


def _keep_what_is_called(model: dict[str, Any], service: str) -> None:
    if service not in BOTOCORE_OPERATIONS:
        return
    called = BOTOCORE_OPERATIONS[service]
    model["operations"] = {name: value for name, value in model["operations"].items() if name in called}
    if service in UNTYPED_SHAPES:
        model["shapes"][UNTYPED_SHAPES[service]] = {"type": "structure", "members": {}, "document": True}
    needed: dict[str, Any] = {}
    pending = [*_shapes_in(model["operations"])]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed[name] = model["shapes"][name]
            pending += _shapes_in(needed[name])
    model["shapes"] = needed


def _shapes_in(value: Any) -> Iterator[str]:
    """The names of the shapes that part of a model refers to."""
    inner: Iterable[Any] = cast("list[Any]", value) if isinstance(value, list) else ()
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if isinstance(members.get("shape"), str):
            yield members["shape"]
        inner = members.values()
    for part in inner:
        yield from _shapes_in(part)


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        # A member of that name would be a dict.
        return {
            name: _without_prose(part)
            for name, part in cast("dict[str, Any]", value).items()
            if name != "documentation" or not isinstance(part, str)
        }
    return [_without_prose(part) for part in cast("list[Any]", value)] if isinstance(value, list) else value
