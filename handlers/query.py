"""Entry point of the API: returns the record of one user, or an error that tells nothing about the inside."""

import functools
import json
import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from urllib.parse import unquote

from handlers import cold_start
from handlers.clients import Session, error_code_of
from handlers.dynamodb_requests import make_dynamodb_client
from handlers.logins import format_instant
from handlers.messages import InvalidError, valid_user_id
from handlers.settings import QuerySettings
from handlers.store import UserRecordStore
from handlers.stored import StoredRecord
from handlers.telemetry import Telemetry, quiet_libraries
from handlers.vocabulary import (
    PROBE_USER,
    QUERY_OBJECTIVE_MILLISECONDS,
    QUERY_SERVICE,
    ErrorCode,
    MetricName,
    Outcome,
)

_HEADERS: Final = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}


def user_id_of(event: Mapping[str, Any]) -> str:
    """The user ID in the path, decoded exactly once and then validated.

    A REST API passes `pathParameters` as they came over the wire, still percent-encoded (an HTTP API does not), so a
    slash inside an ID survives as %2F. In a path a plus sign is a plus sign, not a blank.
    """
    try:
        return valid_user_id(unquote(_text(event, "pathParameters", "user_id"), errors="strict"))
    except UnicodeDecodeError:
        raise InvalidError(ErrorCode.PATH_NOT_UTF8, "user_id is not percent-encoded UTF-8.") from None


def _text(event: object, *path: str) -> str:
    """The string at `path` in the event, or an empty string: API Gateway sends null for an absent value."""
    for name in path:
        event = cast("Mapping[str, object]", event).get(name) if isinstance(event, Mapping) else None
    return event if isinstance(event, str) else ""


class Query:
    """The handler of one process: reads the record, responds to the API, and counts the outcome."""

    def __init__(self, store: UserRecordStore, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry

    def answer(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """A proxy response: 200, 400 for an invalid ID, or 500 for every unexpected failure."""
        started = time.perf_counter()
        request_id = _text(event, "requestContext", "requestId") or context.aws_request_id
        self._telemetry.logger.set_correlation_id(request_id)
        stored: StoredRecord | None = None
        is_probed = False
        try:
            user_id = user_id_of(event)
            is_probed = user_id == PROBE_USER
            stored = self._store.get(user_id)
            response = _response(200, _body(stored))
            outcome = Outcome.PARTIAL if stored.is_partial else Outcome.SUCCESS
            if stored.is_partial:
                self._log_damage(stored)
        except InvalidError as error:
            self._telemetry.logger.warning(
                "query invalid", extra={"outcome": Outcome.INVALID, "error_code": error.code}
            )
            response = _response(400, {"message": error.detail, "request_id": request_id})
            outcome = Outcome.INVALID
        except Exception as error:  # noqa: BLE001 - the client gets a request ID, whatever failed
            self._telemetry.failure("query failed", error, outcome=Outcome.ERROR, error_code=error_code_of(error))
            response = _response(500, {"message": "Internal error.", "request_id": request_id})
            outcome = Outcome.ERROR
        self._telemetry.annotate("outcome", outcome)
        if not is_probed:
            self._count(outcome, stored, (time.perf_counter() - started) * 1000)
        return response

    def _log_damage(self, stored: StoredRecord) -> None:
        # An error, although the client gets an answer: nothing but an engineer repairs the record.
        self._telemetry.logger.error(
            "record damaged",
            extra={
                "outcome": Outcome.PARTIAL,
                "error_code": ErrorCode.RECORD_MALFORMED,
                "readable": len(stored.record.services),
                "unreadable": len(stored.unreadable),
            },
        )

    def _count(self, outcome: Outcome, stored: StoredRecord | None, duration_milliseconds: float) -> None:
        """Measure a query about a real user; the objective on latency counts these."""
        is_answered = outcome in (Outcome.SUCCESS, Outcome.PARTIAL)
        services = stored.record.services if stored is not None and is_answered else ()
        values = {
            MetricName.QUERY_SUCCESS: is_answered,
            MetricName.QUERY_EMPTY: outcome == Outcome.SUCCESS and not services,
            MetricName.QUERY_INVALID: outcome == Outcome.INVALID,
            MetricName.QUERY_ERROR: outcome == Outcome.ERROR,
            MetricName.QUERY_SLOW: duration_milliseconds > QUERY_OBJECTIVE_MILLISECONDS,
            MetricName.RECORD_MALFORMED: outcome == Outcome.PARTIAL,
            MetricName.QUERY_DURATION: duration_milliseconds,
        }
        if is_answered:
            values[MetricName.QUERY_SERVICES] = len(services)
        for name, value in values.items():
            self._telemetry.measure(name, float(value))


def _body(stored: StoredRecord) -> dict[str, Any]:
    body = {
        "user_id": stored.record.user_id,
        "services": [
            {
                "service_id": service.service_id,
                "service_name": service.service_name,
                "last_accessed": format_instant(service.last_accessed),
            }
            for service in stored.record.services
        ],
    }
    # Only where it is true, so that a client that rejects unknown fields keeps working for every other user.
    return body | {"partial": True} if stored.is_partial else body


def _response(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": _HEADERS,
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        "isBase64Encoded": False,
    }


@functools.cache
def _wired() -> Callable[[dict[str, Any], Any], Any]:
    """The handler with everything it needs, made once per process."""
    settings = QuerySettings.of(os.environ)
    quiet_libraries()
    dynamodb = make_dynamodb_client(Session(), settings.table_name, read_timeout_seconds=1)
    store = UserRecordStore(dynamodb, settings.table_name)
    # Before the telemetry is made, because there is no trace yet that this call could belong to.
    store.warm_up(batch=False)
    telemetry = Telemetry(QUERY_SERVICE, settings.stack, settings.version)
    telemetry.trace_calls_of(dynamodb)
    return telemetry.entry_point(Query(store, telemetry).answer)


def handler(event: dict[str, Any], context: Any) -> Any:
    """The function that Lambda calls with a request."""
    return _wired()(event, context)


cold_start.complete(_wired)
