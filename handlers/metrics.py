"""The metrics of one function: those of a failure are written at once, those of a busy function a little later.

They are written in CloudWatch's embedded metric format (EMF), of which most bytes are names. A quiet function writes
after each invocation. One that is invoked all the time adds up what its successful invocations measured, and writes
every few seconds: docs/decisions/0050 has the bytes, and what can be lost.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Final

from handlers.vocabulary import METRICS_NAMESPACE, SERVICE_DIMENSION, STACK_DIMENSION, MetricName

# How often a busy function writes. When an invocation begins, nothing older is held.
HOLD_SECONDS: Final = 10
# So many invocations in a row are written one by one before a function counts as busy.
UNHURRIED: Final = 100
# CloudWatch's limit, for one metric of one object.
VALUES_MAX: Final = 100

_COUNT: Final = "Count"
_UNITS: Final = {
    MetricName.EVENT_AGE: "Milliseconds",
    MetricName.BATCH_DURATION: "Milliseconds",
    MetricName.QUERY_DURATION: "Milliseconds",
    MetricName.PROBE_DELAY: "Milliseconds",
    MetricName.RECORD_BYTES: "Bytes",
    MetricName.FUNCTION_VERSION: "None",
}
# Each value is written, because a percentile, an average or the number of values is read. Of all others, the sum is.
EACH_VALUE: Final = frozenset(
    {
        MetricName.EVENT_AGE,
        MetricName.BATCH_SIZE,
        MetricName.BATCH_DURATION,
        MetricName.QUERY_SLOW,
        MetricName.QUERY_DURATION,
        MetricName.QUERY_SERVICES,
        MetricName.PROBE_SUCCESS,
        MetricName.PROBE_DELAY,
    }
)
LARGEST_VALUE: Final = frozenset({MetricName.RECORD_BYTES, MetricName.FUNCTION_VERSION})
# An invocation that counted one of these is written at once.
FAILURES: Final = frozenset(
    {
        MetricName.EVENT_INVALID,
        MetricName.EVENT_FAILED,
        MetricName.EVENT_EXHAUSTED,
        MetricName.EVENT_LATE,
        MetricName.QUERY_INVALID,
        MetricName.QUERY_ERROR,
        MetricName.QUERY_SLOW,
        MetricName.RECORD_MALFORMED,
    }
)
# As is one that took longer than this.
SLOW_MILLISECONDS: Final = 1000
_DURATIONS: Final = frozenset({MetricName.BATCH_DURATION, MetricName.QUERY_DURATION})

Values = dict[MetricName, list[float]]


def _write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _write_past_the_buffer(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


class Metrics:
    """The metrics of one process: call `begin` before each invocation, and `end` after it."""

    def __init__(
        self,
        service: str,
        stack: str,
        *,
        hold_seconds: float = HOLD_SECONDS,
        now: Callable[[], float] = time.time,
        write_line: Callable[[str], None] = _write_line,
    ) -> None:
        self._dimensions = {STACK_DIMENSION: stack, SERVICE_DIMENSION: service}
        self._hold_seconds = hold_seconds
        self._now = now
        self._write_line = write_line
        self._measured: list[tuple[MetricName, float]] = []
        self._held: Values = {}
        self._held_since = 0.0
        self._held_until = 0.0
        # Of writing: each costs one, and one comes back after HOLD_SECONDS.
        self._credit = float(UNHURRIED)
        self._credited = 0.0

    def measure(self, name: MetricName, value: float) -> None:
        """Add a value that this invocation measured."""
        self._measured.append((name, value))

    def begin(self) -> None:
        """Write what was held for long enough. An invocation that never ends loses only what is younger."""
        self._measured = []
        if self._held and self._now() - self._held_since >= self._hold_seconds:
            self.write()

    def end(self, *, failed: bool) -> bool:
        """Write or hold what this invocation measured; return whether it was written."""
        now, measured = self._now(), self._measured
        self._measured = []
        # The values of an object are of the same minute, or some would count in a wrong one.
        if self._held and now // 60 != self._held_until // 60:
            self.write()
        if not self._held:
            self._held_since = now
        self._held_until = now
        for name, value in measured:
            _hold(self._held, name, value)
        is_urgent = failed or any(_is_urgent(name, value) for name, value in measured)
        self._credit = min(UNHURRIED, self._credit + (now - self._credited) / HOLD_SECONDS)
        self._credited = now
        if is_urgent or self._credit >= 1 or now - self._held_since >= self._hold_seconds:
            self.write()
            return True
        return False

    def write(self) -> None:
        """Write everything that is held, as of the minute in which it was measured."""
        held = self._held
        self._held = {}
        self._credit = max(0.0, self._credit - 1)
        for values in _in_parts(held):
            self._write_line(self._object(values))

    def write_last(self) -> None:
        """As `write`, when a signal has interrupted the process, which may be about to write a line itself."""
        self._write_line = _write_past_the_buffer
        self.write()

    def _object(self, values: Values) -> str:
        metrics = [{"Name": name, "Unit": _UNITS.get(name, _COUNT)} for name in values]
        directive = {
            "Namespace": METRICS_NAMESPACE,
            "Dimensions": [list(self._dimensions)],
            "Metrics": metrics,
        }
        metadata = {"Timestamp": int(self._held_until * 1000), "CloudWatchMetrics": [directive]}
        return json.dumps({"_aws": metadata, **self._dimensions, **values}, separators=(",", ":"))


def _hold(held: Values, name: MetricName, value: float) -> None:
    values = held.setdefault(name, [])
    if name in EACH_VALUE or not values:
        values.append(_short(value))
    elif name in LARGEST_VALUE:
        values[0] = max(values[0], value)
    else:
        values[0] += value


def _short(value: float) -> float:
    """The value in as few characters as serve: nobody reads less than a tenth of a millisecond."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded


def _is_urgent(name: MetricName, value: float) -> bool:
    return (name in FAILURES and value > 0) or (name in _DURATIONS and value > SLOW_MILLISECONDS)


def _in_parts(held: Values) -> Iterator[Values]:
    """As few parts as have no more values of one metric than an object may have."""
    remaining = {name: iter(values) for name, values in held.items()}
    while part := {name: found for name, values in remaining.items() if (found := list(islice(values, VALUES_MAX)))}:
        yield part
