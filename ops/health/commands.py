"""Commands as the operator can paste them: with the options that name the stack."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from ops.stack import StackOutputs, project_settings, short_stack_name


@dataclass(frozen=True, kw_only=True)
class Commands:
    """The commands about one stack."""

    options: str = ""
    """The options with which the operator named the stack."""
    region: str
    stack: str | None
    """The stack as the Pulumi CLI knows it; None in an embedded cloud that the CLI does not know."""

    @classmethod
    def of(cls, outputs: StackOutputs, stack: str | None, file: Path | None) -> "Commands":
        """Return the commands about the stack that was named with these options."""
        words = [*(["--stack", stack] if stack else []), *(["--outputs", str(file)] if file else [])]
        if stack is None and outputs.endpoint is None:
            stack = short_stack_name(outputs.physical_prefix.removeprefix(f"{project_settings()['name']}-"))
        return cls(options=shlex.join(words), region=outputs.region, stack=stack)

    def ops(self, words: str) -> str:
        """Return a command of this program."""
        return f"python -m ops {words} {self.options}".rstrip()

    def aws(self, words: str) -> str:
        """Return a command of the AWS CLI; its credentials, and the embedded cloud, come from the environment."""
        return f"aws {words} --region {self.region}"

    def pulumi(self, words: str) -> str:
        """Return a command of the Pulumi CLI, or the one that starts the embedded cloud again."""
        return f"pulumi {words} --stack {self.stack}" if self.stack else "python -m localcloud up"

    def restore(self) -> str:
        """Return the command that undoes manual changes."""
        return self.pulumi("up --refresh --yes")
