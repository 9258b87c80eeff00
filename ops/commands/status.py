"""`python -m ops status`."""

import json
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.log_text import to_json
from ops.commands.logs import parse_since
from ops.commands.output import format_time, print_note
from ops.commands.status_text import fit_screen, to_lines
from ops.errors import explain
from ops.health.commands import Commands
from ops.health.findings import Finding, exit_code, find
from ops.signals import Stopped
from ops.stack import load_outputs
from ops.status import Status, read_status

MOST_ERRORS = 10
WATCH_SECONDS = 10
CLEAR_SCREEN = "\x1b[H\x1b[2J"

Findings = tuple[Finding, ...]
Read = Callable[[], tuple[Status, Findings]]


@handle_errors
def status(
    since: Annotated[str, typer.Option(help="The oldest error: an age (15m, 1h, 2d) or an RFC 3339 time.")] = "1h",
    watch: Annotated[
        bool, typer.Option("--watch", help=f"Read again every {WATCH_SECONDS} seconds, until Ctrl-C.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Show what is broken and the next command for it; then every part of the stack, and who is notified.

    Findings cover the consumer (event source mapping), both functions and what failed in the last five minutes, the
    age of the oldest event, dead letters, damaged records, alarms, and who is notified.

    The exit code is that of the worst finding. 3: something is broken, or an alarm that notifies is in ALARM. 1: a part
    could not be read, and the others are shown. 4: something works and needs an engineer. 0: nothing.

    The age of the oldest event and the counts of invocations come from CloudWatch, minutes late. Failures come from the
    logs too, seconds late.

    --watch redraws on a terminal, as much as fits. Elsewhere it prints again only when the findings change, with --json
    on one line. Ctrl-C ends it with the exit code of the last findings.

    Examples:

    - python -m ops status --stack prod
    - python -m ops status --watch
    - python -m ops status --json | jq .findings
    """
    parse_since(since, datetime.now(UTC))
    deployed = load_outputs(stack, outputs)
    commands = Commands.of(deployed, stack, outputs)

    def read() -> tuple[Status, Findings]:
        now = datetime.now(UTC)
        found = read_status(deployed, now, parse_since(since, now), MOST_ERRORS)
        return found, find(found, commands)

    def show(found: Status, findings: Findings) -> None:
        if as_json:
            document = _document(found, findings)
            print(json.dumps(document, indent=None if watch else 2, ensure_ascii=False, default=datetime.isoformat))
        else:
            lines = to_lines(found, findings, since)
            print("\n".join(fit_screen(lines) if watch and sys.stdout.isatty() else lines))
        sys.stdout.flush()  # before the exit code, so that a reader that left early still gets 0

    if watch:
        sys.exit(exit_code(_watch(read, show)))
    found, findings = read()
    show(found, findings)
    if code := exit_code(findings):
        sys.exit(code)


def _watch(read: Read, show: Callable[[Status, Findings], None]) -> Findings:
    """Show the state until Ctrl-C; return the last findings. The first reading must succeed, a later one need not."""
    is_terminal = sys.stdout.isatty()
    found, findings = read()
    shown: tuple[tuple[str, str], ...] | None = None
    try:
        while True:
            about = tuple((finding.level.value, finding.about) for finding in findings)
            if is_terminal:
                print(CLEAR_SCREEN, end="")
            if is_terminal or about != shown:
                show(found, findings)
                shown = about
            if is_terminal:
                print(f"\nRead at {format_time(datetime.now(UTC))}. Press Ctrl-C to stop.", flush=True)
            found, findings = next(_readings(read))
    except Stopped as stopped:
        if stopped.number != signal.SIGINT:
            raise
        return findings


def _readings(read: Read) -> Iterator[tuple[Status, Findings]]:
    """Yield what is read after a pause; an error that the operator can cause is noted, and read again."""
    while True:
        time.sleep(WATCH_SECONDS)
        try:
            yield read()
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            print_note(sentence)


def _document(found: Status, findings: Findings) -> dict[str, Any]:
    document: dict[str, Any] = {name: value for name, value in asdict(found).items() if name != "last_errors"}
    document["release"] = found.release.sentence if found.release else None
    firing = [alarm.id for alarm in found.firing]
    return {
        "findings": [asdict(finding) for finding in findings],
        "exit_code": exit_code(findings),
        "firing": firing,
        **document,
        "last_errors": [to_json(line) for line in found.last_errors],
    }
