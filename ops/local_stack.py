"""Stack local, whose outputs come from the Pulumi CLI and whose cloud runs on this machine."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ops.errors import OperatorError

STACK = "local"


OUTPUTS_VARIABLE = "EVENT_PROCESSING_LOCAL_OUTPUTS"
"""What `localcloud env --pulumi` exports: the outputs file of the cloud that the terminal uses."""
ENVIRONMENT = 'eval "$(python -m localcloud env --pulumi)"'
"""What makes a terminal use the running cloud."""


def connection(places: Iterable[Path]) -> dict[str, Any]:
    """Return how to reach the running cloud; raises OperatorError without one.

    What the stack exports are AWS's own addresses: endpoint, credentials and token URL are those of this machine.
    `places` are where the cloud's own outputs may be.
    """
    cloud = next((place for place in places if place.exists()), None)
    try:
        running: dict[str, Any] = json.loads(cloud.read_text()) if cloud else {}
        return {key: running[key] for key in ("endpoint", "region", "tokenUrl", "accessKeyId", "secretAccessKey")}
    except (OSError, ValueError, KeyError, TypeError):
        raise OperatorError(
            f"Stack {STACK} runs in the embedded cloud, and none is running. "
            f"Start one with `python -m localcloud up --empty`, then in this terminal: {ENVIRONMENT}"
        ) from None
