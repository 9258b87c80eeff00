"""A rule with a rate runs once in each of its periods of the cloud's clock, whenever the emulator looks."""

import json
import subprocess
import sys
from typing import Any

import pytest

# In a process of its own, because importing ministack changes the process it is imported into.
PROGRAM = """
import json, sys
from ministack.services import eventbridge
from localcloud.emulator import time_seams
from localcloud.observatory.clock import RealClock, SteppedClock
from localcloud.observatory.observatory import Observatory

START = 1_767_225_600
clock = RealClock() if sys.argv[1] == "real" else SteppedClock(START)
if sys.argv[1] != "unplugged":
    time_seams.follow_schedules(Observatory(clock))
runs = []
eventbridge._invoke_target = lambda target, event, rule, view: runs.append(rule["Name"])
eventbridge._ensure_default_bus()
for name, rate in (("minutely", "rate(1 minute)"), ("hourly", "rate(1 hour)")):
    target = {"Id": "a", "Arn": "arn:aws:lambda:us-east-1:000000000000:function:f"}
    assert eventbridge._put_rule({"Name": name, "ScheduleExpression": rate})[0] == 200
    assert eventbridge._put_targets({"Rule": name, "Targets": [target]})[0] == 200

found = []
def look(advanced):
    if isinstance(clock, SteppedClock):
        clock.advance(advanced)
    before = len(runs)
    for _ in range(3):
        eventbridge._tick_scheduled_rules()
    found.append(runs[before:])

for advanced in (0, 60, 74, 50, 60, 3_600):
    look(advanced)
print(json.dumps({"runs": found, "seconds between looks": eventbridge._SCHEDULER_TICK_INTERVAL}))
"""


def looks(kind: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, kind], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_rule_runs_once_in_each_period_and_a_late_look_does_not_put_off_the_next_run():
    # The third look is 14 seconds late: had the period begun then, the fourth, 50 seconds later, would be early.
    assert looks("stepped") == {
        "runs": [[], ["minutely"], ["minutely"], ["minutely"], ["minutely"], ["minutely", "hourly"]],
        "seconds between looks": 0.1,
    }


@pytest.mark.parametrize("kind", ["unplugged", "real"])
def test_control_rule_follows_the_clock_of_the_machine(kind: str):
    """Without the seam; and in a cloud whose time is that of the machine, where nothing changes."""
    assert looks(kind) == {"runs": [[]] * 6, "seconds between looks": 10}
