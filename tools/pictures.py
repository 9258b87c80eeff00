"""Draw the boards of stack `prod` without AWS: on a simulated normal day, and half an hour after the consumer stopped.

One HTML page per moment and board, and a picture of each where there is a Chromium.
"""

import argparse
import sys
from pathlib import Path

from localcloud.boards import browser
from localcloud.boards.page import Moment
from localcloud.cloudwatch.alarms import read_alarms
from localcloud.cloudwatch.evaluator import Evaluator
from localcloud.deployer.recorder import PROD_OVERLAY, Graph, record
from localcloud.progress import Progress
from simulation.boards import OUT, SETTLING_MINUTES, boards_of, draw, moment_of
from simulation.conditions import A_MINUTE, DAY_MINUTES, Fault
from simulation.harness import Stack, simulate

# As far back as the burn rates are drawn, then until the middle of an afternoon.
NOW = 7 * DAY_MINUTES + 15 * 60 + 7
STOPPED_AT = NOW - 32


def moments(graph: Graph, progress: Progress, stopped_at: int = STOPPED_AT, now: int = NOW) -> dict[str, Moment]:
    """What there is to see just before the consumer stops, and at the end."""
    fault = Fault(name="consumer stopped", start=stopped_at, minutes=now - stopped_at, changes={"consumer_runs": False})
    with progress.step("Simulate a week") as step:
        store = simulate(Stack.of(graph, A_MINUTE), 0, now, (fault,), step=step)
        evaluator = Evaluator(read_alarms(graph.resources), store)
        evaluator.run(max(0, stopped_at - SETTLING_MINUTES), stopped_at)
        normal = moment_of(evaluator, store, stopped_at)
        evaluator.run(stopped_at, now)
    return {"normal-day": normal, "consumer-stopped": moment_of(evaluator, store, now)}


def draw_all(out: Path, progress: Progress) -> list[Path]:
    """Draw every board at every moment into `out`; answers the pages, and the pictures where they could be taken."""
    with progress.step("Record the program as stack prod"):
        graph = record("prod", PROD_OVERLAY)
    made: list[Path] = []
    seen = moments(graph, progress)
    with progress.step("Draw the boards") as step:
        for name, moment in seen.items():
            for board, body in boards_of(graph).items():
                step.update(f"{name} {board}")
                title = f"event-processing-prod-{board}: {name.replace('-', ' ')}"
                made += draw(body, title, moment, out / f"{name}-{board}.html")
        step.note(f"{len(made)} files in {out}")
    return made


def main() -> None:
    """Draw, and say where the pages are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write into (%(default)s)")
    arguments = parser.parse_args()
    progress = Progress(3)
    try:
        draw_all(arguments.out, progress)
    except (browser.BrowserError, OSError) as error:
        sys.exit(f"The boards could not be drawn: {error}")
    if browser.find() is None:
        progress.say(f"None of {', '.join(browser.NAMES)} is on PATH, so there are pages and no pictures.")


if __name__ == "__main__":
    main()
