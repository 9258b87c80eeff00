"""A Pulumi CLI that prints what a test wants."""

from collections.abc import Mapping
from pathlib import Path


def install(folder: Path, printed: Mapping[str, str]) -> None:
    """Create a command `pulumi` that prints a text for each of these arguments, and rejects all others."""
    cases = ""
    for number, (arguments, text) in enumerate(printed.items()):
        answer = folder / f"pulumi-{number}"
        answer.write_text(text)
        cases += f"[ \"$*\" = '{arguments} --non-interactive' ] && exec cat {answer}\n"
    cli = folder / "pulumi"
    cli.write_text(f"#!/bin/sh\n{cases}echo 'error: no stack named that' >&2; exit 1\n")
    cli.chmod(0o755)
