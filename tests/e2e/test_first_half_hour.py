"""docs/first-half-hour.md: its commands, typed at a terminal against a deployed stack, print what the page shows."""

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Stack
from tests.fakes import terminals
from tests.fakes.waiting import eventually

PAGE = (ROOT / "docs" / "first-half-hour.md").read_text()
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Text that differs between runs.
VARIABLE = {
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+0000)": "TIME",
    r"\d{8}T\d{6}": "STAMP",
    UUID.pattern: "ID",
    r"1-[0-9a-f]{8}-[0-9a-f]{24}": "TRACE",
    r"version [0-9a-f]{12}": "VERSION",
    r"oldest (unknown|\d+ s)\b": "oldest AGE",
    r"\d+\.\d+ s\b": "SECONDS",
    r"duration_ms=\d+(\.\d+)?": "DURATION",
    r" (INFO|WARNING) +": " LEVEL ",
    r"[━─]+": "-",
    r" +": " ",
}
# Commands that can be repeated until an event has arrived; the others change the stack.
READS = ("query", "dead-letters list", "logs")


@dataclass
class Command:
    """A command line, the answer to its question, and the lines that follow; `...` stands for any lines."""

    line: str
    answer: str = ""
    shown: list[str] = field(default_factory=list)

    @property
    def reads(self) -> bool:
        return self.line.startswith(tuple(f"python -m ops {command}" for command in READS))


def commands(page: str) -> Iterator[Command]:
    """Return the commands of the second terminal."""
    for block in re.findall(r"^```console\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            line, *shown = part.splitlines()
            question = next((text for text in shown if "[y/N]: " in text), "")
            yield Command(line, question.partition("[y/N]: ")[2], shown)


def shape(lines: list[str]) -> list[str]:
    text = "\n".join(lines)
    for pattern, word in VARIABLE.items():
        text = re.sub(pattern, word, text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def has_shape(printed: list[str], shown: list[str]) -> bool:
    pattern = re.escape("\n".join(shape(shown))).replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, "\n".join(shape(printed)), re.DOTALL) is not None


def typed(command: Command, folder: Path, environment: dict[str, str]) -> list[str]:
    """Return what a terminal shows of a command."""
    text, _ = terminals.typed(command.line, folder, environment, command.answer)
    # The answer is echoed when it is typed, before the question is printed.
    if command.answer:
        text = text.removeprefix(f"{command.answer}\n").replace("[y/N]: ", f"[y/N]: {command.answer}\n")
    return text.splitlines()


@pytest.fixture(scope="module")
def ran(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Command, list[str]]]:
    """Every command of the page with its output, on a stack as it is right after `localcloud up`: conftest.FIRST."""
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / ".localcloud").mkdir()
    stack.cloud.write_outputs(folder / ".localcloud" / "outputs.json")
    # The cloud of the end-to-end tests evaluates no alarms. A reader's does, within three minutes.
    health = f"{stack.outputs['functions']['query'].removesuffix('query')}service-health"
    stack.client("cloudwatch").set_alarm_state(AlarmName=health, StateValue="OK", StateReason="As after three minutes.")
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "API_URL": stack.outputs["apiUrl"],
        "COLUMNS": "110",
        "TERM": "xterm",
        "no_proxy": "*",
    }
    ids: dict[str, str] = {}
    results = []
    for command in commands(PAGE):
        if command.line.startswith("export "):
            continue
        for shown, real in ids.items():
            command.line = command.line.replace(shown, real)

        run = partial(typed, command, folder, environment)
        printed = eventually(run, partial(has_shape, shown=command.shown)) if command.reads else run()
        results.append((command, printed))
        ids |= zip(UUID.findall("\n".join(command.shown)), UUID.findall("\n".join(printed)), strict=False)
    return results


def test_commands_print_what_the_page_shows(ran: list[tuple[Command, list[str]]]):
    assert len(ran) > 10
    for command, printed in ran:
        assert has_shape(printed, command.shown), (command.line, shape(printed), shape(command.shown))


def test_line_that_is_not_printed_is_noticed(ran: list[tuple[Command, list[str]]]):
    for command, printed in ran:
        for number, line in enumerate(command.shown):
            if shape([line]) not in ([], ["..."]):
                other = [*command.shown[:number], f"{line} indeed", *command.shown[number + 1 :]]
                assert not has_shape(printed, other), (command.line, line)
        assert not has_shape(printed, [*command.shown, "One line more."])


def test_page_shows_every_operator_command():
    shown = {name for command in commands(PAGE) for name in re.findall(r"python -m ops ([a-z-]+)", command.line)}
    assert shown == {"send", "query", "token", "status", "logs", "dead-letters", "smoke"}, "preflight is for AWS"
