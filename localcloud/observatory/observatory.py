"""The observatory of an embedded cloud: its clock, metrics, alarms and pager, and the API that reads them."""

import logging
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from localcloud.observatory.alarm_api import AlarmApi
from localcloud.observatory.alarms import Alarms
from localcloud.observatory.clock import Clock, CompressedClock, RealClock, SteppedClock
from localcloud.observatory.facts import CodeNotice, QueueState
from localcloud.observatory.feed import Feed
from localcloud.observatory.filter_patterns import FilterError
from localcloud.observatory.log_filters import MetricFilter
from localcloud.observatory.logs import Logs
from localcloud.observatory.meter import Meter
from localcloud.observatory.metric_api import MetricApi
from localcloud.observatory.pager import Pager
from localcloud.observatory.query_api import QueryApi
from localcloud.observatory.requests import ApiError, Request, Response
from localcloud.observatory.retention import RetainedMetrics
from localcloud.observatory.saved_queries import SavedQueries
from localcloud.observatory.traces.sampling import Sampling
from localcloud.observatory.traces.store import TraceStore

MISSED_MINUTES_MAX = 5
_log = logging.getLogger(__name__)


class Observatory:
    """Everything that is observed.

    `queue_states`, `metric_filters` and `boards` are how it looks into the emulator.
    """

    def __init__(self, clock: Clock, *, is_paused: bool = False) -> None:
        self.clock, self.is_paused = clock, is_paused
        self.id = secrets.token_hex(8)
        """Tells a reader that what it remembers is of another cloud."""
        self.store = RetainedMetrics()
        self.meter = Meter(self.store, clock)
        self.queue_states: Callable[[], Iterable[QueueState]] = list
        self.metric_filters: Callable[[str], Sequence[MetricFilter]] = lambda group: ()
        self.boards: Callable[[], Mapping[str, str]] = dict
        self.feed = Feed()
        self.code: CodeNotice | None = None
        self.alarms = Alarms(self.store, clock, self.feed)
        self.alarm_api = AlarmApi(self.alarms)
        self.pager = Pager(clock, self.feed)
        self.logs = Logs()
        self.queries = QueryApi(self.logs, clock)
        self.saved_queries = SavedQueries(clock)
        self.traces, self.sampling = TraceStore(clock), Sampling()
        self.trace_groups: Callable[[], Mapping[str, str]] = dict
        """The filter expression of each group of traces, by its name."""
        self._operations = MetricApi(self.store, clock).operations | self.alarm_api.operations
        self._log_operations = self.queries.operations | self.saved_queries.operations
        self._minute = self._ended = int(clock.now() // 60)
        self._ticking = threading.Lock()

    def code_changed(self, notice: CodeNotice) -> None:
        """Whoever reloads the functions' code says what became of an edit; the newest counts."""
        self.code = notice
        self.feed.publish()

    def log_lines(self, group: str, lines: Sequence[str]) -> None:
        """Lines arrived in a log group: publish what they declare, and what the group's metric filters count."""
        self.feed.publish_lines(len(lines))
        self.meter.log_lines(group, lines)
        minute = int(self.clock.now() // 60)
        for metric_filter in self.metric_filters(group):
            try:
                found = [sample for line in lines if (sample := metric_filter.sample(line))]
            except FilterError as error:
                _log.error("%s", error)
                continue
            for key, value in found:
                self.store.add(key, minute, value)

    def answer(self, request: Request) -> Response | None:
        """The response to a request to CloudWatch; None if its operation is not among those observed here."""
        return self._answer(request, self._operations.get(request.operation))

    def answer_logs(self, request: Request) -> Response | None:
        """The response to a request to CloudWatch Logs; None if its operation is not among those observed here."""
        return self._answer(request, self._log_operations.get(request.operation))

    def _answer(
        self, request: Request, operation: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None
    ) -> Response | None:
        if operation is None:
            return None
        try:
            return request.respond(operation(request.parameters))
        except ApiError as error:
            return request.fail(error)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            _log.exception("%s was not understood", request.operation)
            return request.fail(ApiError("ValidationError", "A parameter has a type or value that is not allowed."))

    @property
    def ended_minute(self) -> int:
        """The minute that begins at the end of the last minute that was observed and evaluated."""
        return self._ended

    def tick(self) -> None:
        """Do what is due at the end of each minute that has ended since the last tick."""
        with self._ticking:
            # A machine that slept has missed nothing: only a few minutes are made up for.
            now = int(self.clock.now() // 60)
            self._minute = max(self._minute, now - MISSED_MINUTES_MAX)
            while self._minute < now:
                self._minute += 1
                self._end_minute(self._minute)

    def _end_minute(self, minute: int) -> None:
        """Finish the minute before `minute`."""
        states = list(self.queue_states())
        for state in states:
            self.meter.queue_state(minute - 1, state)
        self.meter.queue_gone(state.name for state in states)
        self.store.prune(minute)
        self.alarms.step(minute)
        self._ended = minute
        self.feed.publish()

    def advance(self, seconds: float) -> None:
        """Let time pass on a stepped clock, minute by minute."""
        assert isinstance(self.clock, SteppedClock), "a real clock cannot be advanced"
        end = self.clock.now() + seconds
        while (now := self.clock.now()) < end:
            self.clock.advance(min(end, (now // 60 + 1) * 60) - now)
            self.tick()

    def run(self, stopped: threading.Event) -> None:
        """Tick at the end of every minute of a clock that runs, until stopped."""
        assert isinstance(self.clock, RealClock | CompressedClock), "a stepped clock is advanced"
        while not stopped.wait((60 - self.clock.now() % 60) / self.clock.speed + 0.05):
            try:
                self.tick()
            except Exception:  # noqa: BLE001 - the next minute must be observed all the same
                _log.exception("The observatory could not end a minute")
