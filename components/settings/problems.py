"""What is wrong with a configuration, and the commands that fix it."""

import json
from dataclasses import dataclass
from typing import Any

HIDDEN = "[secret]"
"""Shown in place of a secret value, as by the Pulumi CLI."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One problem of the configuration, and the command that fixes it."""

    key: str
    value: Any
    requirement: str
    fix: str

    def __str__(self) -> str:
        is_json = isinstance(self.value, str) and self.value.startswith(("[", "{"))
        shown = self.value if is_json else json.dumps(self.value)
        return f"{self.key} is {shown}; it must be {self.requirement}\n    {self.fix}"


class SettingsError(Exception):
    """The configuration cannot be deployed; contains every problem."""

    def __init__(self, stack: str, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"The configuration of stack {stack} has {count}; nothing was deployed.\n{lines}")
