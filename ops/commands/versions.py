"""`python -m ops versions`."""

import json
from typing import Annotated, Any

import typer

from ops.aliases import delete_versions, read_fleet, read_probe
from ops.commands.command import OutputsOption, StackOption, handle_errors
from ops.commands.output import print_line, print_note, print_table
from ops.errors import OperatorError, pluralize
from ops.releases import Fleet, Function, Version, prunable, prunable_alone
from ops.stack import load_outputs


@handle_errors
def versions(
    prune: Annotated[bool, typer.Option("--prune", help="Delete versions that no rollback needs.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what --prune would delete.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """List the published versions of both functions, and which of them are live.

    Two versions with the same RELEASE belong together: only such a pair can be released or rolled back to. VERSION says
    which code a version runs.

    The versions of the probe, where there is one, are part of no release: each deployment makes its newest one live.

    --prune keeps the newest pairs (setting `versionsKept`), what is live, and the release before it, and as many
    versions of the probe. Run it after a deployment that works.

    Examples:

    python -m ops versions --stack prod

    python -m ops versions --prune --dry-run
    """
    deployed = load_outputs(stack, outputs)
    if dry_run and not prune:
        raise OperatorError("--dry-run prints what --prune would delete. Use both.")
    client = deployed.client("lambda")
    fleet, probes = read_fleet(deployed, client), read_probe(deployed, client)
    if not prune:
        _print(fleet, probes, as_json=as_json)
        return
    if deployed.versions_kept is None:
        raise OperatorError("The stack has no output versionsKept. Deploy it with this version of the program.")
    alone = {probe.role: prunable_alone(probe, deployed.versions_kept) for probe in probes}
    numbers = prunable(fleet, deployed.versions_kept) | alone
    if dry_run:
        _report("would be deleted", numbers)
        return
    _report("deleted", delete_versions(client, (*fleet.functions, *probes), numbers))


def _report(verb: str, numbers: Any) -> None:
    for role, found in numbers.items():
        shown = f": {', '.join(map(str, found))}" if found else ""
        print_line(f"{role:<14}{pluralize(len(found), 'version')} {verb}{shown}")


def _print(fleet: Fleet, probes: tuple[Function, ...], *, as_json: bool) -> None:
    rows = [
        {
            "function": function.role,
            "number": version.number,
            "release": version.release or "unknown",
            "version": version.artifact or "unknown",
            "published": version.published,
            "receives": _share(function, version),
            # None: part of no release, nor meant to be.
            "complete": None if function in probes else fleet.release_of(function.role, version.number) is not None,
        }
        for function in (*fleet.functions, *probes)
        for version in reversed(function.versions)
    ]
    if as_json:
        print(json.dumps({"versions": rows}, indent=2))
        return
    header = ["function", "number", "RELEASE", "VERSION", "published", "requests", "note"]
    cells = [
        [
            *map(str, list(row.values())[:5]),
            f"{row['receives']:g} %",
            "no counterpart" if row["complete"] is False else "",
        ]
        for row in rows
    ]
    print_table(header, cells)
    print_note(fleet.describe())


def _share(function: Function, version: Version) -> float:
    route = function.route
    if version.number == route.canary:
        return 100 * route.weight
    return 100 * (1 - route.weight) if version.number == route.version else 0
