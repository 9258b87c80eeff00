"""Random, counted faults between a handler and AWS: every call of a process passes one gate."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ConnectionClosedError, ReadTimeoutError

from localcloud.models.client import Perform, client_error
from tests.chaos.virtual_time import VirtualTime

_THROTTLES = ("ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded")
_WRITES = frozenset({"update_item", "put_item", "send_message_batch"})
READ_TIMEOUT_SECONDS = 2


class KilledError(BaseException):
    """The process that made the call was killed: none of its code may run any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """The probability of each fault, per call that the fault can affect."""

    throttled: float = 0.10
    reply_lost: float = 0.10
    # The client lost the reply, and its second attempt finds what the first attempt wrote.
    repeated: float = 0.05
    killed: float = 0.01
    unprocessed: float = 0.10
    entry_failed: float = 0.10
    duplicated: float = 0.10
    stale: float = 0.30


@dataclass(frozen=True, slots=True)
class Gate:
    """The gate between one process and AWS. No call passes after the process was killed or timed out."""

    _time: VirtualTime
    _chance: random.Random
    _odds: Odds
    _happened: Counter[str]
    _remaining: Callable[[], float]

    def __call__(self, operation: str, request: dict[str, Any], perform: Perform) -> dict[str, Any]:
        self._time.sleep(self._chance.uniform(0.002, 0.02))
        self._stop_if_out_of_time()
        if self._happens("throttled", self._odds.throttled):
            raise client_error(operation, self._chance.choice(_THROTTLES))
        if operation == "batch_get_item" and self._happens("unprocessed", self._odds.unprocessed):
            return self._partly_read(request, perform)
        if operation == "send_message_batch" and self._happens("entry_failed", self._odds.entry_failed):
            return self._partly_sent(request, perform)
        if operation not in _WRITES:
            return perform(request)
        try:
            return perform(request)
        finally:
            # The handler may never receive the response, whatever it is.
            self._lose(operation, request, perform)

    def _lose(self, operation: str, request: dict[str, Any], perform: Perform) -> None:
        if self._happens("killed", self._odds.killed):
            raise KilledError
        if self._happens("reply_lost", self._odds.reply_lost):
            if self._chance.random() < 0.2:
                self._time.sleep(READ_TIMEOUT_SECONDS)
                self._stop_if_out_of_time()
                raise ReadTimeoutError(endpoint_url=operation)
            raise ConnectionClosedError(endpoint_url=operation)
        if self._happens("repeated", self._odds.repeated):
            self._time.sleep(self._chance.uniform(0.002, 1))
            self._stop_if_out_of_time()
            perform(request)

    def _partly_read(self, request: dict[str, Any], perform: Perform) -> dict[str, Any]:
        [(table, wanted)] = request["RequestItems"].items()
        keys = wanted["Keys"]
        left = keys[self._chance.randint(1, len(keys)) :]
        response = perform({"RequestItems": {table: {"Keys": keys[: len(keys) - len(left)]}}})
        return response | {"UnprocessedKeys": {table: {"Keys": left}} if left else {}}

    def _partly_sent(self, request: dict[str, Any], perform: Perform) -> dict[str, Any]:
        fails = {entry["Id"] for entry in request["Entries"] if self._chance.random() < 0.5}
        taken = [entry for entry in request["Entries"] if entry["Id"] not in fails]
        response = perform(request | {"Entries": taken}) if taken else {}
        failed = [{"Id": key, "Code": "InternalError", "SenderFault": False} for key in sorted(fails)]
        # Sometimes an entry is in neither list.
        return response | {"Failed": failed[self._chance.random() < 0.2 :]}

    def _happens(self, fault: str, odds: float) -> bool:
        happens = self._chance.random() < odds
        self._happened[fault] += happens
        return happens

    def _stop_if_out_of_time(self) -> None:
        if self._remaining() <= 0:
            self._happened["timed_out"] += 1
            raise KilledError


def lag_by_chance(chance: random.Random, odds: Odds, happened: Counter[str]) -> Callable[[int], int]:
    """How many versions a read is behind, usually none."""

    def lag(versions: int) -> int:
        behind = chance.randrange(versions) if chance.random() < odds.stale else 0
        happened["stale"] += behind > 0
        return behind

    return lag
