"""Requests to the CloudWatch API in each of its protocols, as the parameters of their operation, and the responses.

boto3 and AWS CLI speak JSON, other SDKs CBOR, and older ones the query protocol. botocore's model of the service says
what the text of a query request means, and how its XML is written.
"""

import functools
import io
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

NAMESPACE = "http://monitoring.amazonaws.com/doc/2010-08-01/"
Response = tuple[int, dict[str, str], bytes]


class ApiError(Exception):
    """An error that the API returns."""

    def __init__(self, code: str, message: str, status: int = 400, more: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
        self.more = more or {}
        """Further members of the error, which only JSON has."""


def invalid(message: str) -> ApiError:
    """The error for a parameter that is not allowed."""
    return ApiError("InvalidParameterValue", message)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request to an operation, and the protocol of its response."""

    operation: str
    parameters: dict[str, Any]
    protocol: str

    def respond(self, result: Mapping[str, Any]) -> Response:
        """The response with that result, in which times are seconds since the epoch under names such as Timestamp."""
        if self.protocol == "cbor":
            shape = _operation(self.operation).output_shape
            return _cbor(200, _cbor_item(shape, result) if shape else b"\xa0")
        if self.protocol == "json":
            return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(result).encode()
        shape = _operation(self.operation).output_shape
        inner = f"<{self.operation}Result>{_xml(shape, result)}</{self.operation}Result>" if shape else ""
        metadata = f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
        root = f"{self.operation}Response"
        return 200, {"Content-Type": "text/xml"}, f'<{root} xmlns="{NAMESPACE}">{inner}{metadata}</{root}>'.encode()

    def fail(self, error: ApiError) -> Response:
        """The response with that error."""
        document = {"__type": error.code, "message": error.message}
        sender = {"x-amzn-query-error": f"{error.code};{'Sender' if error.status < 500 else 'Receiver'}"}
        if self.protocol == "cbor":
            text = [part for pair in document.items() for part in pair]
            status, headers, body = _cbor(error.status, b"\xa2" + b"".join(_cbor_item(None, part) for part in text))
            return status, headers | sender, body
        if self.protocol == "json":
            headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": error.code}
            return error.status, headers | sender, json.dumps({**document, **error.more}).encode()
        code, message = escape(error.code), escape(error.message)
        inner = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        text = f'<ErrorResponse xmlns="{NAMESPACE}">{inner}<RequestId>{uuid.uuid4()}</RequestId></ErrorResponse>'
        return error.status, {"Content-Type": "text/xml"}, text.encode()


def read_request(path: str, headers: Mapping[str, str], body: bytes, query: Mapping[str, Any]) -> Request:
    """The request; one whose body cannot be read has no parameters but `""`, which no operation has."""
    kind = headers.get("content-type", "") + headers.get("smithy-protocol", "")
    target = headers.get("x-amz-target", "").rpartition(".")[2]
    if "cbor" in kind:
        found = re.search(r"/operation/(\w+)", path)
        return _request(found[1] if found else target, "cbor", body, _cbor_loads)
    if target:
        return _request(target, "json", body, json.loads)
    pairs = [(name, value) for name, values in query.items() for value in values]
    pairs += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    text = dict(pairs)
    operation = text.get("Action", "")
    shape = _operation(operation).input_shape if operation in _service().operation_names else None
    try:
        parameters = _members(shape, text, "") if shape else {}
    except ValueError:
        parameters = {"": None}
    return Request(operation=operation, parameters=parameters, protocol="query")


def _request(operation: str, protocol: str, body: bytes, load: Any) -> Request:
    try:
        parameters = load(body) if body else {}
    except Exception:  # noqa: BLE001 - whatever cannot be read is one error, however deep it goes
        parameters = None
    readable = isinstance(parameters, dict) and all(isinstance(name, str) for name in parameters)
    return Request(
        operation=operation,
        parameters=parameters if isinstance(parameters, dict) and readable else {"": None},
        protocol=protocol,
    )


def epoch(found: Any, name: str) -> float:
    """A time in a request, in seconds since the epoch."""
    try:
        if isinstance(found, str):
            found = datetime.fromisoformat(found)
        if isinstance(found, datetime):
            found = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        seconds = float(found)
        datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise invalid(f"The parameter {name} must be a time.") from None
    return seconds


def _cbor(status: int, body: bytes) -> Response:
    return status, {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, body


def _cbor_loads(body: bytes) -> Any:
    from botocore.parsers import RpcV2CBORParser

    return RpcV2CBORParser().parse_data_item(io.BufferedReader(io.BytesIO(body)))


def _cbor_item(shape: Any, value: Any) -> bytes:
    """A value of that shape; without a shape, a text."""
    from botocore.serialize import RpcV2CBORSerializer

    item, serializer = bytearray(), RpcV2CBORSerializer()
    if shape is None:
        serializer._serialize_type_string(item, value, shape, None)  # pyrefly: ignore[missing-attribute]
    else:
        serializer._serialize_data_item(item, value, shape)  # pyrefly: ignore[missing-attribute]
    return bytes(item)


@functools.cache
def _service() -> Any:
    # Imported when it is needed, because the emulator would start a third of a second later.
    import botocore.session

    return botocore.session.Session().get_service_model("cloudwatch")


def _operation(name: str) -> Any:
    return _service().operation_model(name)


def _members(shape: Any, text: Mapping[str, str], prefix: str) -> Any:
    """The value of a shape whose members have names that begin with `prefix`; None if there are none.

    Raises ValueError for a number that is none.
    """
    if shape.type_name == "structure":
        found = {
            name: value
            for name, member in shape.members.items()
            if (value := _members(member, text, f"{prefix}.{name}" if prefix else name)) is not None
        }
        return found if found or not prefix else None
    if shape.type_name == "list":
        values: list[Any] = []
        while (value := _members(shape.member, text, f"{prefix}.member.{len(values) + 1}")) is not None:
            values.append(value)
        return values or None
    value = text.get(prefix)
    if value is None:
        return None
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name in ("float", "double"):
        return float(value)
    return value == "true" if shape.type_name == "boolean" else value


def _xml(shape: Any, value: Any) -> str:
    if shape.type_name == "structure":
        parts = ((name, shape.members[name], member) for name, member in value.items() if name in shape.members)
        return "".join(f"<{name}>{_xml(member_shape, member)}</{name}>" for name, member_shape, member in parts)
    if shape.type_name == "list":
        return "".join(f"<member>{_xml(shape.member, member)}</member>" for member in value)
    if shape.type_name == "map":
        entries = ((escape(str(key)), _xml(shape.value, member)) for key, member in value.items())
        return "".join(f"<entry><key>{key}</key><value>{member}</value></entry>" for key, member in entries)
    if shape.type_name == "timestamp":
        return datetime.fromtimestamp(value, UTC).isoformat()
    return escape(str(value).lower() if isinstance(value, bool) else str(value))
