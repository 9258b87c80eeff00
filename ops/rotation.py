"""A client gets a second secret, and later loses its first one. Each step finds what an interrupted one has done."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from ops.client_secrets import MOST_SECRETS, KeptSecret, PooledClient, Secret, make_kept, read_kept
from ops.errors import OperatorError
from ops.health.commands import Commands


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """The rotation of one client's secret, whose new value is in one file."""

    client: PooledClient
    path: Path
    commands: Commands

    def begin(self, *, dry_run: bool) -> bool:
        """Make the user pool accept the secret in the file as well, and return whether that was still to do.

        The file is written first: a command that is killed leaves a secret that is known or one that is not accepted.
        """
        held, kept = self.client.secrets(), read_kept(self.path)
        is_accepted = kept is not None and self.client.accepts(kept.value)
        if len(held) == MOST_SECRETS:
            if kept and is_accepted and not _is_older(kept, held):
                return False
            raise OperatorError(
                f"Client {self.client.name} has two secrets already, and {self.path} does not contain the newer one. "
                f"Name its file with --secret-file, or give it up: {self.command('--cancel')}"
            )
        if is_accepted:
            raise OperatorError(
                f"Client {self.client.name} was rotated to the secret in {self.path} already. Delete that file when "
                "the client has the secret, then begin the next rotation."
            )
        if kept and _is_older(kept, held):
            raise OperatorError(f"{self.path} is older than the secret of client {self.client.name}. Delete that file.")
        if not dry_run:
            self.client.add((kept or make_kept(self.path)).value)
        return True

    def finishing(self, *, force: bool) -> Secret | None:
        """Return the secret to remove: the old one, when the new one works and is in the outputs; None when it is gone.

        `force` leaves the outputs as they are.
        """
        held, kept = self.client.secrets(), read_kept(self.path)
        if len(held) < MOST_SECRETS and kept and self.client.accepts(kept.value):
            return None
        self._require_both(held)
        if kept is None:
            raise OperatorError(
                f"{self.path} does not exist, so the new secret cannot be tried. Name its file with --secret-file, or "
                f"give it up: {self.command('--cancel')}"
            )
        if _is_older(kept, held) or not self.client.accepts(kept.value):
            raise OperatorError(
                f"{self.path} does not contain the newer secret of client {self.client.name}. Name its file with "
                f"--secret-file, or give the secret up: {self.command('--cancel')}"
            )
        if self.client.client.client_secret != kept.value and not force:
            fix = "It stays there until the cloud is started again: pass --force to remove it anyway."
            if self.commands.stack:
                fix = f"Run `{self.setting()}` and `{self.commands.pulumi('up')}` first, or pass --force."
            raise OperatorError(
                f"The outputs of the stack still have the old secret of client {self.client.name}. {fix}"
            )
        return held[0]

    def cancelling(self) -> Secret:
        """Return the secret to remove: the new one, unless the outputs of the stack have it."""
        held, kept = self.client.secrets(), read_kept(self.path)
        self._require_both(held)
        if kept and kept.value == self.client.client.client_secret:
            raise OperatorError(
                f"The outputs of the stack have the new secret of client {self.client.name}. Run "
                f"`{self.commands.pulumi('config rm --path ' + self._key)}` and `{self.commands.pulumi('up')}` first."
            )
        return held[-1]

    def setting(self) -> str:
        """Return the command that puts the new secret into the outputs; the shell reads the file, not its history."""
        return f"{self.commands.pulumi(f'config set --secret --path {self._key}')} < {shlex.quote(str(self.path))}"

    def command(self, option: str = "") -> str:
        """Return the command for a step of this rotation."""
        named = [] if self.path == self.client.file else ["--secret-file", shlex.quote(str(self.path))]
        return self.commands.ops(" ".join(filter(None, ("rotate", self.client.name, option, *named))))

    @property
    def _key(self) -> str:
        return f"rotatedSecrets.{self.client.client.client_id}"

    def _require_both(self, held: list[Secret]) -> None:
        if len(held) < MOST_SECRETS:
            raise OperatorError(
                f"Client {self.client.name} has only {held[0] if held else 'no secret'}, so there is nothing to "
                f"remove. To begin a rotation: {self.command()}"
            )


def _is_older(kept: KeptSecret, held: list[Secret]) -> bool:
    """Whether the file is of an earlier rotation, so that its secret is the one to replace, or was removed."""
    return kept.written <= held[0].created
