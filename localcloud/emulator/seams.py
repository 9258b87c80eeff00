"""What is changed in ministack. Only this module and those named `*_seams` name its internals, each checked here.

Import it in the emulator's own process only: importing ministack reads the environment and starts its services.
"""

import inspect
import json
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from ministack import app as ministack_app
from ministack.core import iam_actions
from ministack.services import cloudwatch_logs

from localcloud.emulator.connection import API_PATH

App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class SeamChangedError(Exception):
    """The installed ministack is not the version these seams were written for."""


def seam(module: ModuleType | type, name: str, *parameters: str) -> Callable[..., Any]:
    """Return the function `name` of a ministack module, or raise SeamChangedError unless it takes `parameters`."""
    function = getattr(module, name, None)
    found = tuple(inspect.signature(function).parameters) if callable(function) else None
    if function is None or found != parameters:
        raise SeamChangedError(
            f"{module.__name__}.{name} takes {found}, but {parameters} was expected. Install the pinned ministack"
        )
    return function


def make_app() -> App:
    """Return ministack's ASGI app, which receives requests as AWS does. Raises SeamChangedError."""
    serve = seam(ministack_app, "app", "scope", "receive", "send")
    _authorize_batches_as_their_single_operation()
    _let_log_groups_change_their_key()

    async def as_received_by_aws(scope: dict[str, Any], receive: Any, send: Any) -> None:
        # Queues reject requests without TLS. Requests count as TLS, as behind a TLS terminator, so that the policy is
        # enforced without certificates; a client can send `X-Forwarded-Proto: http` to be rejected.
        if scope["type"] == "http" and not any(name == b"x-forwarded-proto" for name, _ in scope["headers"]):
            scope["headers"] = [*scope["headers"], (b"x-forwarded-proto", b"https")]
        # API Gateway matches and forwards a path without decoding it, %2F included; the emulator would decode it.
        if scope["type"] == "http" and scope["path"].startswith(API_PATH):
            scope["path"] = scope["raw_path"].decode("ascii")
        await serve(scope, receive, send)

    return as_received_by_aws


def _authorize_batches_as_their_single_operation() -> None:
    """Require `sqs:SendMessage` for SendMessageBatch, as AWS does, which has no separate actions for batches.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    """
    original = seam(iam_actions, "extract_iam_action", "service", "method", "path", "headers", "body", "query_params")

    def extract(*arguments: Any) -> str | None:
        action = original(*arguments)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions.extract_iam_action = extract


def _let_log_groups_change_their_key() -> None:
    """Serve AssociateKmsKey and DisassociateKmsKey, which the emulator does not know."""
    original = seam(cloudwatch_logs, "handle_request", "method", "path", "headers", "body", "query_params")

    async def handle_request(method: str, path: str, headers: Any, body: Any, query_params: Any) -> Any:
        service, _, action = headers.get("x-amz-target", "").partition(".")
        if action in ("AssociateKmsKey", "DisassociateKmsKey"):
            request = json.loads(body)
            if group := cloudwatch_logs._log_groups.get(request["logGroupName"]):
                group["kmsKeyId"] = request.get("kmsKeyId")
            # Its response has nothing that matters, or says that the group does not exist.
            headers = {**headers, "x-amz-target": f"{service}.ListTagsLogGroup"}
        return await original(method, path, headers, body, query_params)

    cloudwatch_logs.handle_request = handle_request
