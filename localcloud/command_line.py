"""The command line of the embedded cloud: `python -m localcloud`."""

import errno
import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, NoReturn, ParamSpec
from urllib.parse import urlsplit

import typer

from localcloud import lifetime
from localcloud.cloud import START_STEPS, LocalCloud
from localcloud.demo import STORY_STEPS, UnexpectedAnswerError, tell
from localcloud.deployer.engine import DeploymentFailed
from localcloud.deployer.stack_config import ConfigError
from localcloud.emulator.process import ENDED, EmulatorError
from localcloud.progress import Progress

PROJECT = Path(__file__).parents[1]  # not resolved: a folder of links to a project is a project
OUTPUTS = PROJECT / ".localcloud" / "outputs.json"
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

P = ParamSpec("P")

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    help="The whole stack on this machine: no AWS account, no Docker, no Pulumi CLI.\n\n"
    "The program, the data path and the authorization run here; CloudWatch and X-Ray do not: alarms, dashboards and "
    "traces are accepted and kept, not evaluated.",
)


class OutputsError(Exception):
    """One sentence saying why the outputs cannot go where they should, and what mends it."""


class Stopped(BaseException):
    """A signal said stop. Not an Exception: nothing on the way out may take it for a failure of its own."""

    def __init__(self, number: int) -> None:
        self.number = number


def ends_cleanly(command: Callable[P, None]) -> Callable[P, None]:
    """Run a command so that whatever ends it, what it started is stopped and the user is told in a sentence.

    Exit codes: 1 after an error, 128 + the signal's number when a signal interrupts it.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        def stop(number: int, _: object) -> NoReturn:
            for each in STOPPING_SIGNALS:
                signal.signal(each, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the cleaning up
            raise Stopped(number)

        for each in STOPPING_SIGNALS:
            # Under nohup a closed terminal goes on being ignored. Ctrl-C does not, though a shell's `&` has it ignored.
            if each != signal.SIGHUP or signal.getsignal(each) != signal.SIG_IGN:
                signal.signal(each, stop)
        try:
            command(*args, **kwargs)
        except Stopped as stopped:
            print(f"Interrupted ({signal.Signals(stopped.number).name}); nothing is left running.", file=sys.stderr)
            sys.exit(128 + stopped.number)
        except (ConfigError, DeploymentFailed, EmulatorError, OutputsError, UnexpectedAnswerError) as error:
            print(error, file=sys.stderr)
            sys.exit(1)

    return run


@app.command()
@ends_cleanly
def up(
    stack: Annotated[str, typer.Option(help="The stack whose `Pulumi.STACK.yaml` is deployed.")] = "dev",
    outputs: Annotated[Path, typer.Option(help="Where to write the outputs, secrets included (mode 600).")] = OUTPUTS,
    port: Annotated[int | None, typer.Option(help="Port on 127.0.0.1; without it, any free one.")] = None,
) -> None:
    """Deploy a stack here and keep it until Ctrl-C.

    The cloud is empty at the start and gone at the end: nothing is kept from one run to the next.

    While it runs, in another terminal:

    - `python -m ops send --help` sends login events
    - `python -m ops query USER_ID` asks the API with a token
    """
    _check_outputs(outputs)  # now, and not when everything stands
    progress = Progress(START_STEPS)
    with LocalCloud.start(PROJECT, stack, port=port, progress=progress) as cloud:
        cloud.write_outputs(outputs)
        show_outputs(cloud, progress)
        progress.say(f"ready in {progress.total_seconds():.1f} s. Outputs with secrets: {outputs}. Ctrl-C stops it.")
        progress.say("To see that it works, in a second terminal: .venv/bin/python -m ops smoke")
        try:
            cloud.wait()
        except Stopped:
            # The way to end it, so no failure.
            progress.say("Stopping.")
            return
        raise EmulatorError(ENDED)


@app.command()
@ends_cleanly
def demo() -> None:
    """Deploy stack dev here, tell the whole story once, and stop. Exit code 0: everything was as expected.

    Twelve logins of four users go in (one twice, one late, one that cannot be understood); the API answers with a
    token and refuses without; the invalid login waits in the dead-letter queue; the metrics add up.
    """
    lifetime.stop_when_orphaned()
    progress = Progress(START_STEPS + STORY_STEPS)
    with LocalCloud.start(PROJECT, progress=progress) as cloud:
        # Beside the cloud's own files, so that it is gone with them even if this process is killed.
        outputs = cloud.directory / "outputs.json"
        cloud.write_outputs(outputs)
        tell(cloud, outputs, progress)
    progress.say(
        f"All as expected, in {progress.total_seconds():.1f} s. To look around: .venv/bin/python -m localcloud up"
    )


def show_outputs(cloud: LocalCloud, progress: Progress) -> None:
    """Print the outputs of a stack, without its secrets."""
    for name, value in sorted(cloud.outputs.items()):
        text = value if isinstance(value, str) else json.dumps(value)
        progress.say(f"      {name}: {'[secret]' if name in cloud.secret_outputs else text}")


def _check_outputs(outputs: Path) -> None:
    if endpoint := _running_cloud_of(outputs):
        raise OutputsError(
            f"{outputs} is of a cloud that runs at {endpoint}: whoever uses it would be sent to another. "
            "Stop that one, or name another file with --outputs."
        )
    try:
        outputs.parent.mkdir(parents=True, exist_ok=True)
        if outputs.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        tempfile.TemporaryFile(dir=outputs.parent).close()
    except OSError as error:
        raise OutputsError(f"{outputs} cannot be written: {error.strerror}. Name another with --outputs.") from None


def _running_cloud_of(outputs: Path) -> str | None:
    """The endpoint that an outputs file names, if somebody listens there."""
    try:
        endpoint = json.loads(outputs.read_text())["endpoint"]
        address = urlsplit(endpoint)
        socket.create_connection((address.hostname, address.port), timeout=1).close()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return endpoint
