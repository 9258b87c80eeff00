"""Logs, metrics and traces hold no value of a message or record; only this module knows how they are written.

The X-Ray SDK is in maintenance mode; replacing it changes this file only.
"""

import logging
import os
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import wrapt
from aws_lambda_powertools import Logger, Tracer
from aws_xray_sdk.core.exceptions.exceptions import AlreadyEndedException

from handlers.call_traces import SdkCallTraces
from handlers.clients import DynamoDbClient
from handlers.dynamodb_requests import DynamoDbRequests
from handlers.ending import before_the_end
from handlers.metrics import HOLD_SECONDS, Metrics
from handlers.vocabulary import STACK_DIMENSION, Environment, MetricName

Handler = Callable[[dict[str, Any], Any], Any]


def quiet_libraries() -> None:
    """Libraries log warnings and errors only. Call it before the first client is made.

    Lambda sets the root logger to the function's level. At DEBUG, which an operator can set, botocore's lines contain
    requests: user IDs, and the session token that signs them.
    """
    logging.getLogger().setLevel(logging.WARNING)


class _DiscreetEmitter:
    """Removes the text of every exception from a segment before it is sent, because AWS quotes requests in that text.

    Class, stack and HTTP status stay; the error code is in the log line of the same trace.
    """

    def __init__(self, emitter: Any) -> None:
        self._emitter = emitter

    def send_entity(self, entity: Any) -> None:
        """Send a segment with everything nested in it."""
        entities: list[Any] = [entity]
        for nested in entities:
            entities.extend(nested.subsegments)
            # The cause is only the ID of an exception if another segment has recorded that exception already.
            for exception in () if isinstance(nested.cause, str) else nested.cause.get("exceptions", ()):
                exception.message = None
        self._emitter.send_entity(entity)


class Telemetry:
    """The logs, metrics and traces of one function. Made once per process; `entry_point` wraps its handler."""

    def __init__(self, service: str, stack: str, version: str) -> None:
        quiet_libraries()
        self.logger = Logger(
            service=service,
            stack=stack,
            version=version,
            utc=True,
            # Lambda recognises the level of a line only if its timestamp has this format.
            use_rfc3339=True,
            # The text of an exception may quote data; `failure` logs its class and where it was raised.
            serialize_stacktrace=False,
        )
        hold_seconds = float(os.environ.get(Environment.METRICS_HOLD_SECONDS, HOLD_SECONDS))
        self._metrics = Metrics(service, stack, hold_seconds=hold_seconds)
        self._has_failed = False
        self._summary: tuple[str, dict[str, Any]] | None = None
        self._unlogged = 0
        if not before_the_end(self._metrics.write_last):
            self.logger.warning("what the process holds when it ends will be lost")
        self._tracer = Tracer(service=service, auto_patch=False)
        # At once if botocore is loaded, otherwise as soon as it is: the SDK would load it. Every client is made by a
        # session, whose module is loaded after those that the SDK patches.
        wrapt.register_post_import_hook(lambda _: self._tracer.patch(("botocore",)), "botocore.session")
        self._recorder = cast("Any", self._tracer.provider)
        if not isinstance(self._recorder.emitter, _DiscreetEmitter):
            self._recorder.emitter = _DiscreetEmitter(self._recorder.emitter)
        self._service = service
        self._stack = stack
        # Provisioned concurrency starts an environment ahead of its first request: that is not a cold start.
        self._cold = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency"

    def entry_point(self, function: Handler) -> Handler:
        """`function` in one subsegment, the invocation in every log line, and metrics written even if it raises."""

        @self.logger.inject_lambda_context(log_event=False, clear_state=True)
        def handler(event: dict[str, Any], context: Any) -> Any:
            self._metrics.begin()
            self._summary, self._has_failed = None, False
            with self.span(f"## {self._service}"):
                self.annotate(STACK_DIMENSION, self._stack)
                # The metric of this name that Powertools can emit ignores the default dimensions.
                self.measure(MetricName.COLD_START, int(self._cold))
                self._cold = False
                # `$LATEST`, which no caller of a stack names, has no number.
                if context.function_version.isdecimal():
                    self.measure(MetricName.FUNCTION_VERSION, int(context.function_version))
                try:
                    return function(event, context)
                except BaseException:
                    self._has_failed = True
                    raise
                finally:
                    self._end()

        return handler

    def _end(self) -> None:
        is_written = self._metrics.end(failed=self._has_failed)
        if self._summary is None:
            return
        if not is_written:
            self._unlogged += 1
            return
        message, fields = self._summary
        self.logger.info(message, extra={**fields, "unlogged": self._unlogged})
        self._unlogged = 0

    def measure(self, name: MetricName, value: float) -> None:
        """Add a value of a metric; `handlers.metrics` decides when it is written."""
        self._metrics.measure(name, value)

    def flush(self) -> None:
        """Write the metrics that are held."""
        self._metrics.write()

    def summarize(self, message: str, **fields: Any) -> None:
        """Log, at the end of the invocation, what became of it, if its metrics are written then.

        So every failure has this line, and of a busy function's successes only some. Field `unlogged` counts the
        invocations since the last line that have none.
        """
        self._summary = message, fields

    def annotate(self, key: str, value: Any) -> None:
        """Make the current subsegment searchable by `key`. Never pass an ID."""
        self._tracer.put_annotation(key, value)

    def failure(self, message: str, error: Exception, **fields: Any) -> None:
        """Log an unexpected error: its class and where it was raised, never its text. The metrics are not held."""
        self._has_failed = True
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames]
        self.logger.error(message, extra={"exception_name": type(error).__name__, "where": where, **fields})

    @contextmanager
    def span(self, name: str) -> Generator[None]:
        """A subsegment around the code inside. It records that the code failed, not the text, which may quote data.

        Calls inside that still run when it ends were given up; they end with it, as faults.
        """
        subsegment = self._recorder.begin_subsegment(name)
        try:
            yield
        except BaseException:
            if subsegment is not None:
                subsegment.add_fault_flag()
            raise
        finally:
            _end_what_still_runs(subsegment)
            self._recorder.end_subsegment()

    def carry(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function` for another thread, where this thread's subsegment becomes the parent of its subsegments."""
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

    def trace_calls_of(self, client: DynamoDbClient) -> None:
        """Give the calls that `client` makes without botocore, whose calls are traced already, their subsegments."""
        if isinstance(client, DynamoDbRequests) and not self._tracer.disabled:
            client.traces = SdkCallTraces(self._recorder, client)


def _end_what_still_runs(subsegment: Any) -> None:
    # The SDK sends a subsegment after everything in it has ended, and a given-up call ends in the next invocation or
    # never: without this, the trace of just this invocation would be lost.
    # https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html (in_progress)
    pending: list[Any] = [] if subsegment is None else list(subsegment.subsegments)
    for nested in pending:
        pending.extend(nested.subsegments)
        # The call can end in its own thread at the same time, and what has ended cannot end again.
        with suppress(AlreadyEndedException):
            if nested.in_progress:
                nested.add_fault_flag()
                nested.close()
