"""The command line of the embedded cloud: `python -m localcloud`."""

import contextlib
import json
import os
import shlex
import signal
import socket
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, ParamSpec
from urllib.parse import urlsplit

import typer

from localcloud import lifetime
from localcloud.application import Application, end_unwritten
from localcloud.cloud import START_STEPS, LocalCloud, is_outputs
from localcloud.demo import STORY_STEPS, UnexpectedAnswerError, run_story
from localcloud.deployer.outcome import DeploymentFailed
from localcloud.deployer.stack_config import ConfigError
from localcloud.drills import command as drill_command
from localcloud.drills.catalogue import DRILLS, DrillName
from localcloud.emulator.process import ENDED, EmulatorError
from localcloud.environment import aws_exports
from localcloud.observatory import pager
from localcloud.observatory.paths import CONSOLE
from localcloud.own_files import ClaimedError, FileError, claimed, require_own
from localcloud.plugin import environment as plugin
from localcloud.progress import Progress
from localcloud.reload.reloader import Notice
from localcloud.signals import Stopped, find_temporary_folder, raise_stopped

PROJECT = Path(__file__).parents[1]  # not resolved, because a folder of links to a project is a project too
OUTPUTS = PROJECT / ".localcloud" / "outputs.json"
DRILL_BOARDS = PROJECT / ".localcloud" / "boards"
USUAL_PORT = 4580

P = ParamSpec("P")

