"""`python -m localcloud drill`: a drill in a cloud of its own, step by step, and the boards at the time of the page."""

import difflib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from localcloud.boards import browser
from localcloud.cloud import START_STEPS, LocalCloud
from localcloud.drills.catalogue import DRILLS, Drill
from localcloud.drills.run import (
    ACTIONS,
    PROBE_WARM_UP_MINUTES,
    STEPS,
    WARM_UP_MINUTES,
    DrillRun,
    PassMinutes,
    compared,
    compressed_minute,
    compressed_quiet_minute,
)
from localcloud.drills.stack import BOARDS, DrawnBoard, DrilledStack
from localcloud.observatory.paths import CONSOLE
from localcloud.own_files import ClaimedError, FileError, claimed, require_own
from localcloud.progress import Progress

FIRST = BOARDS[0]
# A drill is over in a part of the hours that the boards show.
START = "-PT30M"


def known(name: str) -> str:
    """Return the name; typer.BadParameter, with the nearest names, if no drill has it."""
    if name in DRILLS:
        return name
    near = difflib.get_close_matches(name, DRILLS, n=3, cutoff=0.4)
    others = f"Did you mean {' or '.join(near)}?" if near else f"The drills are {', '.join(DRILLS)}."
    raise typer.BadParameter(f"No drill is named {name!r}. {others}")


def show_list(wanted: bool) -> None:
    """Print every drill, what happens, which alarms must notify, and how long it takes; then end."""
    if not wanted:
        return
    for name, drill in DRILLS.items():
        expected = drill.expected
        warm_up = PROBE_WARM_UP_MINUTES if drill.settings.get("probe") else WARM_UP_MINUTES
        minutes = (expected.over_after[1] + warm_up) * drill.minute_seconds / 60
        typer.echo(f"{name}: {drill.begins}. About {math.ceil(minutes + 0.5)} minutes.")
        actions = [f"{alarm} {ACTIONS[expected.severities[alarm]]}" for alarm in expected.alarms or drill.until]
        typer.echo(f"    {(', ' if expected.alarms else ' or ').join(actions)}")
    raise typer.Exit


def run(project: Path, drill: Drill, out: Path, *, port: int | None) -> None:
    """Run the drill and write its boards into `out`; raises as `LocalCloud.start` and `DrillRun.run` do."""
    files = {board: out / f"{drill.name}-{board}.html" for board in BOARDS}
    titles = {board: f"{board}: drill {drill.name}" for board in BOARDS}
    picture = files[FIRST].with_suffix(".png")
    with _claimed(files, titles, picture):
        progress = Progress(START_STEPS + STEPS + 1)
        progress.say(f"A drill: {drill.begins}, for real. {_rules(drill)}")
        drawn: dict[str, DrawnBoard] = {}
        links = {board: file.name for board, file in files.items()}
        with _start(project, drill, progress, port) as cloud:
            progress.say(f"Boards and alarms, live: {cloud.outputs['endpoint']}{CONSOLE}")
            stack = DrilledStack(cloud)

            def draw() -> None:
                for board, title in titles.items():
                    drawn[board] = stack.draw(board, f"{title}; {_rule(drill)}", links, START)

            outcome = DrillRun(drill, stack, progress, _minute_of(drill)).run(draw)
            progress.show(*(f"{minute:3} min  {text}" for minute, text in outcome.timeline))
        with progress.step(f"Draw the board {FIRST} as the on-call engineer finds it"):
            missing = _write({files[board]: page for board, page in drawn.items()}, picture)
        here = Path.cwd()
        shown = [file for file in (files[FIRST], picture) if file.exists()]
        progress.show(*(str(file.relative_to(here) if file.is_relative_to(here) else file) for file in shown))
        if missing:
            progress.say(f"No picture was taken of the board: {missing}")
        progress.say(compared(drill.expected, outcome))


def run_control(project: Path, drill: Drill, *, port: int | None) -> None:
    """Run the drill without its fault."""
    progress = Progress(START_STEPS + STEPS - 1)
    progress.say(f"The control of a drill: no fault is made. {_rules(drill)}")
    with _start(project, drill, progress, port) as cloud:
        minutes = DrillRun(drill, DrilledStack(cloud), progress, _minute_of(drill)).run_control()
    progress.say(f"As expected: without a fault, no alarm notified anybody in {minutes} minutes.")


def _rule(drill: Drill) -> str:
    """Say what is compressed, and what is not."""
    return f"{drill.minute_seconds} seconds are a minute: waiting is compressed, work is not"


def _rules(drill: Drill) -> str:
    return " ".join(f"{rule}." for rule in (_rule(drill), drill.remark) if rule)


def _minute_of(drill: Drill) -> PassMinutes:
    return compressed_quiet_minute if drill.is_quiet else compressed_minute


def _start(project: Path, drill: Drill, progress: Progress, port: int | None) -> LocalCloud:
    minute, settings = f"--minute={drill.minute_seconds}", drill.settings
    return LocalCloud.start(project, progress=progress, port=port, options=[minute], config_overrides=settings)


@contextmanager
def _claimed(files: dict[str, Path], titles: dict[str, str], picture: Path) -> Iterator[None]:
    """Claim the files of the boards; raises FileError if they are not ours, or another drill writes them."""
    for board, file in files.items():
        require_own(file, lambda head, title=titles[board]: f"<title>{title};" in head, "--out")
    require_own(picture, lambda _: files[FIRST].exists(), "--out")  # a picture is drawn from a page
    try:
        with claimed(files[FIRST], "--out"):
            yield
    except ClaimedError:
        raise FileError(
            f"Another drill is running, and will write {files[FIRST]}. Wait for its end, or pass another --out."
        ) from None


def _write(pages: dict[Path, DrawnBoard], picture: Path) -> str:
    """Write the pages, and the picture of the first if Chromium is installed; returns why it took none."""
    picture.unlink(missing_ok=True)  # of another drill
    for file, drawn in pages.items():
        try:
            file.write_text(drawn.page)
        except OSError as error:
            raise FileError(f"{file} cannot be written: {error.strerror}. Choose another place with --out.") from None
    if chromium := browser.find():
        page, drawn = next(iter(pages.items()))
        try:
            browser.take_picture(chromium, page, picture, drawn.width, drawn.height)
        except browser.BrowserError as error:
            return str(error)
    return ""
