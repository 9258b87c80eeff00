"""How many bytes of log an invocation and a request write: counted from the lines themselves, not estimated.

Lambda's own lines are those that the embedded cloud writes by Lambda's documents, at the level of the recorded program.
The line of the access log has the recorded format and values of realistic length. The lines of the handlers are counted
by running them; because their durations vary, OWN_BYTES has what was counted, and a test counts again.
"""

import io
import logging
import os
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

from handlers.event_handler import EventHandler
from handlers.quarantine import Quarantine
from handlers.query import Query
from handlers.store import UserRecordStore
from handlers.telemetry import Telemetry
from handlers.vocabulary import EVENT_HANDLER_SERVICE, QUERY_SERVICE
from localcloud.deployer.recorder import Graph
from localcloud.observatory.access_log import ApiAccess, access_log_line
from localcloud.observatory.facts import ApiRequest
from localcloud.observatory.platform_lines import Invocation, Level, platform_lines
from simulation.lambda_events import SENT_AT, LambdaContext, sqs_record
from simulation.simulated_table import Clock, SimulatedExecutor, SimulatedTable, TableBehaviour

FUNCTION = "aws:lambda/function:Function"
STAGE = "aws:apigateway/stage:Stage"

# PutLogEvents counts these for each line, besides its text. AWS does not say whether they are charged: counted.
# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
BYTES_OF_A_LINE = 26

REQUEST_ID = "7d1f0c52-9b0e-4a7c-8f3d-2f6a5d8e9b14"
TRACE_ID = "1-6ab12300-0123456789abcdef01234567"
TRACE_HEADER = f"Root={TRACE_ID};Parent=0123456789abcdef;Sampled=0;Lineage=1:fc3b4ff1:0"
TABLE = "event-processing-prod-user-services"
# When the events of a batch are stored.
NOW = datetime.fromtimestamp(int(SENT_AT) / 1000, UTC) + timedelta(milliseconds=431)
# Of a busy environment, many seconds are counted, after so many invocations that it holds its metrics.
BEFORE, COUNTED, COUNTED_QUIET = 150, 700, 20


@dataclass(frozen=True, kw_only=True)
class OwnBytes:
    """What the handlers write about a successful invocation, on average, with the bytes of each line.

    That depends on how often an environment is invoked: docs/decisions/0050.
    """

    batch_of_1: float
    batch_of_10: float
    query: float

    def of_batch(self, size: float) -> float:
        """Of a batch of that size: each further event adds a value of its age."""
        return self.batch_of_1 + (self.batch_of_10 - self.batch_of_1) / 9 * (size - 1)


# Of an environment that is invoked once a minute, and of one that is invoked all the time.
QUIET = OwnBytes(batch_of_1=1_688, batch_of_10=1_729, query=781)
BUSY = OwnBytes(batch_of_1=29, batch_of_10=90, query=11)
QUIET_SECONDS, BUSY_BATCH_SECONDS, BUSY_QUERY_SECONDS = 60.0, 0.1, 0.03


def own_bytes(per_second: float) -> OwnBytes:
    """What the handlers write at that traffic."""
    return BUSY if per_second >= 1 else QUIET


def of_text(text: str) -> int:
    """The bytes of a line with that text."""
    return len(text.encode()) + BYTES_OF_A_LINE


def of_platform(graph: Graph, function: str, seconds: float) -> int:
    """What Lambda writes about a successful invocation in an environment that had started before."""
    inputs = graph.one(FUNCTION, f"{function}-function").inputs
    lines = platform_lines(
        Invocation(
            request_id=REQUEST_ID,
            function=inputs["name"],
            function_arn=f"arn:aws:lambda:eu-west-1:123456789012:function:{inputs['name']}:live",
            version="12",
            runtime=inputs["runtime"],
            started=1_790_000_000.0,
            seconds=seconds + 0.000_123,
            status="success",
            memory_mb=inputs["memorySize"],
            peak_mb=112,
            trace=TRACE_HEADER,
        ),
        Level.of(inputs["loggingConfig"]["systemLogLevel"]),
    )
    return sum(of_text(line.text) for line in lines)


