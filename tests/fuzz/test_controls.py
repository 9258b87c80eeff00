"""Functions with one defect each. The properties must fail every function."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase

from handlers import messages, query
from handlers.messages import InvalidError
from handlers.quarantine import Quarantine, Rejection
from handlers.vocabulary import ErrorCode
from tests.fuzz import test_fuzz
from tests.fuzz.properties import World
from tests.fuzz.test_fuzz import EVENTS, api_shard, queue_shard


@pytest.fixture(autouse=True)
def found_is_enough(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(test_fuzz, "PHASES", (Phase.generate,))


class TakesNothing(Quarantine):
    """Reports every message as quarantined, and sends none."""

    def send(self, rejections: Any, remaining_seconds: Any) -> dict[str, str]:
        return {}


class Tidies(Quarantine):
    """Strips the white space around every message."""

    def send(self, rejections: Any, remaining_seconds: Any) -> dict[str, str]:
        return super().send([self._tidied(rejection) for rejection in rejections], remaining_seconds)

    def _tidied(self, rejection: Rejection) -> Rejection:
        record = rejection.message.record
        message = replace(rejection.message, record={**record, "body": record["body"].strip()})
        return replace(rejection, message=message)


def lets_recursion_errors_through(pairs_hook: Any) -> Callable[[str], dict[str, Any]]:
    def decode_object(body: str) -> dict[str, Any]:
        try:
            decoded = json.loads(body, object_pairs_hook=pairs_hook)
        except ValueError:
            raise InvalidError(ErrorCode.BODY_NOT_JSON, "It is not JSON.") from None
        if not isinstance(decoded, dict):
            raise InvalidError(ErrorCode.BODY_NOT_OBJECT, "It is not an object.")
        return decoded

    return decode_object


def test_control_decoder_that_raises_recursion_errors_is_caught(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(messages, "_decode_object", lets_recursion_errors_through(messages._object_of_unique_keys))
    with pytest.raises(AssertionError, match="delivered again for no reason"):
        queue_shard(0, EVENTS)


def test_control_query_that_raises_on_bad_percent_encoding_is_caught(monkeypatch: pytest.MonkeyPatch):
    def user_id_of(event: Any) -> str:
        return bytes.fromhex(event["pathParameters"]["user_id"].replace("%", "")).decode()

    monkeypatch.setattr("handlers.query.user_id_of", user_id_of)
    with pytest.raises(AssertionError, match="Internal error"):
        api_shard(0, EVENTS)


def test_control_query_that_decodes_twice_is_caught(monkeypatch: pytest.MonkeyPatch):
    once = query.unquote
    monkeypatch.setattr(query, "unquote", lambda text, errors: once(once(text, errors=errors), errors="replace"))
    with pytest.raises(AssertionError):
        api_shard(0, EVENTS)


@pytest.mark.parametrize("quarantine", [TakesNothing, Tidies])
def test_control_broken_quarantine_is_caught(monkeypatch: pytest.MonkeyPatch, quarantine: type[Quarantine]):
    monkeypatch.setattr(World, "quarantine", quarantine)
    with pytest.raises(AssertionError):
        queue_shard(0, EVENTS)
