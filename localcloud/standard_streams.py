"""Standard input, output and error as a command needs them, whatever its caller did to them."""

import io
import os
import sys


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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A path can contain bytes that no encoding has, and an ASCII terminal lacks most letters.
            stream.reconfigure(errors="backslashreplace")
