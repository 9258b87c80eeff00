"""Write docs/alert-quality.md: simulate every fault and thirty normal days. `make alert-quality` runs this module."""

import argparse
from pathlib import Path

from simulation.report import document, simulated

DOCUMENT = Path(__file__).parents[1] / "docs" / "alert-quality.md"
NORMAL_DAYS = 30


def main() -> None:
    """Simulate and write."""
    parser = argparse.ArgumentParser(prog="python -m tools.alert_quality", description=__doc__)
    parser.add_argument("days", nargs="?", type=int, default=NORMAL_DAYS, help="number of normal days at each level")
    DOCUMENT.write_text(document(simulated(parser.parse_args().days)))


if __name__ == "__main__":
    main()
