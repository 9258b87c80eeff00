"""The limit of requests refills with the cloud's clock too: a stepped minute lets through as many as a minute."""

import json
import subprocess
import sys

import pytest

# In a process of its own, because importing ministack changes the process it is imported into.
PROGRAM = """
import json, sys
from ministack.services import apigateway_v1
from localcloud.emulator import time_seams
from localcloud.observatory.clock import RealClock, SteppedClock
from localcloud.observatory.observatory import Observatory

clock = RealClock() if sys.argv[1] == "real" else SteppedClock(1_767_225_600)
if sys.argv[1] != "unplugged":
    time_seams.refill_limits(Observatory(clock))
found = []
for seconds in (0, 1_500):
    if isinstance(clock, SteppedClock):
        clock.advance(seconds)
    found.append([apigateway_v1._take_token("a stage", {"rateLimit": 0.001, "burstLimit": 2}) for _ in range(3)])
print(json.dumps(found))
"""


def lets_through(kind: str) -> list[list[bool]]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, kind], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_limit_refills_as_the_clock_of_the_cloud_goes_on():
    assert lets_through("stepped") == [[True, True, False], [True, False, False]]


@pytest.mark.parametrize("kind", ["unplugged", "real"])
def test_control_limit_follows_the_clock_of_the_machine(kind: str):
    """Without the seam; and in a cloud whose time is that of the machine, where nothing changes."""
    assert lets_through(kind) == [[True, True, False], [False, False, False]]
