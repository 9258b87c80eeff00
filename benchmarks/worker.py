"""A process as Lambda would start it: imports one module, then runs what it is asked for on standard input.

Run as a file by an isolated interpreter: `worker.py DESCRIPTOR DEPTH MODULE PATH...`. Reports are JSON lines on the
descriptor. Imports as little as Lambda's own bootstrap does, or the modules measured would find the work done.
"""

import json
import os
import sys
import time


class Context:
    """What handlers ask of the invocation. Not `simulation.invocation`'s, which this process cannot import."""

    function_name = "bench"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:bench"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        """Enough."""
        return 60_000


def peak_memory_bytes() -> int:
    """The most memory that was ever resident. Not ru_maxrss, which a process inherits from who started it."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib is not to be imported
        [line] = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def handler_of(module: str, depth: int):
    """The handler, imported at a depth of calls.

    Python keeps frames in chunks of 16 KB and gives each back at once: where a busy loop of an import happens to lie
    on the end of one, it costs thousands of system calls, a tenth of a start. Nobody knows how deep Lambda imports.
    """
    return handler_of(module, depth - 1) if depth else __import__(module, fromlist=["handler"]).handler


def main(descriptor: int, depth: int, module: str, paths: list[str]) -> None:
    """Report the start, then every run, until standard input ends."""
    report = os.fdopen(descriptor, "w")
    sys.path[:0] = paths
    wall, cpu = time.perf_counter(), time.process_time()
    handler = handler_of(module, depth)
    started = {
        "cpu": time.process_time() - cpu,
        "wall": time.perf_counter() - wall,
        "peak_memory": peak_memory_bytes(),
    }
    print(json.dumps(started), file=report, flush=True)
    sys.path.append(os.path.dirname(__file__))  # noqa: PTH120
    import workload

    context = Context()
    for line in sys.stdin:
        wanted = json.loads(line)
        events = []
        for number in range(wanted["first"], wanted["first"] + wanted["count"]):
            if wanted["kind"] == "query":
                events.append(workload.query(number))
                continue
            event = workload.batch(number, wanted["size"], users=wanted["users"])
            events += workload.single(event) if wanted["kind"] == "single" else [event]
        walls = []
        cpu = time.process_time()
        for event in events:
            wall = time.perf_counter()
            answer = handler(event, context)
            walls.append(time.perf_counter() - wall)
            if answer and (answer.get("batchItemFailures") or answer.get("statusCode", 200) != 200):
                raise SystemExit(f"not handled: {answer}")
        print(json.dumps({"cpu": time.process_time() - cpu, "walls": walls}), file=report, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
