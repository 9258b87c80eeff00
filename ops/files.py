"""Files that only their owner can read."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from ops.errors import OperatorError

KEPT_FOLDER = Path(".localcloud", "kept")
"""Where commands keep what they must not lose, unless another file is named; git ignores it."""


def kept_file(kind: str) -> Path:
    """Return a path for a new file in the folder of kept files."""
    return KEPT_FOLDER / f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"


def create_private_file(path: Path) -> IO[str]:
    """Create a file with mode 600; raises OperatorError when it exists or cannot be created."""
    try:
        if path.parent == KEPT_FOLDER:
            KEPT_FOLDER.mkdir(parents=True, exist_ok=True)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except FileExistsError:
        raise OperatorError(f"{path} already exists and will not be overwritten. Choose another name.") from None
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}.") from None
