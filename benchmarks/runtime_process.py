"""The process of an execution environment: `runtime_process.py DEPTH HANDLER PATH...` in an isolated interpreter.

Imports nothing that Lambda's own bootstrap does not import: what is imported here is not measured.
"""

import sys


def run(depth: int, handler: str) -> None:
    """Run the runtime at a depth of calls; see `worker.handler_of`."""
    if depth:
        return run(depth - 1, handler)
    from awslambdaric.__main__ import main

    return main(["bootstrap", handler])


if __name__ == "__main__":
    sys.path[:0] = sys.argv[3:]
    run(int(sys.argv[1]), sys.argv[2])
