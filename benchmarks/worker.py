"""The measured process: imports one module as Lambda does, then runs the requests on standard input.

An isolated interpreter runs this file: `worker.py DESCRIPTOR DEPTH MODULE PATH...`. Reports are JSON lines on the
descriptor. This file imports as little as Lambda's own bootstrap, because each module imported here would make the
measured import cheaper.
"""

import json
import os
import sys
import time


class Context:
    """The Lambda context that the handlers use. Not that of the simulation, which this process cannot import."""

    function_name = "bench"
    function_version = "1"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:bench"
    aws_request_id = "request"

    def get_remaining_time_in_millis(self) -> int:
        """Enough."""
        return 900_000


def peak_memory_bytes() -> int:
    """The peak resident memory; not ru_maxrss, which a process inherits from its parent."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - pathlib is not to be imported
        [line] = [line for line in status if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def handler_of(module: str, depth: int):
    """The handler, imported at a depth of calls.

    Python keeps frames in chunks of 16 KB and returns an empty chunk at once. If a busy loop of an import crosses the
    end of a chunk, it makes thousands of system calls, a tenth of a start. The depth of imports in Lambda is unknown.
    """
    return handler_of(module, depth - 1) if depth else __import__(module, fromlist=["handler"]).handler


def main(descriptor: int, depth: int, module: str, paths: list[str]) -> None:
    """Report the start, then each run, until standard input ends."""
    report = os.fdopen(descriptor, "w")
    sys.path[:0] = paths
    wall, cpu = time.perf_counter(), time.process_time()
    handler = handler_of(module, depth)
    started = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "peak_memory": peak_memory_bytes()}
    print(json.dumps(started), file=report, flush=True)
    sys.path.append(os.path.dirname(__file__))  # noqa: PTH120
    import workload

    context = Context()
    for line in sys.stdin:
        request = json.loads(line)
        events = []
        for number in range(request["first"], request["first"] + request["count"]):
            if request["kind"] == "query":
                events.append(workload.query(number))
                continue
            event = workload.batch(number, request["size"], users=request["users"])
            events += workload.single(event) if request["kind"] == "single" else [event]
        walls = []
        cpu = time.process_time()
        for event in events:
            wall = time.perf_counter()
            response = handler(event, context)
            walls.append(time.perf_counter() - wall)
            if response and (response.get("batchItemFailures") or response.get("statusCode", 200) != 200):
                raise SystemExit(f"not handled: {response}")
        print(json.dumps({"cpu": time.process_time() - cpu, "walls": walls}), file=report, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
