"""`python -m ops restore`."""

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands import dead_letter_dialogue as dialogue
from ops.commands.command import DryRunOption, OutputsOption, StackOption, handle_errors
from ops.commands.dead_letter_dialogue import YesOption
from ops.commands.output import print_line, print_note, progress_bar
from ops.errors import OperatorError, pluralize
from ops.files import NewFile, create_file
from ops.health.level import Level
from ops.redrive import Pace
from ops.stack import load_outputs

if TYPE_CHECKING:
    from ops.restore import Counts, Item


@handle_errors
def restore(
    table: Annotated[str, typer.Option("--from", help="The table that was restored from a backup.")],
    excluded: Annotated[
        list[str] | None, typer.Option("--except", help="A user to leave out, such as an erased one. Can be repeated.")
    ] = None,
    excluded_file: Annotated[
        Path | None, typer.Option("--except-file", help="A file with one user ID to leave out per line.")
    ] = None,
    rate: Annotated[int, typer.Option(min=1, max=10_000, help="At most this many records a second.")] = 200,
    damaged: Annotated[
        Path | None,
        typer.Option(help="Where to keep damaged records; by default a new file in .localcloud/kept."),
    ] = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Merge the records of a table that was restored from a backup into the live table.

    Each record is merged as the event handler merges logins: the newest login of each service stays, so nothing newer
    is lost, and events that arrive meanwhile are stored as always. A second run changes nothing that is merged. After
    an interruption, run the command again.

    A backup holds users that were erased since. Leave them out with --except or --except-file. What can be read of a
    damaged record is merged; the record is kept in a file that only you can read.

    Exit code 0: everything is merged. 4: except what cannot be read of damaged records. 1: run the command again.

    Example: python -m ops restore --from event-processing-dev-restored --dry-run
    """
    users = [*(excluded or []), *(_read_users(excluded_file) if excluded_file else [])]
    deployed = load_outputs(stack, outputs)
    from ops.restore import Restore, describe  # here, because the store of the handlers is slow to import

    with create_file(damaged, "restore-damaged", "--damaged") as kept:
        merge = Restore(deployed, table, excluded=users, pace=Pace(rate), on_damaged=lambda item: _keep(kept, item))
        total = merge.check()
        print_line(
            f"{table} has about {pluralize(total, 'record')}; {pluralize(len(set(users)), 'user')} left out. "
            f"Target: {deployed.table_name}."
        )
        if not dry_run and not dialogue.confirm("Merge them into the live table?", yes=yes, dry_run=False, note=None):
            return
        started = time.monotonic()
        try:
            with progress_bar("Reading" if dry_run else "Merging", total or None) as advance:
                merge.run(dry_run=dry_run, on_progress=advance)
        except BaseException:
            print_note(
                f"{describe(merge.counts, dry_run=dry_run)} Not finished. Run the command again: what is merged is "
                "read and not written again."
            )
            raise
        finally:
            if merge.counts.damaged:
                print_note(f"The damaged records, which are personal data, are in {kept.path}.")
        seconds = max(time.monotonic() - started, 0.001)
    rate_reached = f"{seconds:.0f} s, {merge.counts.read / seconds:.0f} a second."
    print_line(f"{describe(merge.counts, dry_run=dry_run)} {rate_reached}")
    if dry_run:
        print_line("Nothing was changed (--dry-run).")
    _report_problems(merge.counts)


def _read_users(file: Path) -> list[str]:
    try:
        return [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'not UTF-8'}.") from None


def _keep(kept: NewFile, item: "Item") -> None:
    """Write an item as DynamoDB returned it; bytes, which no record of ours has, as their repr."""
    kept.is_needed = True
    try:
        kept.write(json.dumps(item, ensure_ascii=False, default=repr).encode() + b"\n")
    except OSError as error:
        raise OperatorError(f"{kept.path} cannot be written: {error.strerror}.") from None


def _report_problems(counts: "Counts") -> None:
    """Raise OperatorError when logins were not merged; exit with 4 when a part of the backup cannot be read."""
    problems = []
    if counts.failed:
        codes = ", ".join(f"{count} {code}" for code, count in counts.failures.most_common())
        problems.append(f"{pluralize(counts.failed, 'record')} not merged ({codes}). Run the command again.")
    if counts.outgrown:
        problems.append(f"{pluralize(counts.outgrown, 'login')} not merged: an item holds 400 KB.")
    if problems:
        raise OperatorError(" ".join(problems))
    if counts.damaged:
        print_note(
            "What can be read of the damaged records was merged. The runbook says under record-damaged what next."
        )
        sys.exit(Level.WARNING.exit_code)
