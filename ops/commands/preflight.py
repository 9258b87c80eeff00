"""`python -m ops preflight`."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from ops.commands.command import handle_errors
from ops.commands.output import print_line


@handle_errors
def preflight(
    stack: Annotated[str, typer.Option("--stack", help="The stack to deploy. It need not exist in AWS.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Check whether this machine and this account are ready to deploy a stack.

    Checks the Pulumi CLI, the settings, Python, the state of the stack, the AWS credentials and their account, API
    Gateway's permission to write logs, Lambda's concurrency, names that resources outside the state have, and the
    domain of the token endpoint. Changes nothing.

    Exit code 0: ready. 1: not ready; each problem is followed by its fix.

    Example: python -m ops preflight --stack prod
    """
    # Imported here because it imports Pulumi, which takes a second that the other commands need not wait.
    from ops.preflight import preflight as run_checks
    from ops.preflight.check import CheckState

    checks = []
    for check in run_checks(stack):
        checks.append(check)
        if not as_json:
            print_line(f"{check.state:<12}{check.name}: {check.found}")
            if check.state == CheckState.PROBLEM:
                print_line(f"{'':<12}  fix: {check.fix}")
    ready = all(check.state == CheckState.OK for check in checks)
    if as_json:
        print(json.dumps({"ready": ready, "checks": [asdict(check) for check in checks]}, indent=2))
    if not ready:
        sys.exit(1)
