"""What every command has: the options that name its stack, and an end in a sentence and an exit code."""

import io
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, NoReturn, ParamSpec, TypeVar

import typer

from ops.commands.output import print_note
from ops.errors import explain
from ops.signals import Stopped, stopping_signals

P = ParamSpec("P")
R = TypeVar("R")
StackOption = Annotated[
    str | None, typer.Option("--stack", help="A stack that the Pulumi CLI knows, such as dev or acme/dev.")
]
OutputsOption = Annotated[Path | None, typer.Option("--outputs", help="A file of outputs that `localcloud up` wrote.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only print what would be done.")]


def _make_output_safe() -> None:
    """Keep unencodable characters from ending a command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _exit(code: int) -> NoReturn:
    """End with this code, which a standard output that nobody reads any more must not change."""
    try:
        sys.stdout.flush()
    except OSError:
        _abandon_stdout()
    sys.exit(code)


def _abandon_stdout() -> None:
    """Discard what is still buffered, so that Python does not report the same error at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def handle_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Print an error that the operator can fix on stderr and exit with 1; with 0 on a closed pipe.

    After SIGINT (Ctrl-C), SIGTERM or SIGHUP, the exit code is 128 + the signal's number.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        _make_output_safe()
        try:
            with stopping_signals():
                result = command(*args, **kwargs)
                # Flush here, where an error is handled, rather than when Python exits.
                sys.stdout.flush()
        except Stopped as stopped:
            print_note(f"Interrupted ({signal.Signals(stopped.number).name}).")
            _exit(128 + stopped.number)
        except (KeyboardInterrupt, typer.Abort):
            # A confirmation turns Ctrl-C and the end of input into Abort.
            print_note("Interrupted.")
            _exit(130)
        except BrokenPipeError:
            # The reader (head, less) has read enough.
            _abandon_stdout()
            sys.exit(0)
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            print_note(sentence)
            _exit(1)
        return result

    return run
