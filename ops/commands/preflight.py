"""`python -m ops preflight`."""

import json
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from ops.errors import ends_in_one_sentence


@ends_in_one_sentence
def preflight(
    stack: Annotated[str, typer.Option("--stack", help="The stack that is to be deployed; it need not exist in AWS.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document, for programs.")] = False,
) -> None:
    """Say whether this machine and this account are ready for a stack, before `pulumi up` finds out half-way.

    Looks at the Pulumi CLI, the settings, Python, the credentials and their account, API Gateway's right to write
    logs, Lambda's concurrency and the token endpoint's domain. Changes nothing. Uses the AWS credentials at hand.

    Exit code 0: ready. 1: not ready, with a line that mends each problem.

    Example: python -m ops preflight --stack prod
    """
    # Here, because the program's own settings bring Pulumi with them: a second that other commands need not wait.
    from ops.preflight import CheckState
    from ops.preflight import preflight as run_checks

    checks = []
    for check in run_checks(stack):
        checks.append(check)
        if not as_json:
            print(f"{check.state:<12}{check.name}: {check.found}", flush=True)
            if check.state == CheckState.PROBLEM:
                print(f"{'':<12}  fix: {check.fix}", flush=True)
    ready = all(check.state == CheckState.OK for check in checks)
    if as_json:
        print(json.dumps({"ready": ready, "checks": [asdict(check) for check in checks]}, indent=2))
    if not ready:
        sys.exit(1)
