"""Where the embedded cloud serves what AWS has no API for; the clock's, only if it is one of its own."""

CONSOLE = "/_console"
ADVANCE = "/_observatory/advance"
BOARD = "/_observatory/board"
ENDED_MINUTE = "/_observatory/minute"
CODE = "/_observatory/code"
KEY_HEADER = "x-localcloud-key"
"""Has the administrator's secret key: a page of a browser on this machine does not know it."""
