"""Coverage-guided search for an input that breaks a function; exits with an error when it finds an input.

python -m tests.fuzz.guided body|path|control [LIBFUZZER OPTION]...
"""

import importlib
import sys
from typing import Any

# Imported by name, because it is installed for the soak tests only.
atheris: Any = importlib.import_module("atheris")

with atheris.instrument_imports(include=["handlers", "json", "urllib.parse"]):
    from simulation.lambda_events import sqs_record
    from tests.fuzz.properties import World, answers, decodes, deliver, nothing_is_left_over


def body(data: bytes) -> None:
    """A body is a login or invalid, and its message is stored or quarantined."""
    text = data.decode(errors="replace")
    decodes(text)
    world, records = World(), [sqs_record(text)]
    nothing_is_left_over(records, deliver(world, records))


def path(data: bytes) -> None:
    """No path leads to a 500."""
    text = data.decode(errors="replace")
    answers(World().query, {"pathParameters": {"user_id": text}, "requestContext": {"requestId": "api-1"}})


def control(data: bytes) -> None:
    """A query that assumes every path is well encoded, which the search must break."""
    text = data.decode(errors="replace")
    if "%" in text:
        bytes.fromhex(text.partition("%")[2][:2]).decode()


if __name__ == "__main__":
    target, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], {"body": body, "path": path, "control": control}[target])
    atheris.Fuzz()
