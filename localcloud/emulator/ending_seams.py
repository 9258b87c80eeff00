"""Where ministack ends the processes of functions, which write their last lines then.

Each wrapped function is checked against its signature when the emulator starts. ministack sends SIGTERM to every
process, Lambda only to those with a registered extension: tests/handlers/test_ending.py has its rules.
"""

import os
import time
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from handlers.vocabulary import Environment
from localcloud.emulator.log_pipe import LogPipe
from localcloud.emulator.log_seams import append
from localcloud.emulator.seams import seam
from localcloud.observatory.clock import RealClock
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.platform_lines import Level, function_lines


def log_what_ends(observatory: Observatory) -> None:
    """Log what a process writes when it is ended, and end every process that was idle for long, as Lambda does."""
    kill = seam(lambda_runtime, "kill_workers", "workers")
    reap = seam(lambda_runtime, "reap_idle_workers", "ttl")
    if not isinstance(observatory.clock, RealClock):
        # A function holds metrics for seconds of this machine, which are minutes of a faster cloud.
        os.environ[Environment.METRICS_HOLD_SECONDS] = "0"

    def kill_and_log(workers: list[Any]) -> None:
        kill(workers)
        for worker in workers:
            _log_last_lines(observatory, worker)

    def reap_every_idle(ttl: float | None = None) -> int:
        """ministack keeps one process of each function, however long it was idle."""
        reaped = reap(ttl)
        oldest = time.time() - (lambda_runtime._LOCAL_WORKER_TTL if ttl is None else ttl)
        idle: list[Any] = []
        with lambda_runtime._lock:
            for workers in lambda_runtime._workers.values():
                idle += [worker for worker in workers if not worker.in_use and worker.last_used < oldest]
                workers[:] = [worker for worker in workers if worker not in idle]
        lambda_runtime.kill_workers(idle)
        return reaped + len(idle)

    lambda_runtime.kill_workers = kill_and_log
    lambda_svc.reap_idle_workers = reap_every_idle


def _log_last_lines(observatory: Observatory, worker: Any) -> None:
    logs: LogPipe | None = getattr(worker, "_logs", None)
    if not (logs and (texts := logs.take_lines())):
        return
    config = worker.config
    logging = config.get("LoggingConfig") or {}
    lines = function_lines(texts, logs.arrivals, Level.of(logging.get("ApplicationLogLevel")))
    group = logging.get("LogGroup") or f"/aws/lambda/{config['FunctionName']}"
    stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{config.get('Version', '$LATEST')}]{os.urandom(16).hex()}"
    append(observatory, group, stream, lines)
