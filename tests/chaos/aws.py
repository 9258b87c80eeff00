"""What the models of AWS share: errors as botocore raises them, and clients whose every call can be tampered with."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


class NotInTheModelError(BaseException):
    """A model was asked for something it cannot answer as AWS would: teach it, rather than believe it.

    Not an Exception, so that no handler under test takes it for a failure of AWS.
    """


class KilledError(BaseException):
    """The process that made the call is gone: nothing in it may run any more."""


def client_error(
    operation: str, code: str, message: str = "", *, status: int = 400, members: dict[str, Any] | None = None
) -> ClientError:
    """The error botocore raises for an answer of the service; `members` are those its shape has beside the message."""
    metadata = {"HTTPStatusCode": status}
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata, **(members or {})}
    return ClientError(response, operation)  # pyright: ignore[reportArgumentType]


# Answers one call: gets the operation's method name, the request, and what performs a request on the model.
Perform = Callable[[dict[str, Any]], dict[str, Any]]
Gate = Callable[[str, dict[str, Any], Perform], dict[str, Any]]


class Client:
    """A model as a boto3 client whose calls go through `gate`, which may delay one, fail it, or lose its reply."""

    def __init__(self, model: Any, gate: Gate) -> None:
        self._model = model
        self._gate = gate

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        operation = getattr(self._model, name)
        return lambda **request: self._gate(name, request, lambda changed: operation(**changed))
