"""Logs, metrics and traces, wired once and nowhere else: no value of a message or record ever passes through here.

The X-Ray SDK is in maintenance; what replaces it changes this file alone.
"""

import logging
import os
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.logging.buffer import LoggerBufferConfig
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from handlers.vocabulary import METRICS_NAMESPACE, STACK_DIMENSION, MetricName

Handler = Callable[[dict[str, Any], Any], Any]

_UNITS: Final = {
    MetricName.EVENT_AGE: MetricUnit.Milliseconds,
    MetricName.BATCH_DURATION: MetricUnit.Milliseconds,
    MetricName.QUERY_DURATION: MetricUnit.Milliseconds,
    MetricName.RECORD_BYTES: MetricUnit.Bytes,
}


def quiet_libraries() -> None:
    """Hold libraries to warnings. To be called before the first client is made.

    Lambda sets the root logger to the function's level, DEBUG with us, and botocore's debug lines hold requests: the
    user ids in them, and the session token they are signed with. Our own logger has a level of its own.
    """
    logging.getLogger().setLevel(logging.WARNING)


class _DiscreetEmitter:
    """Sends what the SDK recorded of a failed call without the text of the failure: AWS quotes requests in it.

    Class, stack and HTTP status stay; the error code is in the log line of the same trace.
    """

    def __init__(self, emitter: Any) -> None:
        self._emitter = emitter

    def send_entity(self, entity: Any) -> None:
        """Send a segment, and what is nested in it."""
        entities = [entity]
        for each in entities:
            entities.extend(each.subsegments)
            # An exception that was recorded before is there by its id alone.
            for exception in each.cause.get("exceptions", ()) if isinstance(each.cause, dict) else ():
                exception.message = None
        self._emitter.send_entity(entity)


class Telemetry:
    """What one function says about itself. Made once per process; `entry_point` goes around its handler."""

    def __init__(self, service: str, stack: str, version: str) -> None:
        quiet_libraries()
        self.logger = Logger(
            service=service,
            stack=stack,
            version=version,
            utc=True,
            # Anything else Lambda takes for a line without a level.
            use_rfc3339=True,
            # Values of exceptions may quote data; `failure` logs where, and of which class.
            serialize_stacktrace=False,
            buffer_config=LoggerBufferConfig(buffer_at_verbosity="DEBUG", flush_on_error_log=True),
        )
        self._metrics = EphemeralMetrics(namespace=METRICS_NAMESPACE, service=service)
        self._metrics.set_default_dimensions(**{STACK_DIMENSION: stack})
        self._tracer = Tracer(service=service, patch_modules=("botocore",))
        self._recorder: Any = self._tracer.provider
        if not isinstance(self._recorder.emitter, _DiscreetEmitter):
            self._recorder.emitter = _DiscreetEmitter(self._recorder.emitter)
        self._service = service
        self._stack = stack
        # An environment provisioned ahead is warm when the first request comes.
        self._cold = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency"

    def entry_point(self, function: Handler) -> Handler:
        """`function` with the invocation in every log line, in one subsegment, its metrics flushed whatever it does."""

        @self.logger.inject_lambda_context(log_event=False, clear_state=True)
        def handler(event: dict[str, Any], context: Any) -> Any:
            with self.span(f"## {self._service}"):
                self.annotate(STACK_DIMENSION, self._stack)
                # Powertools' own metric of this name ignores the default dimensions.
                self.measure(MetricName.COLD_START, int(self._cold))
                self._cold = False
                try:
                    return function(event, context)
                finally:
                    self._metrics.flush_metrics()

        return handler

    def measure(self, name: MetricName, value: float) -> None:
        """Add a value of a metric; more than 100 of one name come out as several objects."""
        self._metrics.add_metric(name=name, unit=_UNITS.get(name, MetricUnit.Count), value=value)

    def annotate(self, key: str, value: Any) -> None:
        """Make the current subsegment searchable by `key`. Never an id."""
        self._tracer.put_annotation(key, value)

    def failure(self, message: str, error: Exception, **fields: Any) -> None:
        """Log an error nobody expected: its class and where it was raised, never what it says."""
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        self.logger.error(message, extra={"exception_name": type(error).__name__, "where": where, **fields})

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """A subsegment around what runs inside. Of a failure only the fact is recorded: its text may quote data."""
        subsegment = self._recorder.begin_subsegment(name)
        try:
            yield
        except BaseException:
            if subsegment is not None:
                subsegment.add_fault_flag()
            raise
        finally:
            self._recorder.end_subsegment()

    def carry(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function` for another thread, with this thread's subsegment as the parent of what it traces there."""
        if self._tracer.disabled:
            return function
        parent = self._recorder.get_trace_entity()

        def carried(*arguments: Any) -> Any:
            self._recorder.set_trace_entity(parent)
            try:
                return function(*arguments)
            finally:
                self._recorder.clear_trace_entities()

        return carried
