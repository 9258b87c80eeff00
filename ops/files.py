"""Files that only their owner can read."""

import os
from pathlib import Path
from typing import IO

from ops.errors import OperatorError


def create_private_file(path: Path) -> IO[str]:
    """Create a file with mode 600; raises OperatorError when it exists or cannot be created."""
    try:
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")
    except FileExistsError:
        raise OperatorError(f"{path} already exists and will not be overwritten. Choose another name.") from None
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}.") from None
