"""`python -m ops`."""

import atexit
import gc
import os
import sys

# Otherwise Python looks for garbage among all that was imported: every 700 or 2,000 objects, and when it ends. A short
# command makes less than 100,000 of them; one that runs for hours still looks, so it keeps no more garbage than that.
gc.set_threshold(100_000)
atexit.register(gc.freeze)

# Where the shell closed a standard stream (<&-, >&-, 2>&-), the next socket or file would get its number, and with it
# what is printed. A stream is None exactly then, and each `open` returns the lowest free number.
for number, (stream, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
    if getattr(sys, stream) is None:
        setattr(sys, stream, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 (a device, until the end)
        os.set_inheritable(number, True)  # also for the programs that a command starts

try:
    from ops.command_line import PROGRAM, app

    if __name__ == "__main__":
        app(prog_name=PROGRAM)  # a command is imported when it is used
except KeyboardInterrupt:
    # Without this, Ctrl-C during the imports would print a traceback.
    print("Interrupted.", file=sys.stderr)
    sys.exit(130)
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] in ("ops", "handlers"):
        raise
    sys.exit(f"This Python has no {error.name}. Run `make install`, then use .venv/bin/python.")
