"""What the models of AWS share: errors as botocore raises them, and clients whose calls can be tampered with."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


class NotInTheModelError(BaseException):
    """The model does not know the request. Extend the model: a guess would not be what AWS returns.

    Not an Exception, so that no handler under test takes it for a failure of AWS.
    """


def client_error(
    operation: str, code: str, message: str = "", *, status: int = 400, members: dict[str, Any] | None = None
) -> ClientError:
    """The error botocore raises for an answer of the service; `members` are those its shape has beside the message."""
    metadata = {"HTTPStatusCode": status}
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata, **(members or {})}
    return ClientError(response, operation)  # pyrefly: ignore[bad-argument-type]


# A gate returns the response to one call: it gets the method's name, the request, and what performs it on the model.
Perform = Callable[[dict[str, Any]], dict[str, Any]]
Gate = Callable[[str, dict[str, Any], Perform], dict[str, Any]]


class Client:
    """A model as a boto3 client whose calls go through `gate`, which can delay a call, fail it, or lose its reply."""

    def __init__(self, model: Any, gate: Gate) -> None:
        self._model = model
        self._gate = gate

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        operation = getattr(self._model, name)
        return lambda **request: self._gate(name, request, lambda changed: operation(**changed))
