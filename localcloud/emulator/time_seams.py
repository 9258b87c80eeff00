"""Where ministack follows the clock of the cloud instead of that of this machine."""

from functools import wraps
from types import SimpleNamespace
from typing import Any

from ministack.services import lambda_svc, sqs

from localcloud.emulator.seams import seam
from localcloud.observatory.clock import RealClock
from localcloud.observatory.observatory import Observatory

_TIMES = ("SentTimestamp", "ApproximateFirstReceiveTimestamp")


def follow_clock(observatory: Observatory) -> None:
    """Let visibility, delays, retention and ages of messages follow the clock of the cloud."""
    clock = observatory.clock
    run_batch = seam(lambda_svc, "_run_sqs_batch", "esm", "func_rec", "event", "batch", "queue_url", "queue_name")
    if isinstance(clock, RealClock):
        return
    sqs.time = SimpleNamespace(time=clock.now)

    @wraps(run_batch)
    def run(esm: Any, func_rec: Any, event: Any, *rest: Any) -> None:
        # A function compares these times with the clock of this machine: it must see how old the message is here.
        ahead = (clock.now() - RealClock().now()) * 1000
        for record in event["Records"]:
            times = {name: str(round(int(record["attributes"][name]) - ahead)) for name in _TIMES}
            record["attributes"] |= times
        run_batch(esm, func_rec, event, *rest)

    lambda_svc._run_sqs_batch = run
