"""What is changed in ministack. Only this module and those named `*_seams` name its internals, each checked here.

Import it in the emulator's own process only: importing ministack reads the environment and starts its services.
"""

import inspect
import json
import os
import random
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar, copy_context
from functools import partial
from types import ModuleType
from typing import Any

from ministack import app as ministack_app
from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

from localcloud.emulator.connection import API_PATH, TOKEN_PATH
from localcloud.emulator.log_pipe import LogPipe

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
    _let_log_groups_change_their_key()
    _route_by_the_weights_of_aliases()
    _let_invocations_outlive_an_update()
    _finish_updates_soon()
    _return_every_line_of_an_invocation()
    _find_the_token_endpoint_here()

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


def _route_by_the_weights_of_aliases() -> None:
    """Invoke the version that an alias draws by its weights; the emulator takes the alias's main version always.

    Invoke, integrations of an API and batches of a mapping each find the version to run in another place. All of them
    end in `lambda_svc._execute_function_dispatch`, whose `config["Version"]` is the executed version. There,
    `config["FunctionArn"]` ends with the alias for integrations and batches, but with the drawn version for Invoke.
    """
    invoke = seam(lambda_svc, "_invoke", "name", "event", "headers", "path_qualifier", "query_params")
    record_for = seam(lambda_svc, "_get_func_record_for_ref", "function_ref")
    base_for = seam(lambda_svc, "_get_base_func_record_for_ref", "function_ref")
    parts_of = seam(lambda_svc, "_resolve_name_and_qualifier", "name_or_arn")
    run_batch = seam(lambda_svc, "_run_sqs_batch", "esm", "func_rec", "event", "batch", "queue_url", "queue_name")

    def drawn_record(function: dict[str, Any] | None, qualifier: str | None) -> dict[str, Any] | None:
        """Return what an invocation of the alias runs; None when the qualifier is no alias."""
        alias = (function or {}).get("aliases", {}).get(qualifier)
        version = _drawn_version(alias) if alias else None
        if function is None or alias is None or version not in function["versions"]:
            return None
        record = function["versions"][version]
        # All versions share the reserved concurrency, which only the function's own record has.
        return {
            **record,
            "config": {**record["config"], "FunctionArn": alias["AliasArn"]},
            "concurrency": function.get("concurrency"),
        }

    async def invoke_drawn(
        name: str, event: Any, headers: Any, path_qualifier: str | None = None, query_params: Any = None
    ) -> Any:
        asked = (query_params or {}).get("Qualifier")
        qualifier = path_qualifier or (asked[0] if isinstance(asked, list) else asked)
        record = drawn_record(lambda_svc._functions.get(name), qualifier)
        version = record["config"]["Version"] if record else path_qualifier
        return await invoke(name, event, headers, version, query_params)

    def drawn_record_for(function_ref: str) -> tuple[dict[str, Any] | None, dict[str, Any] | None, str]:
        record = drawn_record(base_for(function_ref)[0], parts_of(function_ref)[1])
        return (record, record["config"], parts_of(function_ref)[0]) if record else record_for(function_ref)

    def run_drawn_batch(esm: Any, func_rec: Any, *batch: Any) -> None:
        record = drawn_record(lambda_svc._functions.get(esm["FunctionName"]), esm.get("Qualifier"))
        run_batch(esm, record or func_rec, *batch)

    lambda_svc._invoke = invoke_drawn
    lambda_svc._get_func_record_for_ref = drawn_record_for
    lambda_svc._run_sqs_batch = run_drawn_batch  # pyrefly: ignore[bad-assignment]


def _find_the_token_endpoint_here() -> None:
    """Give functions the URL at which the emulator issues tokens, where the program gives them that of Cognito."""
    spawn = seam(lambda_runtime.Worker, "_spawn", "self")

    def spawn_with_endpoint(self: Any) -> None:
        here = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}{TOKEN_PATH}"
        environment = self.config.get("Environment") or {}
        variables = {
            name: here if value.endswith(f".amazoncognito.com{TOKEN_PATH}") else value
            for name, value in environment.get("Variables", {}).items()
        }
        self.config = {**self.config, "Environment": {**environment, "Variables": variables}}
        spawn(self)

    lambda_runtime.Worker._spawn = spawn_with_endpoint


