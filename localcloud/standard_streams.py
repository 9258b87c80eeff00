"""Standard input, output and error as a command needs them, whatever its caller did to them."""

import io
import os
import sys
from contextlib import suppress


class _Lossy(io.TextIOWrapper):
    """A stream that loses what cannot be written, because an exit code says more than a report of that."""

    def write(self, text: str, /) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def prepare() -> None:
    """Open what the caller closed, and let every text be printed; call this before anything opens a file.

    A closed descriptor would become that of the next file or socket, and a print would go there.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, open(number, "w" if number else "r", closefd=False))  # noqa: SIM115
    # A path can contain bytes that no encoding has, and an ASCII terminal lacks most letters.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    binary = open(2, "wb", closefd=False)  # noqa: SIM115
    sys.stderr = _Lossy(binary, sys.stderr.encoding, "backslashreplace", line_buffering=True)
