"""Where ministack follows the clock of the cloud instead of that of this machine."""

import time
from functools import wraps
from types import FunctionType, SimpleNamespace
from typing import Any

from ministack.services import apigateway_v1, eventbridge, lambda_svc, sqs

from localcloud.emulator.seams import SeamChangedError, seam
from localcloud.observatory.clock import RealClock
from localcloud.observatory.observatory import Observatory

TICK_SECONDS = 0.1
SECOND_OF_RUNS = 15
"""On AWS any second. A fault that begins with a minute meets this minute's run, and a run ends within its minute."""
_TIMES = ("SentTimestamp", "ApproximateFirstReceiveTimestamp")


def follow_clock(observatory: Observatory) -> None:
    """Let visibility, delays, retention and ages of messages follow the clock of the cloud."""
    clock = observatory.clock
    run_batch = seam(lambda_svc, "_run_sqs_batch", "esm", "func_rec", "event", "batch", "queue_url", "queue_name")
    if isinstance(clock, RealClock):
        return
    sqs.time = SimpleNamespace(time=clock.now)  # pyrefly: ignore[bad-assignment]

    @wraps(run_batch)
    def run(esm: Any, func_rec: Any, event: Any, *rest: Any) -> None:
        # A function compares these times with the clock of this machine: it must see how old the message is here.
        ahead = (clock.now() - RealClock().now()) * 1000
        for record in event["Records"]:
            times = {name: str(round(int(record["attributes"][name]) - ahead)) for name in _TIMES}
            record["attributes"] |= times
        run_batch(esm, func_rec, event, *rest)

    lambda_svc._run_sqs_batch = run  # pyrefly: ignore[bad-assignment]


def refill_limits(observatory: Observatory) -> None:
    """Let API Gateway's limits of requests refill as the clock of the cloud goes on, and that of this machine.

    A stepped clock stands still between its steps, and the requests meanwhile come one after the other.
    """
    clock = observatory.clock
    take = seam(apigateway_v1, "_take_token", "slot", "limits")
    if isinstance(clock, RealClock):
        return
    # The same function with another clock: the rest of its module looks whether a token has expired, on this machine's.
    known = vars(apigateway_v1) | {"time": SimpleNamespace(time=lambda: clock.now() + time.monotonic())}
    apigateway_v1._take_token = FunctionType(take.__code__, known)


def follow_schedules(observatory: Observatory) -> None:
    """Let a rule with a rate run once in each of its periods of the cloud's clock, always at the same second.

    What it invokes runs, and waits, in the time of this machine.
    """
    clock, interval = observatory.clock, "_SCHEDULER_TICK_INTERVAL"
    seam(eventbridge, "_now_ts")
    if not isinstance(getattr(eventbridge, interval, None), int):
        raise SeamChangedError(f"{eventbridge.__name__} has no {interval} in seconds. Install the pinned ministack")
    if isinstance(clock, RealClock):
        return
    setattr(eventbridge, interval, TICK_SECONDS)
    # In whole minutes, because a run that begins late in its period must not put off the next one.
    eventbridge._now_ts = lambda: (clock.now() - SECOND_OF_RUNS) // 60 * 60 + SECOND_OF_RUNS
