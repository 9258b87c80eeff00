"""Waiting for what a test has set in motion. A slow machine makes a test slow, and never makes it fail."""

import time
from collections.abc import Callable
from typing import TypeVar

HANG_SECONDS = 120
"""Ends a test that would otherwise hang for ever. No assertion measures time against it."""
T = TypeVar("T")


def eventually(observe: Callable[[], T], expected: Callable[[T], object] = bool) -> T:
    """What was observed as soon as it is as expected; the last observation fails the test when it never is."""
    deadline = time.monotonic() + HANG_SECONDS
    while not expected(seen := observe()):
        assert time.monotonic() < deadline, f"still not so after {HANG_SECONDS} s: {seen}"
        time.sleep(0.05)
    return seen
