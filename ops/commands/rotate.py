"""`python -m ops rotate`."""

from pathlib import Path
from typing import Annotated

import typer

from ops.client_secrets import PooledClient
from ops.commands.command import DryRunOption, OutputsOption, StackOption, handle_errors
from ops.commands.dead_letter_dialogue import YesOption, is_terminal
from ops.commands.output import print_line
from ops.errors import OperatorError
from ops.health.commands import Commands
from ops.rotation import Rotation
from ops.stack import load_outputs


@handle_errors
def rotate(
    client: Annotated[str, typer.Argument(help="The client of the API, as in the setting apiClients.")],
    finish: Annotated[bool, typer.Option("--finish", help="Remove the old secret.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Remove the new secret again.")] = False,
    secret_file: Annotated[
        Path | None, typer.Option(help="The file of the new secret; by default one in .localcloud/kept.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Finish although the outputs of the stack have the old secret.")
    ] = False,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    stack: StackOption = None,
    outputs: OutputsOption = None,
) -> None:
    """Give a client of the API a second secret, and later remove its first one. The client ID stays.

    The new secret is only written to a new file of mode 600; give it to the client, and set it in the stack, with the
    commands that are printed. Both secrets get tokens until --finish, which removes the old one after the new one got
    a token and is in the outputs of the stack. Tokens of the old secret stay valid until they expire.

    After an interruption, the same command continues. Your credentials need cognito-idp:ListUserPoolClientSecrets,
    AddUserPoolClientSecret and DeleteUserPoolClientSecret on the user pool.

    Examples:

    python -m ops rotate web-portal --stack prod

    python -m ops rotate web-portal --finish --stack prod
    """
    if finish and cancel:
        raise OperatorError("--finish and --cancel remove different secrets. Use one of them.")
    deployed = load_outputs(stack, outputs)
    pooled = PooledClient.of(deployed, client)
    rotation = Rotation(client=pooled, path=secret_file or pooled.file, commands=Commands.of(deployed, stack, outputs))
    if finish:
        _finish(rotation, force=force, yes=yes, dry_run=dry_run)
    elif cancel:
        _cancel(rotation, yes=yes, dry_run=dry_run)
    else:
        _begin(rotation, dry_run=dry_run)


def _begin(rotation: Rotation, *, dry_run: bool) -> None:
    name = rotation.client.name
    is_new = rotation.begin(dry_run=dry_run)
    if dry_run and is_new:
        print_line(f"Client {name} would get a second secret, in {rotation.path}. Nothing was changed (--dry-run).")
        return
    print_line(
        f"Client {name} {'has' if is_new else 'already has'} a second secret, in {rotation.path}. Both get tokens."
    )
    print_line("Next:")
    print_line("  1. Give the client the content of the file, over a channel that encrypts.")
    if rotation.commands.stack:
        print_line("  2. Put it into the outputs of the stack:")
        print_line(f"     {rotation.setting()}")
        print_line(f"     {rotation.commands.pulumi('up')}")
    else:
        print_line("  2. The outputs of an embedded cloud stay as they are, so the last step needs --force.")
    finish = "--finish" if rotation.commands.stack else "--finish --force"
    print_line(f"  3. When the client uses it: {rotation.command(finish)}")


def _finish(rotation: Rotation, *, force: bool, yes: bool, dry_run: bool) -> None:
    old = rotation.finishing(force=force)
    if old is None:
        print_line(f"Client {rotation.client.name} has only the new secret: nothing to do. Delete {rotation.path}.")
        return
    if _is_confirmed(f"Remove {old}? A client that still uses it gets no token.", yes=yes, dry_run=dry_run):
        rotation.client.delete(old)
        print_line(f"Removed {old}. Client {rotation.client.name} has only the new one. Delete {rotation.path}.")


def _cancel(rotation: Rotation, *, yes: bool, dry_run: bool) -> None:
    new = rotation.cancelling()
    if _is_confirmed(f"Remove {new}, the newer one?", yes=yes, dry_run=dry_run):
        rotation.client.delete(new)
        print_line(f"Removed {new}. Client {rotation.client.name} has only the old one. Delete {rotation.path}.")


def _is_confirmed(question: str, *, yes: bool, dry_run: bool) -> bool:
    """Return whether to go on: by --yes, or because a person at a terminal agrees; never with --dry-run."""
    if dry_run:
        print_line(f"{question} Nothing was changed (--dry-run).")
        return False
    if yes:
        return True
    if not is_terminal():
        print_line(f"{question} Nothing was changed. Use --yes to apply.")
        return False
    if typer.confirm(question):
        return True
    print_line("Nothing was changed.")
    return False
