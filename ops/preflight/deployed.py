"""Whether the stack's state is finished, and of the same name and region as what would be deployed."""

from collections.abc import Iterator

from components.settings.stack_settings import StackSettings
from ops.preflight.check import OK, PROBLEM, Check
from ops.preflight.state import StackState, logical_name

NAME = "state"
TABLE = "aws:dynamodb/table:Table"


def check_state(settings: StackSettings, state: StackState) -> Iterator[Check]:
    """Yield what is wrong with the state of the stack, or one check that finds nothing."""
    problems = [*_interrupted(settings, state), *_moved(settings, state), *_renamed(settings, state)]
    yield from problems
    if not problems:
        count = len(state.resources)
        yield Check(NAME, OK, f"{count} resources, none interrupted" if count else "not deployed yet")


def _interrupted(settings: StackSettings, state: StackState) -> Iterator[Check]:
    if state.interrupted:
        names = ", ".join(logical_name(urn) for urn in state.interrupted)
        fix = f"pulumi cancel --stack {settings.stack}; then pulumi refresh --stack {settings.stack}"
        yield Check(NAME, PROBLEM, f"an update was interrupted, and Pulumi does not know the result: {names}", fix)


def _moved(settings: StackSettings, state: StackState) -> Iterator[Check]:
    regions = {str(inputs["region"]) for inputs in state.inputs("pulumi:providers:aws", "aws") if "region" in inputs}
    for region in regions - {settings.region}:
        found = f"deployed in {region}; aws:region {settings.region} would replace everything, the table too"
        yield Check(NAME, PROBLEM, found, f"pulumi config set --stack {settings.stack} aws:region {region}")


def _renamed(settings: StackSettings, state: StackState) -> Iterator[Check]:
    wanted = settings.physical_name("user-services")
    for name in {str(inputs["name"]) for inputs in state.inputs(TABLE)} - {wanted}:
        old = name.removeprefix(f"{settings.project}-").removesuffix("-user-services")
        found = f"its table is {name}; as {settings.stack}, the stack would replace everything, the table too"
        yield Check(NAME, PROBLEM, found, f"give project and stack their old names (stack: {old})")