def _drawn_version(alias: Mapping[str, Any]) -> str:
    drawn = random.random()  # noqa: S311 (no secret)
    for version, weight in alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}).items():
        drawn -= weight
        if drawn < 0:
            return version
    return alias["FunctionVersion"]


def _named_versions(function: Mapping[str, Any]) -> set[str]:
    """Return the versions that a function's aliases name, those with a weight too."""
    aliases = function.get("aliases", {}).values()
    weighted = {
        version for alias in aliases for version in alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    }
    return weighted | {alias["FunctionVersion"] for alias in aliases}


def _let_invocations_outlive_an_update() -> None:
    """End the workers of a function that is updated when they are idle, as AWS does; the emulator ends them at once.

    Those of a version that no alias names any more end too. The emulator keeps one of each version, forever.
    """
    kill, release = seam(lambda_runtime, "kill_workers", "workers"), seam(lambda_svc, "release_worker", "worker")
    updating: ContextVar[bool] = ContextVar("updating", default=False)
    ending: set[Any] = set()
    lock = threading.Lock()

    def kill_idle(workers: list[Any]) -> None:
        if updating.get():
            with lock:
                busy = {worker for worker in workers if worker.in_use}
                ending.update(busy)
            workers = [worker for worker in workers if worker not in busy]
        kill(workers)

    def release_and_end(worker: Any) -> None:
        with lock:
            release(worker)
            ends = worker in ending
            ending.discard(worker)
        if ends:
            kill([worker])

    def as_update(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any) -> Any:
            before = updating.set(True)
            try:
                return change(*arguments)
            finally:
                updating.reset(before)

        return changed

    update_alias = seam(lambda_svc, "_update_alias", "func_name", "alias_name", "data")

    def update_alias_and_end(func_name: str, alias_name: str, data: dict[str, Any]) -> Any:
        function = lambda_svc._functions.get(func_name) or {}
        before = _named_versions(function)
        response = update_alias(func_name, alias_name, data)
        for version in before - _named_versions(function):
            scope = {"account": lambda_svc.get_account_id(), "region": lambda_svc.get_region()}
            end = partial(lambda_runtime.invalidate_worker, func_name, qualifier=version, **scope)
            # In a thread, because the emulator serves nobody while it waits for a process to end.
            threading.Thread(target=copy_context().run, args=(end,), daemon=True).start()
        return response

    lambda_svc._update_alias = as_update(update_alias_and_end)
    lambda_runtime.kill_workers = kill_idle
    lambda_svc.release_worker = release_and_end
    for name in ("_update_code", "_update_config"):
        setattr(lambda_svc, name, as_update(seam(lambda_svc, name, "name", "data")))


def _finish_updates_soon() -> None:
    """Let a function be ready a moment after it is created or updated, not half a second, which is waiting only."""
    name = "_LAMBDA_STATE_TRANSITION_DELAY"
    if not isinstance(getattr(lambda_svc, name, None), float):
        raise SeamChangedError(f"{lambda_svc.__name__} has no {name} in seconds. Install the pinned ministack")
    setattr(lambda_svc, name, 0.05)


def _return_every_line_of_an_invocation() -> None:
    """Log all that a function wrote before it responded; the emulator waits 5 to 250 ms for it, then drops the rest.

    What is late would be logged by the next invocation of the same worker, or never.
    """
    worker = lambda_runtime.Worker
    seam(worker, "_read_stderr", "self")
    take = seam(worker, "_drain_stderr", "self")
    seam(worker, "_drain_stderr_bounded", "self", "first_line_wait", "idle_confirm", "hard_cap")
    making = threading.Lock()

    def pipe_of(self: Any) -> LogPipe | None:
        # A process that was ended for its timeout is gone; its pipe stays until the next one starts.
        stderr = self._proc.stderr if self._proc else None
        with making:
            if stderr and getattr(self, "_logs_of", None) is not stderr:
                self._logs_of, self._logs = stderr, LogPipe(stderr)
            return getattr(self, "_logs", None)

    def follow(self: Any) -> None:
        if pipe := pipe_of(self):
            pipe.follow()

    def take_lines(self: Any, *_: float, **__: float) -> str:
        pipe = pipe_of(self)
        return take(self) if pipe is None else "\n".join(pipe.take_lines())

    worker._read_stderr = follow
    worker._drain_stderr = worker._drain_stderr_bounded = take_lines
