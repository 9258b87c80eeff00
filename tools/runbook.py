"""Write the headings of docs/runbook.md for the windows of the objectives: `python -m tools.runbook`.

Each window is an alarm that sends no notification, so its heading says when it fires and links to the alarm that does.
"""

import re
from collections.abc import Iterator

from components.durations import SECONDS_PER_DAY
from components.monitoring.alarm_ids import ObjectiveId, Window, slo_alarm
from components.monitoring.objectives import objectives
from components.monitoring.slo import PACES, Pace, ServiceLevelObjective
from localcloud.deployer.recorder import ROOT

DOCUMENT = ROOT / "docs" / "runbook.md"
START = "<!-- Windows of the objectives, written by `python -m tools.runbook`. -->\n\n"
END = "<!-- End of the windows of the objectives. -->\n"

# What an objective counts, and what makes one of them bad.
BAD = {
    ObjectiveId.API_AVAILABILITY: ("requests", "failed"),
    ObjectiveId.API_LATENCY: ("queries", "were slow"),
    ObjectiveId.INGEST_TIMELY: ("events", "were late or given up"),
}
LONG_WINDOWS = {3_600: "the last hour", 21_600: "the last six hours", SECONDS_PER_DAY: "the last day"}


def with_windows(text: str) -> str:
    """Return a runbook with the headings of the windows as the objectives define them."""
    section = re.compile(f"(?<={re.escape(START)}).*?(?={re.escape(END)})", re.DOTALL)
    if len(section.findall(text)) != 1:
        raise ValueError(f"the runbook must have one section between {START.strip()!r} and {END.strip()!r}")
    return section.sub("".join(_headings()), text)


def _headings() -> Iterator[str]:
    # The names of a stack are in the metrics, not in what is read here.
    for objective in objectives(stack="", api_name="", api_stage=""):
        for pace in PACES:
            alarm = slo_alarm(objective.id, pace.id)
            for window in Window:
                condition = _condition(objective, pace, window)
                yield f"## {slo_alarm(objective.id, pace.id, window)}\n\n"
                yield f"Part of [{alarm}](#{alarm}), sends no notification. {condition}\n\n"


def _condition(objective: ServiceLevelObjective, pace: Pace, window: Window) -> str:
    counted, bad = BAD[objective.id]
    share = f"More than {objective.threshold_percent(pace):g} % of the {counted}"
    if window is Window.LONG:
        return f"{share}, at least {pace.least_bad},\n{bad} in {LONG_WINDOWS[pace.long_seconds]}."
    minutes = "1 minute" if pace.bad_minutes == 1 else f"{pace.bad_minutes} minutes"
    return (
        f"{share}\n{bad} in at least {minutes} of the last {pace.of_minutes}. "
        "This window clears the alarm while the long window still contains the fault."
    )


if __name__ == "__main__":
    DOCUMENT.write_text(with_windows(DOCUMENT.read_text()))
