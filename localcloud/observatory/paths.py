"""Where the embedded cloud serves what AWS has no API for; below `_observatory`, only one with a clock of its own."""

CONSOLE = "/_console"
ADVANCE = "/_observatory/advance"
BOARD = "/_observatory/board"
ENDED_MINUTE = "/_observatory/minute"
