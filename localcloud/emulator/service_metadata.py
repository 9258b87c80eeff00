"""What AWS's model of a service says about the service itself: the first lines of a file of many thousands."""

import gzip
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_FILE = "service-2.json.gz"
_HEAD = 8_192


@cache
def metadata(service: str) -> dict[str, Any] | None:
    """The metadata that botocore has of a service, read without the rest of its model; None without such a head."""
    spec = find_spec("botocore")  # not imported, which takes longer than all that is read here
    if spec is None or spec.origin is None:
        return None
    files = sorted((Path(spec.origin).parent / "data" / service).glob(f"*/{_FILE}"))
    if not files:
        return None
    with gzip.open(files[-1], "rt", encoding="utf-8") as model:
        head = model.read(_HEAD)
    _, found, rest = head.partition('"metadata":')
    try:
        return json.JSONDecoder().raw_decode(rest)[0] if found else None
    except ValueError:
        return None
