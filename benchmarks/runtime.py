"""An execution environment with Lambda's own runtime client, which loads a function from what is deployed alone."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from benchmarks import workload
from benchmarks.functions import BENCH, TRACE, Run, Table, environment, traces_to_nowhere
from benchmarks.runtime_api import Answer, RuntimeApi

# awslambdaric; Lambda has its code under /var/runtime.
RUNTIME_CLIENT = ("awslambdaric",)
# From this version on the runtime waits for events in a thread, so that a function can handle signals. It costs CPU.
EXECUTION_ENVIRONMENT = "AWS_Lambda_python3.13"
START_SECONDS = 60
# Lambda gives a runtime with an extension inside it this time after SIGTERM; without an extension it gets SIGKILL.
SHUTDOWN_SECONDS = 0.5


def cpu_seconds_of(pid: int) -> float:
    """User and system time of a process, with all its threads."""
    # Linux has a clock for each process; its number is made from the process's (man 2 clock_getres).
    return time.clock_gettime((~pid << 3) | 2)


class NotStartedError(Exception):
    """The function could not be loaded; the message is the type and the message of the runtime's error."""


class Environment:
    """A started function and the API it talks to."""

    def __init__(self, api: RuntimeApi, process: "subprocess.Popen[str]", *, sampled: bool) -> None:
        self._api, self._process, self._sampled = api, process, sampled

    def invoke(self, event: Any, *, timeout: float = 60) -> Answer | None:
        """The answer; None if there is none in time, after which the environment is stopped, as Lambda does."""
        answer = self._api.invoke(event, trace=TRACE.format(int(self._sampled)), timeout=timeout)
        if answer is None:
            self.stop()
        return answer

    def stop(self, seconds: float = SHUTDOWN_SECONDS) -> int:
        """End the environment as Lambda does, and return the exit status, negative for a signal."""
        if self._api.extensions:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
        self._process.kill()
        status = self._process.wait()
        self._api.end()
        return status

    @property
    def cpu_seconds(self) -> float:
        """User and system time of the process since it started, with all its threads."""
        return cpu_seconds_of(self._process.pid)

    @property
    def peak_memory(self) -> int:
        """The peak resident memory in bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
        return int(line.split()[1]) * 1024

    def wait_until_ready(self) -> bool:
        """Wait until everything that follows an answer is done; false if the environment has ended."""
        return self._api.wait_until_ready(START_SECONDS)


class RuntimeFunction:
    """A function in the real runtime, with the interface of `functions.Function`."""

    def __init__(self, environment: Environment, kind: str, init: dict[str, float]) -> None:
        self._environment, self._kind, self.init = environment, kind, init
        self._next = 0

    def run(self, count: int, size: int = 1) -> Run:
        """Run `count` new batches or queries, and measure them with the runtime."""
        first, self._next = self._next, self._next + count
        numbers = range(first, self._next)
        is_query = self._kind == "query"
        events = [workload.query(number) if is_query else workload.batch(number, size) for number in numbers]
        before, walls = self._environment.cpu_seconds, []
        for event in events:
            answer = self._environment.invoke(event)
            if answer is None or answer.error or not _is_handled(answer.result):
                raise RuntimeError(f"not handled: {answer}")
            walls.append(answer.seconds)
        self._environment.wait_until_ready()
        return Run(cpu=self._environment.cpu_seconds - before, walls=walls)


def _is_handled(result: Any) -> bool:
    return not result.get("batchItemFailures") and result.get("statusCode", 200) == 200


@contextmanager
def start_environment(
    handler: str,
    table: Table,
    paths: list[Path],
    *,
    sampled: bool = True,
    depth: int = 0,
    variables: Mapping[str, str] | None = None,
    log: TextIO | None = None,
) -> Iterator[Environment]:
    """Start `MODULE.FUNCTION` from `paths`, where the runtime client is too; NotStartedError if it does not start."""
    api = RuntimeApi()
    # No site-packages, no variables of this process: what is not in the paths is not there.
    command = [
        sys.executable,
        "-I",
        "-S",
        "-B",
        str(BENCH / "runtime_process.py"),
        str(depth),
        handler,
        *map(str, paths),
    ]
    with traces_to_nowhere() as daemon_port:
        own = {"AWS_LAMBDA_RUNTIME_API": api.address, "AWS_EXECUTION_ENV": EXECUTION_ENVIRONMENT}
        process = subprocess.Popen(
            command,
            env=environment(table, daemon_port, paths[0]) | own | dict(variables or {}),
            stdin=subprocess.DEVNULL,
            stdout=log or subprocess.DEVNULL,
            stderr=log or subprocess.DEVNULL,
            text=True,
        )
        ended = threading.Thread(target=lambda: (process.wait(), api.end()))
        ended.start()
        try:
            if not api.wait_until_ready(START_SECONDS):
                error = api.init_error or {"errorType": "Runtime.ExitError", "errorMessage": "it does not start"}
                raise NotStartedError(f"{error['errorType']}: {error['errorMessage']}")
            yield Environment(api, process, sampled=sampled)
        finally:
            process.kill()
            ended.join()
            api.close()


@contextmanager
def start_in_runtime(
    module: str, table: Table, paths: list[Path], *, sampled: bool = True, depth: int = 0
) -> Iterator[RuntimeFunction]:
    """Start a function, and measure its start: from the start of the interpreter until it waits for events."""
    wall = time.perf_counter()
    with start_environment(f"{module}.handler", table, paths, sampled=sampled, depth=depth) as started:
        init = {
            "cpu": started.cpu_seconds,
            "wall": time.perf_counter() - wall,
            "peak_memory": float(started.peak_memory),
        }
        yield RuntimeFunction(started, "query" if module.endswith("query") else "batch", init)
