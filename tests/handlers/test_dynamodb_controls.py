"""Clients with one defect each. The tests of the client must fail every one."""

import functools
import inspect
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import ANY

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from handlers import connections, dynamodb_requests, known_requests, prepared_requests, replay
from handlers.connections import Connections
from handlers.dynamodb_requests import Attempt, DynamoDbRequests
from handlers.prepared_requests import PreparedRequests
from handlers.replay import Replay
from tests.fakes.faulty_table import FaultyTable
from tests.handlers import test_dynamodb_requests as tests
from tests.handlers.support import Ours, Theirs


def replaces(owner: Any, name: str, substitute: Any) -> Callable[[pytest.MonkeyPatch], None]:
    return lambda patch: patch.setattr(owner, name, substitute)


def wraps(owner: Any, name: str, wrapper: Callable[..., Any]) -> Callable[[pytest.MonkeyPatch], None]:
    """Call `wrapper` instead, with the original as its first argument."""
    original = getattr(owner, name)
    return replaces(owner, name, lambda *arguments, **more: wrapper(original, *arguments, **more))


def asks_for_credentials_once(init: Any, self: Any, sample: Any, credentials: Any) -> None:
    init(self, sample, functools.cache(credentials))


def strict_about_json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise RuntimeError from error


def forgets_the_request_id(success: Any, answer: Any) -> Any:
    response = success(answer)
    if response is not None:
        response["ResponseMetadata"]["RequestId"] = None
    return response


def attempts_again(call: Any, self: Any, operation: Any, *arguments: Any) -> Any:
    """Twice as many attempts."""
    try:
        return call(self, operation, *arguments)
    except Exception:  # noqa: BLE001 - the defect
        return call(self, operation, *arguments)


def calls_afresh(_: Any, self: Any, operation: Any, request: Any, *__: Any) -> Any:
    """Botocore does not know of the first attempt."""
    return getattr(self.client, operation)(**request)


def keeps_every_connection(self: Any, connection: Any) -> None:
    self._idle.append(connection)


def acknowledges_writes(_: Any, requests: Any) -> Any:
    """Without a request."""
    return [(key, Attempt(is_success=True, is_lost_race=False, finish=dict)) for key, _ in requests]


def failure(fault: str, times: int) -> Callable[..., None]:
    return functools.partial(tests.test_call_ends_as_with_botocore_alone, fault=fault, times=times)


def only_attempt(fault: str) -> Callable[..., None]:
    return functools.partial(tests.test_only_attempt_fails_as_that_of_botocore, fault=fault)


headers_of_botocore = functools.partial(
    tests.test_request_carries_the_headers_of_botocore_and_each_its_own_id, variables={}
)
proxy = functools.partial(
    tests.test_what_only_botocore_knows_goes_to_botocore, environment={"HTTP_PROXY": "http://127.0.0.1:9"}
)
lost_race = tests.test_lost_race_returns_the_item_and_makes_no_second_request
signature = functools.partial(tests.test_answer_that_is_not_understood_is_asked_of_botocore, fault="signature")

DEFECTS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], Callable[..., None]]] = {
    "checksum ignored": (
        replaces(dynamodb_requests, "zlib", SimpleNamespace(crc32=lambda _: ANY)),
        failure("bad crc", 1),
    ),
    "body is not JSON": (
        replaces(dynamodb_requests, "json", SimpleNamespace(loads=strict_about_json)),
        failure("not JSON", 1),
    ),
    "budget of attempts doubled": (wraps(Replay, "call", attempts_again), failure("error 500", 2)),
    "failed attempt not given to botocore": (wraps(Replay, "call", calls_afresh), failure("throttle", 1)),
    "lost race asked again": (wraps(Replay, "call", calls_afresh), lost_race),
    "lost connection not given to botocore": (wraps(Replay, "call", calls_afresh), only_attempt("close after")),
    "timeout under another name": (
        replaces(replay, "ReadTimeoutError", ConnectTimeoutError),
        only_attempt("stall"),
    ),
    "signature that is rejected": (replaces(dynamodb_requests, "_ERROR_TYPE_BYTES", 0), signature),
    "successes earn no retries": (
        replaces(Replay, "succeeded", lambda *_: None),
        tests.test_retries_end_with_the_quota_and_successes_without_botocore_restore_it,
    ),
    "closed connection used again": (
        replaces(connections, "_is_readable", lambda _: False),
        tests.test_connection_is_used_again_and_one_closed_while_idle_is_not,
    ),
    "every request on a new connection": (
        replaces(Connections, "_keep", lambda _, connection: connection.close()),
        tests.test_connection_is_used_again_and_one_closed_while_idle_is_not,
    ),
    "every connection kept": (
        replaces(Connections, "_keep", keeps_every_connection),
        tests.test_at_most_as_many_connections_are_kept_as_there_are_writers,
    ),
    "credentials of the start": (
        wraps(PreparedRequests, "__init__", asks_for_credentials_once),
        tests.test_every_request_is_signed_with_the_credentials_of_the_moment,
    ),
    "request ID of the service lost": (
        wraps(dynamodb_requests, "_success", forgets_the_request_id),
        failure("no fault", 1),
    ),
    "trace header lost": (replaces(prepared_requests, "_trace_header", lambda: None), headers_of_botocore),
    "invocation ID of the start": (
        replaces(prepared_requests, "uuid", SimpleNamespace(uuid4=lambda: "1")),
        headers_of_botocore,
    ),
    "variable that is not known ignored": (replaces(known_requests, "_is_understood", lambda _: True), proxy),
    "features of botocore ignored": (replaces(urllib.request, "getproxies", dict), proxy),
    "write acknowledged that was not made": (
        replaces(DynamoDbRequests, "update_items", acknowledges_writes),
        functools.partial(tests.test_no_login_is_lost_between_two_writers_and_all_faults, count=200),
    ),
}


@pytest.fixture
def fixtures(
    table: FaultyTable,
    ours: Ours,
    theirs: Theirs,
    backoffs: list[float],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> dict[str, Any]:
    """The fixtures of the tests, by name."""
    return locals()


@pytest.mark.parametrize("defect", DEFECTS)
def test_control_defective_client_is_caught(
    defect: str, fixtures: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    sabotage, check = DEFECTS[defect]
    sabotage(monkeypatch)
    with pytest.raises((AssertionError, ClientError, pytest.fail.Exception)):
        check(**{name: fixtures[name] for name in inspect.signature(check).parameters if name in fixtures})
