"""What the generators share: their command line, Markdown tables, and writing a file."""

import argparse
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def command_line(module: str, description: str | None) -> argparse.ArgumentParser:
    """The parser of `python -m tools.MODULE`, whose help is the module's docstring."""
    return argparse.ArgumentParser(
        prog=f"python -m tools.{module}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    first, *others = (f"| {' | '.join(line)} |" for line in [head, *rows])
    return "\n".join((first, "|---" * len(head) + "|", *others))


def write(path: Path, text: str) -> None:
    """Write the file, and print its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"Wrote {path.relative_to(ROOT)}.")
