"""The runbook as its tests read it: sections, and every command in them, in a block or in a sentence."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text()

TOP = "top"
Section = tuple[str, str]
_BLOCK = re.compile(r"^ {4,}(\S.*)$")
# An option, or a setting with its value.
_NO_COMMAND = re.compile(r"--|\w+: \w+$")


class Program(StrEnum):
    """What runs a command, and with it the test that does."""

    OPS = "python -m ops "
    AWS = "aws "
    PULUMI = "pulumi "
    EMPTY_CLOUD = "python -m localcloud up --empty"
    CLOUD_VARIABLES = 'eval "$(python -m localcloud env)"'
    PULUMI_VARIABLES = 'eval "$(python -m localcloud env --pulumi)"'
    EXPORT = "export "


# They need the Pulumi CLI: tests/engine/test_runbook.py. tests/e2e/test_runbook.py runs the others.
WITH_PULUMI = (Program.PULUMI, Program.EMPTY_CLOUD, Program.PULUMI_VARIABLES)


@dataclass(frozen=True)
class Command:
    """A command, and where the runbook has it."""

    heading: str
    line: str
    before: str
    """The paragraph that leads to its block; its own sentence, if it stands in one."""

    @property
    def words(self) -> list[str]:
        """The command as a shell splits it."""
        return shlex.split(self.line)

    @property
    def program(self) -> Program:
        """What runs it; raises ValueError for a command that no test would run."""
        found = [program for program in Program if self.line.startswith(program)]
        if not found:
            raise ValueError(f"{self.heading}: nothing runs {self.line!r}")
        return found[0]


def sections(text: str) -> list[Section]:
    """Return the heading and the text of each alarm."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def commands(text: str) -> Iterator[Command]:
    """Yield every command, those of the top first."""
    for heading, body in [(TOP, text.partition("\n## ")[0]), *sections(text)]:
        before = ""
        for paragraph in body.split("\n\n"):
            lines = [line for line in paragraph.splitlines() if line]
            block = [found[1] for found in map(_BLOCK.match, lines) if found]
            yield from (Command(heading, line, before) for line in block)
            if len(block) == len(lines):
                continue
            before = " ".join(line.strip() for line in lines if not _BLOCK.match(line))
            for code in re.findall(r"`([^`]+)`", before):
                if " " in code and not _NO_COMMAND.match(code):
                    yield Command(heading, code, before)
