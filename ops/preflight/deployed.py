"""Whether the stack's state is finished."""

from collections.abc import Iterator

from components.settings.stack_settings import StackSettings
from ops.preflight.check import OK, PROBLEM, Check
from ops.preflight.state import StackState, logical_name

NAME = "state"


def check_state(settings: StackSettings, state: StackState) -> Iterator[Check]:
    """Yield what is wrong with the state of the stack, or one check that finds nothing."""
    problems = [*_interrupted(settings, state)]
    yield from problems
    if not problems:
        count = len(state.resources)
        yield Check(NAME, OK, f"{count} resources, none interrupted" if count else "not deployed yet")


def _interrupted(settings: StackSettings, state: StackState) -> Iterator[Check]:
    if state.interrupted:
        names = ", ".join(logical_name(urn) for urn in state.interrupted)
        fix = f"pulumi cancel --stack {settings.stack}; then pulumi refresh --stack {settings.stack}"
        yield Check(NAME, PROBLEM, f"an update was interrupted, and Pulumi does not know the result: {names}", fix)
