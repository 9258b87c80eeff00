"""`python -m ops release`."""

import sys
import time
from typing import Annotated

import typer

from ops.aliases import move, read_fleet
from ops.canary import Limits, Verdict
from ops.commands.command import DryRunOption, OutputsOption, StackOption, handle_errors
from ops.commands.output import print_line, print_note
from ops.commands.rollback import print_preview, print_step
from ops.errors import OperatorError
from ops.release import GO_ON_OR_BACK, Canary
from ops.release_steps import canary_step, is_done, release_step
from ops.stack import StackOutputs, load_outputs

EXIT_UNDECIDED = 3
GRADUAL = "gradual"


@handle_errors
def release(
    canary: Annotated[
        bool, typer.Option("--canary", help="A tenth of the requests first; then all, or back, as its alarms say.")
    ] = False,
    minutes: Annotated[float, typer.Option(help="With --canary: how many minutes to watch.")] = 10,
    requests: Annotated[
        int, typer.Option(min=1, help="With --canary: how many requests each function's new version needs.")
    ] = 20,
    dry_run: DryRunOption = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Give all requests to the newest release: both functions, or neither. Only with the setting `release: gradual`.

    --canary gives it a tenth, and watches the alarms on the new versions alone, what the new versions log, and
    `service-health`. When nothing failed for --minutes, all requests go to it. At the first fault, and after Ctrl-C,
    none do. With too little traffic, the command waits three times as long, and then leaves the tenth where it is. What
    the old version does wrong does not count. A second run continues, finishes or goes back, wherever the first was
    killed.

    Exit code 0: the newest release is live. 1: it is not, and the sentence says why. 3: undecided, a tenth goes to it.

    Examples:

    python -m ops release --canary --stack prod

    python -m ops release --stack prod
    """
    started, deployed = time.monotonic(), load_outputs(stack, outputs)
    if deployed.release != GRADUAL:
        raise OperatorError(
            "`pulumi up` releases by itself in this stack, because its setting release is not gradual. To go back: "
            "python -m ops rollback"
        )
    if not 0 < minutes < float("inf"):
        raise OperatorError(f"--minutes is {minutes:g}; it must be a number above 0.")
    if dry_run:
        _print_plan(deployed, canary=canary)
    elif canary:
        _run_canary(deployed, Limits(watch_seconds=60 * minutes, least_invocations=requests))
    else:
        _release(deployed, started)


def _print_plan(deployed: StackOutputs, *, canary: bool) -> None:
    fleet = read_fleet(deployed, deployed.client("lambda"))
    step = canary_step(fleet) if canary else release_step(fleet)
    if step is None:
        print_line(f"A canary of release {fleet.newest.id} runs already; --canary would watch it.")
    elif is_done(fleet, step):
        print_line(f"Release {step.release.id} is live already: nothing to do.")
    else:
        print_step(fleet, step)
    print_line("Nothing was changed (--dry-run).")


def _release(deployed: StackOutputs, started: float) -> None:
    client = deployed.client("lambda")
    fleet = read_fleet(deployed, client)
    step = release_step(fleet)
    if is_done(fleet, step):
        print_line(f"Release {step.release.id} is live already: nothing to do.")
        return
    print_step(fleet, step)
    for note in move(client, fleet, step.routes, print_note):
        print_note(note)
    print_line(f"All requests go to release {step.release.id}, after {time.monotonic() - started:.1f} s.")
    print_preview(deployed, is_newest=True)


def _run_canary(deployed: StackOutputs, limits: Limits) -> None:
    decision = Canary(outputs=deployed, limits=limits, report=print_line, warn=print_note).run()
    if decision.verdict is Verdict.BACK:
        raise OperatorError(
            f"All requests go to the old release again, because {decision.reason}. See: python -m ops logs --errors; "
            f"and {decision.runbook} in the runbook."
        )
    if decision.verdict is Verdict.STOP:
        print_note(f"Undecided, a tenth still goes to the new release: {decision.reason}. {GO_ON_OR_BACK}")
        sys.stdout.flush()
        sys.exit(EXIT_UNDECIDED)
    print_line(f"All requests go to the new release: {decision.reason}.")
    print_preview(deployed, is_newest=True)
