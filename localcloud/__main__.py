"""`python -m localcloud`."""

import atexit
import gc
import sys

if __name__ == "__main__":
    # As in `ops`: look for garbage seldom, and not among all that was imported when this ends.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)

from localcloud import standard_streams

if __name__ == "__main__":
    standard_streams.prepare()

try:
    from localcloud.command_line import app
except KeyboardInterrupt:
    # Without this, Ctrl-C during the imports, which take half a second, would print a traceback.
    print("Interrupted.", file=sys.stderr)
    sys.exit(130)
except ModuleNotFoundError as error:
    if error.name is None or error.name.partition(".")[0] in ("localcloud", "handlers"):
        raise
    sys.exit(f"This Python has no {error.name}. Run `make install`, then use .venv/bin/python.")

if __name__ == "__main__":
    app(prog_name="python -m localcloud")
