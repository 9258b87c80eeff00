"""Simulate every fault and thirty normal days, and write docs/alert-quality.md.

Uses every core for some minutes, and prints its progress on stderr. `make alert-quality` runs this module.
"""

import sys

from simulation.report import document, simulated
from tools.documents import DOCS, command_line, write

DOCUMENT = DOCS / "alert-quality.md"
NORMAL_DAYS = 30


if __name__ == "__main__":
    parser = command_line("alert_quality", __doc__)
    parser.add_argument("days", nargs="?", type=int, default=NORMAL_DAYS, help="normal days (default: %(default)s)")
    days = parser.parse_args().days
    try:
        text = document(simulated(days))
    except KeyboardInterrupt:
        print("Interrupted. Nothing was written.", file=sys.stderr)
        sys.exit(130)
    write(DOCUMENT, text)
