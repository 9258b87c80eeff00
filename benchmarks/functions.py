"""Runs each function in its own process, in an environment like Lambda's, and measures it there."""

import importlib.metadata
import json
import os
import re
import socket
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.workload import TABLE
from components.packaging.artifact import Artifact

ROOT = Path(__file__).parents[1]
BENCH = Path(__file__).parent
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled={}"

OURS, NAIVE, ONE_BY_ONE, QUERY = "handlers.event_handler", "naive", "one_by_one", "handlers.query"
LEAST_QUERY = "least_query"
PACKAGES = ("aws-lambda-powertools", "aws-xray-sdk", "boto3", "pydantic")


@dataclass(frozen=True, kw_only=True)
class Run:
    """The cost of some batches: CPU seconds in total, and wall-clock seconds of each invocation."""

    cpu: float
    walls: list[float]

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of all invocations."""
        return sum(self.walls)


class Table(Protocol):
    """Where the functions find the table."""

    @property
    def endpoint(self) -> str:
        """Its address."""
        ...


class Measurable(Protocol):
    """A started function, in a process of ours or in Lambda's runtime."""

    init: dict[str, float]

    def run(self, count: int, size: int = 1) -> Run:
        """Run `count` new batches or queries."""
        ...


class Function:
    """A started process; `init` is the cost of its start: cpu, wall (seconds), peak_memory (bytes)."""

    def __init__(self, process: "subprocess.Popen[str]", reports: Any, module: str) -> None:
        self._process, self._reports = process, reports
        self._kind = {ONE_BY_ONE: "single", QUERY: "query"}.get(module, "batch")
        self._next = 0
        self.init: dict[str, float] = self._report()

    def run(self, count: int, size: int = 1, *, users: int | None = None, again: bool = False) -> Run:
        """Run `count` new batches; with `again`, repeat those of the last run."""
        first = self._next - count if again else self._next
        self._next = first + count
        request = {"kind": self._kind, "first": first, "count": count, "size": size, "users": users}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Run(**self._report())

    def _report(self) -> dict[str, Any]:
        line = self._reports.readline()
        if not line:
            _, errors = self._process.communicate()
            raise RuntimeError(f"The measured process ended: {errors[-2000:]}")
        return json.loads(line)


@contextmanager
def start(module: str, table: Table, paths: list[Path], *, sampled: bool = True, depth: int = 0) -> Iterator[Function]:
    """Start a function with its modules in `paths`, imported at a depth of calls, and stop it at the end."""
    reports = os.pipe()
    command = [sys.executable, "-I", "-S", "-B", str(BENCH / "worker.py"), str(reports[1]), str(depth), module]
    with traces_to_nowhere() as daemon_port:
        variables = environment(table, daemon_port, paths[0])
        process = subprocess.Popen(
            [*command, *map(str, [*paths, BENCH])],
            env=variables | {"_X_AMZN_TRACE_ID": TRACE.format(int(sampled))},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,  # the function's log
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[reports[1]],
        )
        os.close(reports[1])
        with os.fdopen(reports[0]) as lines, process:
            yield Function(process, lines, module)
            assert process.stdin is not None
            process.stdin.close()


@contextmanager
def traces_to_nowhere() -> Iterator[int]:
    """The port of a daemon for traces that reads nothing: the kernel drops them."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        yield daemon.getsockname()[1]


def environment(table: Table, daemon_port: int, task: Path) -> dict[str, str]:
    """The variables of a function, those of Lambda and those of the stack."""
    return {
        **dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_LAMBDA_FUNCTION_NAME"), "bench"),
        **dict.fromkeys(("STACK", "VERSION"), "bench"),
        **dict.fromkeys(("AWS_REGION", "AWS_DEFAULT_REGION"), "eu-west-1"),
        "AWS_SESSION_TOKEN": "bench" * 100,
        "AWS_ENDPOINT_URL": table.endpoint,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_LOG_FORMAT": "JSON",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon_port}",
        # Without this variable the tracer is disabled, and its cost is not measured.
        "LAMBDA_TASK_ROOT": str(task),
        "TABLE_NAME": TABLE,
        "DEAD_LETTER_QUEUE_URL": f"{table.endpoint}/queue",
        "MAX_RECEIVE_COUNT": "5",
    }


def unpacked(artifact: Artifact, into: Path) -> list[Path]:
    """The function's code and its layer, unpacked as Lambda does."""
    for archive, name in ((artifact.code, "task"), (artifact.layer, "opt")):
        with zipfile.ZipFile(archive) as file:
            file.extractall(into / name)
    return [into / "task", into / "opt" / "python"]


def installed(into: Path, packages: tuple[str, ...] = PACKAGES) -> list[Path]:
    """A folder with these packages and what they need, with their bytecode and without other packages.

    By default those that an idiomatic function would deploy.
    """
    into.mkdir(parents=True, exist_ok=True)
    for package in _closure(packages):
        distribution = importlib.metadata.distribution(package)
        for name in {file.parts[0] for file in distribution.files or () if file.parts[0] != ".."}:
            if not (into / name).exists():
                (into / name).symlink_to(str(distribution.locate_file(name)))
    return [into]


def _closure(names: tuple[str, ...]) -> set[str]:
    found, pending = set(), list(names)
    while pending:
        if (name := pending.pop()) not in found:
            found.add(name)
            required = importlib.metadata.distribution(name).requires or ()
            pending += [re.split(r"[^\w.-]", text)[0] for text in required if "extra ==" not in text]
    return found
