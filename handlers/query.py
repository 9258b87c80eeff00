"""Entry point of the API: the one route answers with the record of a user, or says why not and nothing else."""

import functools
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from handlers import started
from handlers.clients import make_client
from handlers.logins import format_instant
from handlers.messages import InvalidError, valid_id
from handlers.settings import QuerySettings
from handlers.store import NOBODY, UserRecordStore, error_code_of
from handlers.stored import StoredRecord
from handlers.telemetry import Telemetry, quiet_libraries
from handlers.vocabulary import QUERY_OBJECTIVE_MILLISECONDS, QUERY_SERVICE, ErrorCode, MetricName, Outcome

_HEADERS = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"}


def user_id_of(event: Mapping[str, Any]) -> str:
    """The user id in the path, decoded exactly once and then validated.

    `pathParameters` of a REST API's proxy event are as they came over the wire, still percent-encoded (those of an
    HTTP API are not), so a slash inside an id survives as %2F. A plus sign is a plus sign in a path, not a blank.
    """
    try:
        return valid_id("user_id", unquote(_text(event, "pathParameters", "user_id"), errors="strict"))
    except UnicodeDecodeError:
        raise InvalidError(ErrorCode.PATH_NOT_UTF8, "user_id is not percent-encoded UTF-8.") from None


def _text(event: Any, *path: str) -> str:
    """The string at `path` in the event, or an empty one, whatever else is there: the API sends nulls for nothing."""
    for name in path:
        event = event.get(name) if isinstance(event, Mapping) else None
    return event if isinstance(event, str) else ""


class Query:
    """The handler of one process: finds the record, answers the API, counts what it answered."""

    def __init__(self, store: UserRecordStore, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry

    def answer(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """A proxy response: 200, 400, or 500 for everything nobody expected."""
        started = time.perf_counter()
        request_id = _text(event, "requestContext", "requestId") or context.aws_request_id
        self._telemetry.logger.set_correlation_id(request_id)
        stored: StoredRecord | None = None
        try:
            stored = self._store.get(user_id_of(event))
            response = _response(200, _body(stored))
            outcome = Outcome.SUCCESS
        except InvalidError as error:
            self._telemetry.logger.warning(
                "query refused", extra={"outcome": Outcome.INVALID, "error_code": error.code}
            )
            response = _response(400, {"message": error.detail, "request_id": request_id})
            outcome = Outcome.INVALID
        except Exception as error:  # noqa: BLE001 - the caller gets a request id, whatever happened
            self._telemetry.failure("query failed", error, outcome=Outcome.ERROR, error_code=error_code_of(error))
            response = _response(500, {"message": "Internal error.", "request_id": request_id})
            outcome = Outcome.ERROR
        self._report(outcome, stored, (time.perf_counter() - started) * 1000)
        return response

    def _report(self, outcome: str, stored: StoredRecord | None, duration_milliseconds: float) -> None:
        answered = stored if outcome == Outcome.SUCCESS else None
        values = {
            MetricName.QUERY_SUCCESS: outcome == Outcome.SUCCESS,
            MetricName.QUERY_EMPTY: answered is not None and not answered.record.services,
            MetricName.QUERY_INVALID: outcome == Outcome.INVALID,
            MetricName.QUERY_ERROR: outcome == Outcome.ERROR,
            MetricName.QUERY_SLOW: duration_milliseconds > QUERY_OBJECTIVE_MILLISECONDS,
            MetricName.RECORD_MALFORMED: answered is not None and answered.malformed,
            MetricName.QUERY_DURATION: duration_milliseconds,
        }
        if answered is not None:
            values[MetricName.QUERY_SERVICES] = len(answered.record.services)
        for name, value in values.items():
            self._telemetry.measure(name, float(value))
        self._telemetry.annotate("outcome", outcome)


def _body(stored: StoredRecord) -> dict[str, Any]:
    return {
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
    dynamodb = make_client(Session(), "dynamodb", read_timeout_seconds=1)
    # Before the telemetry: there is no trace yet that the call could belong to.
    with suppress(BotoCoreError, ClientError):
        UserRecordStore(dynamodb, settings.table_name).get(NOBODY)
    telemetry = Telemetry(QUERY_SERVICE, settings.stack, settings.version)
    return telemetry.entry_point(Query(UserRecordStore(dynamodb, settings.table_name), telemetry).answer)


def handler(event: dict[str, Any], context: Any) -> Any:
    """What Lambda calls."""
    return _wired()(event, context)


# In Lambda, wire while the function starts, not while its first request waits.
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    _wired()
    started()
