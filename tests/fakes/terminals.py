"""A command typed at a terminal."""

import os
import pty
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.fakes.waiting import HANG_SECONDS


def typed(line: str, folder: Path, environment: Mapping[str, str], answer: str = "") -> tuple[str, int]:
    """Return what a terminal shows of a command, and its exit code."""
    terminal, its_end = pty.openpty()
    child = subprocess.Popen(
        ["sh", "-c", line], cwd=folder, env=dict(environment), stdin=its_end, stdout=its_end, stderr=its_end
    )
    os.close(its_end)
    os.write(terminal, f"{answer}\n".encode() if answer else b"")
    output = b""
    with suppress(OSError):  # Linux reports this when the other end is closed
        while chunk := os.read(terminal, 65536):
            output += chunk
    os.close(terminal)
    code = child.wait(HANG_SECONDS)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.decode()).replace("\r", ""), code
