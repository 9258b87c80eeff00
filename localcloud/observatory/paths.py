"""Where a cloud with a clock of its own serves what AWS has no API for."""

ADVANCE = "/_observatory/advance"
BOARD = "/_observatory/board"
ENDED_MINUTE = "/_observatory/minute"
