"""`python -m ops`."""

import sys

try:
    from ops.command_line import app
except KeyboardInterrupt:
    # The imports take half a second, in which Ctrl-C would end in a traceback.
    print("Interrupted.", file=sys.stderr)
    sys.exit(130)
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] in ("ops", "handlers"):
        raise
    sys.exit(f"This Python has no {error.name}: use .venv/bin/python, which `make install` makes.")

if __name__ == "__main__":
    app(prog_name="python -m ops")
