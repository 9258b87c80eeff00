"""Which lines Lambda itself writes into the log of a function."""

from enum import StrEnum


class PlatformLogs(StrEnum):
    """Values of the setting `platformLogs`. A line about a failure is written with each of them."""

    ALL = "all"
    """Two lines about each invocation, with its duration and memory, and one about each start of an environment."""
    FAILURES = "failures"
    """Lines only about an invocation or a start that failed: a crash, a timeout, too little memory."""

    @property
    def system_log_level(self) -> str:
        """The level from which Lambda writes its own lines.

        Lines about a success have the levels INFO and DEBUG; a line whose status is not `success` has WARN.
        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html (event mapping)
        """
        return "INFO" if self is PlatformLogs.ALL else "WARN"
