"""Stack local, whose outputs come from the Pulumi CLI and whose cloud runs on this machine."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ops.errors import OperatorError

STACK = "local"


def with_connection(text: str, places: Iterable[Path]) -> str:
    """Return the outputs of stack local with the connection of the running cloud; raises OperatorError without one.

    What the stack exports are AWS's own addresses: endpoint, credentials and token URL are those of this machine.
    `places` are where the cloud's own outputs may be.
    """
    cloud = next((place for place in places if place.exists()), None)
    try:
        running: dict[str, Any] = json.loads(cloud.read_text()) if cloud else {}
        connection = {key: running[key] for key in ("endpoint", "region", "tokenUrl", "accessKeyId", "secretAccessKey")}
        return json.dumps(json.loads(text) | connection)
    except (OSError, ValueError, KeyError, TypeError):
        raise OperatorError(
            f"Stack {STACK} runs in the embedded cloud, and none is running. "
            "Start one with `python -m localcloud up --empty`, then deploy the stack again."
        ) from None