app = Application(
    add_completion=False,
    help="The whole stack on this machine: no AWS account, no Docker, no Pulumi CLI.\n\n"
    "The program, the data path, the authorization, CloudWatch's metrics and the program's own alarms run here. Pages "
    "are shown on this machine and never sent. The console shows boards, logs and traces, live.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        typer.echo(f"localcloud {project['version']}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Have no effect on the commands."""


def ends_cleanly(command: Callable[P, None]) -> Callable[P, None]:
    """Make a command stop what it started, print errors as a sentence, and end with a meaningful exit code.

    The exit code is 1 after an error, and 128 + the signal's number after a signal.
    """

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        raise_stopped()
        try:
            find_temporary_folder()
            command(*args, **kwargs)
        except Stopped as stopped:
            print(f"Interrupted ({signal.Signals(stopped.number).name}). Nothing is left running.", file=sys.stderr)
            sys.exit(128 + stopped.number)
        except (ConfigError, DeploymentFailed, EmulatorError, FileError, UnexpectedAnswerError) as error:
            print(error, file=sys.stderr)
            sys.exit(1)
        except OSError as error:
            end_unwritten(error)

    return run


@app.command()
@ends_cleanly
def up(
    stack: Annotated[
        str, typer.Option(help="The stack to deploy: STACK, or ORGANIZATION/PROJECT/STACK as for the CLI.")
    ] = "dev",
    outputs: Annotated[Path, typer.Option(help="The file for the outputs, secrets included (mode 600).")] = OUTPUTS,
    port: Annotated[
        int | None,
        typer.Option(help=f"The port on 127.0.0.1; by default {USUAL_PORT}, or any free port if that is taken."),
    ] = None,
    empty: Annotated[bool, typer.Option("--empty", help="Deploy nothing; the Pulumi CLI will.")] = False,
) -> None:
    """Deploy a stack on this machine and keep it running until Ctrl-C.

    The cloud starts empty, and nothing is kept when it stops. The outputs file of an earlier cloud is replaced; a file
    of anything else is left alone.

    While it runs, in another terminal:

    - `python -m ops send --user-id alice --service-id mail` sends a login event
    - `python -m ops query alice` queries the API with a token
    - `python -m ops --help` lists the other commands

    A saved edit of `handlers/` runs within seconds; queues and table are kept. An edit that does not start is reported,
    and the code before it runs on.

    With `--empty` and the Pulumi CLI, `eval "$(python -m localcloud env --pulumi)"` in another terminal makes
    `pulumi up --stack local` deploy here, with Pulumi's own plan, state and protection.

    Example: python -m localcloud up --stack dev
    """
    with _claimed(outputs):  # before anything is started
        progress = Progress(1 if empty else START_STEPS)
        with (
            LocalCloud.start_empty(PROJECT, port=port, usual_port=USUAL_PORT, progress=progress)
            if empty
            else LocalCloud.start(PROJECT, stack, port=port, usual_port=USUAL_PORT, progress=progress)
        ) as cloud:
            require_own(outputs, is_outputs, "--outputs")
            cloud.write_outputs(outputs)
            try:
                _say_how_to_use(cloud, outputs, progress, port=port, empty=empty)
                # Into an empty cloud the Pulumi CLI deploys, whose state a reload would contradict.
                with contextlib.nullcontext() if empty else cloud.reloading(PROJECT, partial(_tell_edit, progress)):
                    cloud.wait()
            except Stopped:
                # This is how a user ends it, so it is not a failure.
                progress.say("Stopping.")
                return
            raise EmulatorError(ENDED)


def _tell_edit(progress: Progress, notice: Notice) -> None:
    with contextlib.suppress(OSError):  # the terminal is gone, and the signal for that is on its way
        progress.say(notice.sentence)
        if notice.details:
            progress.show(*notice.details)


def _say_how_to_use(cloud: LocalCloud, outputs: Path, progress: Progress, *, port: int | None, empty: bool) -> None:
    if empty:
        progress.say(f"ready in {progress.total_seconds():.1f} s. Press Ctrl-C to stop.")
        option = "" if outputs == OUTPUTS else f" --outputs {shlex.quote(str(outputs.absolute()))}"
        progress.say(f'In a second terminal: eval "$(.venv/bin/python -m localcloud env --pulumi{option})"')
        progress.say("Then: pulumi up --stack local")
    else:
        _show_outputs(cloud, outputs, progress)
    _say_where(cloud, port, progress)


def _say_where(cloud: LocalCloud, port: int | None, progress: Progress) -> None:
    endpoint = cloud.outputs["endpoint"]
    if port is None and urlsplit(endpoint).port != USUAL_PORT:
        progress.say(f"Port {USUAL_PORT} is taken, perhaps by another cloud, so this cloud uses another one.")
    progress.say(f"Boards and alarms, live: {endpoint}{CONSOLE}")


def _show_outputs(cloud: LocalCloud, outputs: Path, progress: Progress) -> None:
    for name, value in sorted(cloud.outputs.items()):
        text = value if isinstance(value, str) else json.dumps(value)
        progress.say(f"      {name}: {'[secret]' if name in cloud.secret_outputs else text}")
    progress.say(
        f"ready in {progress.total_seconds():.1f} s. Outputs, secrets included: {outputs}. Press Ctrl-C to stop."
    )
    progress.say("To test it from a second terminal: .venv/bin/python -m ops smoke")
    progress.say('For the AWS CLI and SDKs there: eval "$(.venv/bin/python -m localcloud env)"')
    progress.say("Save an edit of handlers/, and it runs here within seconds.")
    progress.say(f"Who is notified of alarms, and of what: {cloud.outputs['endpoint']}{pager.PATH}")


@app.command()
@ends_cleanly
def env(
    pulumi: Annotated[
        bool, typer.Option("--pulumi", help="For the Pulumi CLI, and a cloud that `up --empty` started.")
    ] = False,
    outputs: Annotated[Path, typer.Option(help="The file that `up` wrote.")] = OUTPUTS,
) -> None:
    """Print shell commands that make a terminal use the running cloud, with the AWS CLI, boto3 or any other SDK.

    They contain the keys of the embedded cloud, which AWS rejects. With --pulumi, they make the Pulumi CLI deploy
    stack `local` into the cloud.

    Examples:

    eval "$(python -m localcloud env)" && aws sqs list-queues

    eval "$(python -m localcloud env --pulumi)" && pulumi up --stack local
    """
    try:
        running = json.loads(outputs.read_text(encoding="utf-8"))
        address = urlsplit(running["endpoint"])
        socket.create_connection((address.hostname, address.port), timeout=1).close()
        commands = plugin.exports(Path(running["directory"]), outputs) if pulumi else aws_exports(running, os.environ)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        kind, option = ("empty cloud", " --empty") if pulumi else ("cloud", "")
        raise EmulatorError(
            f"No {kind} is running. Start one in another terminal: python -m localcloud up{option}"
        ) from None
    print(commands)


@app.command()
@ends_cleanly
def demo() -> None:
    """Deploy stack dev on this machine, test it from end to end, and stop. Exit code 0: every check passed.

    Sends twelve logins of four users: one twice, one late, one invalid. Then checks the stored logins, the API with and
    without a token, the dead letter of the invalid login, and the metrics.

    Example: python -m localcloud demo
    """
    lifetime.stop_when_orphaned()
    progress = Progress(START_STEPS + STORY_STEPS)
    with LocalCloud.start(PROJECT, progress=progress) as cloud:
        # Among the cloud's own files, so that it is removed with them even if this process is killed.
        outputs = cloud.directory / "outputs.json"
        cloud.write_outputs(outputs)
        run_story(cloud, outputs, progress)
    progress.say(
        f"All checks passed in {progress.total_seconds():.1f} s. To try it yourself: .venv/bin/python -m localcloud up"
    )


@app.command()
@ends_cleanly
def drill(
    name: Annotated[str, typer.Argument(help="The fault; --list shows all.", callback=drill_command.known)],
    show_list: Annotated[
        bool, typer.Option("--list", callback=drill_command.show_list, is_eager=True, help="Show every drill and exit.")
    ] = False,
    control: Annotated[bool, typer.Option("--control", help="Make no fault; no alarm may notify.")] = False,
    port: Annotated[int | None, typer.Option(help="The port on 127.0.0.1; by default any free port.")] = None,
    out: Annotated[Path, typer.Option(help="The folder for the boards.")] = DRILL_BOARDS,
) -> None:
    """Make a fault in a cloud of its own, and show who is notified, after how long, and when it is over.

    Stack dev is deployed, logins are sent and the API is queried. The fault is real, and it is healed when the drill's
    alarm notifies. 5 seconds are a minute: waiting is compressed, work is not. Most alarms clear an hour after a fault,
    which takes five minutes here. The boards are drawn as the on-call engineer finds them.

    In `tokens-down` nobody sends anything except the probe, whose own waiting is not compressed: 10 seconds are a
    minute there.

    The drills: `consumer-stopped`, `function-broken`, `table-throttled`, `table-slow`, `poison-flood`,
    `contract-broken`, `pager-down`, `credential-attack`, `bad-release`, `bad-canary`, `tokens-down`.

    Exit code 0: the alarms that the simulation expects notified, no other alarm did, and all of them cleared.

    Example: python -m localcloud drill consumer-stopped
    """
    lifetime.stop_when_orphaned()
    if control:
        drill_command.run_control(PROJECT, DRILLS[DrillName(name)], port=port)
    else:
        drill_command.run(PROJECT, DRILLS[DrillName(name)], out, port=port)


@contextmanager
def _claimed(outputs: Path) -> Iterator[None]:
    """Claim the outputs file for this process; raises FileError if it belongs to another cloud, or to no cloud."""
    if not outputs.name:
        raise FileError("--outputs is empty or a folder. Name a file, such as outputs.json.")
    require_own(outputs, is_outputs, "--outputs")
    try:
        with claimed(outputs, "--outputs"):
            yield
    except ClaimedError:
        try:
            place = f"running at {json.loads(outputs.read_text())['endpoint']}"
        except (OSError, ValueError):
            place = "starting"
        raise FileError(f"{outputs} belongs to a cloud already {place}. Stop it, or pass another --outputs.") from None
