"""The process of an execution environment: `runtime_process.py HANDLER PATH...` in an isolated interpreter.

Imports nothing that Lambda's own bootstrap does not import: what is imported here is not measured.
"""

import sys

if __name__ == "__main__":
    handler, paths = sys.argv[1], sys.argv[2:]
    sys.path[0:0] = paths
    from awslambdaric.__main__ import main  # pyright: ignore[reportMissingImports]

    main(["bootstrap", handler])
