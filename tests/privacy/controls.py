"""Defects, each of which makes a function put out what it must not."""

import logging
import os
import sys
from collections.abc import Callable
from typing import Any

from aws_xray_sdk.core import xray_recorder

from handlers import call_traces, event_handler, fold, messages, query, telemetry
from handlers.store import UserRecordStore
from handlers.telemetry import Telemetry
from tests.fakes.lambda_variables import LEARNED


def _replace(owner: Any, name: str, substitute: Callable[..., Any]) -> None:
    """Call `substitute` instead, with the original as its first argument."""
    original = getattr(owner, name)
    setattr(owner, name, lambda *arguments, **more: substitute(original, *arguments, **more))


def _log_what_failed() -> None:
    def failure(_: Any, self: Any, message: str, error: Exception, **fields: Any) -> None:
        self.logger.error(f"{message}: {error}", extra=fields)

    _replace(Telemetry, "failure", failure)


def _log_at_the_level_of_the_runtime() -> None:
    def loud(init: Any, *arguments: Any) -> None:
        init(*arguments)
        logging.getLogger().setLevel(os.environ["AWS_LAMBDA_LOG_LEVEL"])

    _replace(Telemetry, "__init__", loud)


def _warm_up_loudly() -> None:
    os.environ.update(LEARNED)
    for module in (event_handler, query):
        _replace(module, "quiet_libraries", lambda _: None)


def _annotate_the_user() -> None:
    _watch_users(lambda user_id: xray_recorder.put_annotation("user", user_id))


def _measure_by_user() -> None:
    last: list[str] = []
    _watch_users(last.append)

    def by_user(measure: Any, self: Any, name: str, value: float) -> None:
        if last:
            self._metrics._dimensions["user"] = last.pop()
        measure(self, name, value)

    _replace(Telemetry, "measure", by_user)


def _watch_users(tell: Callable[[str], Any]) -> None:
    def reading(read: Any, self: Any, users: Any, *arguments: Any) -> Any:
        tell(users if isinstance(users, str) else next(iter(users)))
        return read(self, users, *arguments)

    _replace(UserRecordStore, "read", reading)
    _replace(UserRecordStore, "get", reading)


def _trace_what_the_sdk_records() -> None:
    _replace(telemetry._DiscreetEmitter, "send_entity", lambda _, self, entity: self._emitter.send_entity(entity))


def _trace_the_requests() -> None:
    def telling(end: Any, self: Any, response: Any) -> None:
        self.subsegment.put_metadata("request", self._call)
        end(self, response)

    _replace(call_traces.SdkCallTrace, "end", telling)


def _forget_the_trace_in_threads() -> None:
    _replace(Telemetry, "carry", lambda _, self, function: function)


def _leave_running_calls_open() -> None:
    _replace(telemetry, "_end_what_still_runs", lambda _, subsegment: None)


def _serve_the_error() -> None:
    def telling(respond: Any, status: int, body: Any) -> Any:
        return respond(status, {**body, "message": str(sys.exc_info()[1])} if status == 500 else body)

    _replace(query, "_response", telling)


def _raise_the_original_text() -> None:
    def telling(handle: Any, *arguments: Any) -> Any:
        try:
            return handle(*arguments)
        except event_handler.BatchFailedError as error:
            raise event_handler.BatchFailedError(str(error.__context__)) from None

    _replace(event_handler.EventHandler, "handle", telling)


def _quote_in_the_detail() -> None:
    def quoting(decode: Any, body: str, now: Any) -> Any:
        try:
            return decode(body, now)
        except messages.InvalidError as error:
            raise messages.InvalidError(error.code, f"{error.detail} {body[:40]}") from None

    _replace(fold, "decode_login", quoting)


CONTROLS: dict[str, Callable[[], None]] = {
    "logs the text of an exception": _log_what_failed,
    "logs at the level of the runtime": _log_at_the_level_of_the_runtime,
    "warms up before it is quiet": _warm_up_loudly,
    "annotates the user": _annotate_the_user,
    "traces what the SDK records": _trace_what_the_sdk_records,
    "traces requests that botocore does not make": _trace_the_requests,
    "forgets the trace in threads": _forget_the_trace_in_threads,
    "leaves running calls open": _leave_running_calls_open,
    "measures by user": _measure_by_user,
    "serves the raw error": _serve_the_error,
    "raises the original text": _raise_the_original_text,
    "quotes the body in the detail": _quote_in_the_detail,
}
