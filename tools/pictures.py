"""Draw the boards of stack `prod` without AWS: on a normal day, and half an hour after the consumer stopped.

The metrics are simulated. Writes an HTML page for each board and moment, and a picture of it if Chromium is installed.
"""

import sys
from dataclasses import replace
from pathlib import Path

from localcloud.boards import browser
from localcloud.boards.page import Snapshot
from localcloud.cloudwatch.alarms import read_alarms
from localcloud.cloudwatch.evaluator import Evaluator
from localcloud.deployer.recorder import PROD_OVERLAY, Graph, record
from localcloud.progress import Progress
from simulation.boards import OUT, SETTLING_MINUTES, boards_of, draw, snapshot_of
from simulation.conditions import A_MINUTE, DAY_MINUTES, Fault
from simulation.harness import Stack, simulate
from tools.documents import command_line

PREFIX = "event-processing-prod-"
# A week, the longest range of a graph, until the middle of an afternoon.
NOW = 7 * DAY_MINUTES + 15 * 60 + 7
STOPPED_AT = NOW - 32


def simulated(graph: Graph, progress: Progress, stopped_at: int = STOPPED_AT, now: int = NOW) -> dict[str, Snapshot]:
    """Snapshots of just before the consumer stops, and of minute `now`."""
    # Less than the range of the boards ago, so that they show the mark of a release.
    release = Fault(name="a release", start=stopped_at - 100, minutes=1, changes={"deployed": True})
    fault = Fault(name="consumer stopped", start=stopped_at, minutes=now - stopped_at, changes={"consumer_runs": False})
    with progress.step("Simulate a week") as step:
        store = simulate(Stack.of(graph, A_MINUTE), 0, now, (release, fault), step=step)
        evaluator = Evaluator(read_alarms(graph.resources), store)
        evaluator.run(max(0, stopped_at - SETTLING_MINUTES), stopped_at)
        normal = snapshot_of(evaluator, store, stopped_at)
        evaluator.run(stopped_at, now)
    return {"normal-day": normal, "consumer-stopped": snapshot_of(evaluator, store, now)}


def draw_all(out: Path, progress: Progress) -> None:
    """Draw every board of every snapshot into `out`."""
    with progress.step("Record the program as stack prod"):
        graph = record("prod", PROD_OVERLAY)
    files: list[Path] = []
    snapshots = simulated(graph, progress)
    with progress.step("Draw the boards") as step:
        bodies = boards_of(graph)
        for name, snapshot in snapshots.items():
            links = {f"{PREFIX}{board}": f"{name}-{board}.html" for board in bodies}
            for board, body in bodies.items():
                step.update(f"{name} {board}")
                title = f"{PREFIX}{board}: {name.replace('-', ' ')}"
                files += draw(body, title, replace(snapshot, links=links), out / f"{name}-{board}.html")
        step.note(f"{len(files)} files in {out}")


def main() -> None:
    """Draw the boards."""
    parser = command_line("pictures", __doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="folder to write to (default: %(default)s)")
    arguments = parser.parse_args()
    progress = Progress(3)
    try:
        draw_all(arguments.out, progress)
    except (browser.BrowserError, OSError) as error:
        sys.exit(f"The boards could not be drawn: {error}")
    if browser.find() is None:
        progress.say(f"No pictures: Chromium is not on PATH (searched for {', '.join(browser.NAMES)}).")


if __name__ == "__main__":
    main()
