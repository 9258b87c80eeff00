"""`python -m ops rollback`."""

import time
from typing import Annotated

import typer

from ops.aliases import move, read_fleet
from ops.commands.command import DryRunOption, OutputsOption, StackOption, handle_errors
from ops.commands.output import print_line, print_note
from ops.release_steps import Step, is_done, rollback_step
from ops.releases import Fleet
from ops.stack import StackOutputs, load_outputs

PREVIEW = {
    "gradual": "`pulumi preview` shows no change: the program leaves the aliases to `ops release` and `ops rollback`.",
    "immediate": "Do not run `pulumi up --refresh`: it would release the newest version again. `pulumi preview` shows "
    "no change, and with --refresh it shows both aliases as changed. The next change of the code or of a setting of "
    "the functions is released as usual.",
}


@handle_errors
def rollback(
    to: Annotated[
        str | None, typer.Option("--to", help="A RELEASE or VERSION that `ops versions` lists; else the one before.")
    ] = None,
    dry_run: DryRunOption = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Give all requests to the release before: both functions, or neither.

    Takes seconds: the old versions are still published. Changes nothing that is stored. During a canary it ends the
    canary; after a command that was killed it puts both functions on the older release. --to works wherever the aliases
    are. If the second function cannot be moved, the first one is moved back.

    Examples:

    python -m ops rollback --stack prod

    python -m ops rollback --to 3f9c2a7d10be --dry-run
    """
    started, deployed = time.monotonic(), load_outputs(stack, outputs)
    client = deployed.client("lambda")
    fleet = read_fleet(deployed, client)
    step = rollback_step(fleet, to)
    if is_done(fleet, step):
        print_line(f"Release {step.release.id} is live already: nothing to do.")
        return
    print_step(fleet, step)
    if dry_run:
        print_line("Nothing was changed (--dry-run).")
        return
    for note in move(client, fleet, step.routes, print_note):
        print_note(note)
    print_line(f"All requests go to release {step.release.id}, after {time.monotonic() - started:.1f} s.")
    print_preview(deployed, is_newest=step.release == fleet.newest)


def print_step(fleet: Fleet, step: Step) -> None:
    """Print what a step does to each alias."""
    print_line(f"Move {step.meaning}:")
    for function in fleet.functions:
        target = step.routes[function.role]
        change = f"from {function.route} to {target}" if target != function.route else f"stays at {target}"
        print_line(f"  {function.role:<14}{change}")


def print_preview(deployed: StackOutputs, *, is_newest: bool) -> None:
    """Print what Pulumi shows now, and would do."""
    if deployed.release == "immediate" and is_newest:
        print_line("`pulumi preview` shows no change, also with --refresh.")
    elif deployed.release in PREVIEW:
        print_line(PREVIEW[deployed.release])
