"""How bad something is: apart from the findings, so that a command with the exit code of one imports no other."""

from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is, the worst first, and the exit code that it leads to."""

    BROKEN = "broken"
    """The service does not work, or an alarm notifies."""
    UNREADABLE = "unreadable"
    """A part of the state could not be read, so what is wrong with it is unknown."""
    WARNING = "warning"
    """The service works, and something needs an engineer."""

    @property
    def exit_code(self) -> int:
        """What the command ends with."""
        return {Level.BROKEN: 3, Level.UNREADABLE: 1, Level.WARNING: 4}[self]