def of_access(graph: Graph) -> int:
    """What the access log has about an answered request."""
    template = graph.one(STAGE).inputs["accessLogSettings"]["format"]
    # The embedded cloud is called without TLS.
    template = template.replace("$context.cipherSuite", "TLS_AES_128_GCM_SHA256")
    access = ApiAccess(
        request=ApiRequest(api="a1b2c3d4e5", stage="v1", status=200, seconds=0.023, integration_seconds=0.019),
        at=1_790_000_000.0,
        request_id=REQUEST_ID,
        method="GET",
        resource_path="/users/{user_id}/services",
        claims={"client_id": "1example23456789abcdefghij"},
        source_ip="203.0.113.117",
        trace_id=TRACE_ID,
    )
    return of_text(access_log_line(template, access))


def count_own(batch_seconds: float, query_seconds: float) -> OwnBytes:
    """Run the handlers with so many seconds from one invocation to the next, and count what they write."""
    return OwnBytes(
        batch_of_1=_average(EVENT_HANDLER_SERVICE, _event_handler, lambda number: _batch(number, 1), batch_seconds),
        batch_of_10=_average(EVENT_HANDLER_SERVICE, _event_handler, lambda number: _batch(number, 10), batch_seconds),
        query=_average(QUERY_SERVICE, _query, _request, query_seconds),
    )


def _average(
    service: str, make: Callable[..., Any], event: Callable[[int], dict[str, Any]], seconds_apart: float
) -> float:
    printed, level = io.StringIO(), logging.getLogger().level
    clock = Clock(limit_seconds=3600)
    table = SimulatedTable(TABLE, clock, TableBehaviour(), 1.0)
    executor = SimulatedExecutor(clock, 1)
    store = UserRecordStore(table.client, TABLE, sleep=clock.advance, jitter=lambda: 0.5, executor=executor)
    environment = {"_X_AMZN_TRACE_ID": TRACE_HEADER, "AWS_LAMBDA_LOG_LEVEL": "INFO"}
    with redirect_stdout(printed), patch.dict(os.environ, environment):
        logging.Logger.manager.loggerDict.pop(service, None)
        telemetry = Telemetry(service, "prod", "0123456789ab")
        # Time passes between invocations, without which a busy environment would never write.
        wall = [NOW.timestamp()]
        telemetry._metrics._now = lambda: wall[0]
        handler = telemetry.entry_point(make(store, table, telemetry))
        before, counted = (0, COUNTED_QUIET) if seconds_apart >= QUIET_SECONDS else (BEFORE, COUNTED)
        for number in range(before + counted):
            if number == before:
                printed.seek(0)
                printed.truncate()
            wall[0] += seconds_apart
            context = LambdaContext(
                function_name=f"event-processing-prod-{service}",
                function_version="12",
                memory_limit_in_mb=1024,
                aws_request_id=str(UUID(int=number)),
            )
            handler(event(number), context)
    logging.Logger.manager.loggerDict.pop(service, None)
    logging.getLogger().setLevel(level)
    return sum(map(of_text, printed.getvalue().splitlines())) / counted


def _event_handler(store: UserRecordStore, _table: SimulatedTable, telemetry: Telemetry) -> Any:
    nobody: Any = SimpleNamespace()
    quarantine = Quarantine(lambda: nobody, "dead-letters")
    return EventHandler(store, quarantine, telemetry, max_receive_count=5, now=lambda: NOW).handle


def _query(store: UserRecordStore, table: SimulatedTable, telemetry: Telemetry) -> Any:
    table.store("user")
    return Query(store, telemetry).answer


def _batch(number: int, size: int) -> dict[str, Any]:
    return {
        "Records": [
            sqs_record(
                {
                    "user_id": f"user-{number}-{place}",
                    "service_id": "mail",
                    "service_name": "Mail",
                    "timestamp": "2022-08-04T11:59:58Z",
                },
                str(UUID(int=number * size + place)),
            )
            for place in range(size)
        ]
    }


def _request(number: int) -> dict[str, Any]:
    return {"pathParameters": {"user_id": "user"}, "requestContext": {"requestId": str(UUID(int=number))}}
