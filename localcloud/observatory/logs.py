"""How the observatory reads the log groups of the cloud."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from localcloud.insights.records import LogRecord, pointed_at


@dataclass(kw_only=True)
class Logs:
    """The lines of the cloud. The two functions are how it looks into the emulator."""

    groups: Callable[[], Collection[str]] = tuple
    """The names of all log groups."""
    read: Callable[[str, int, int], Sequence[LogRecord]] = lambda group, start, end: ()
    """The lines of a group with times from `start` to `end`, both included, in milliseconds; oldest first."""

    def lines(self, group: str, start: int, end: int) -> Sequence[LogRecord]:
        """The lines of a group with times from `start` to `end`."""
        return self.read(group, start, end)

    def line(self, pointer: str) -> LogRecord | None:
        """The line that a pointer names, if it is still kept."""
        if (found := pointed_at(pointer)) is None:
            return None
        group, at = found
        return next((line for line in self.lines(group, at, at) if line.pointer == pointer), None)
