"""Waiting for an expected state. A slow machine makes a test slow, but never makes it fail."""

import time
from collections.abc import Callable
from typing import TypeVar

HANG_SECONDS = 120
"""The limit that ends a hanging test. No assertion depends on its value."""
T = TypeVar("T")


def eventually(observe: Callable[[], T], expected: Callable[[T], object] = bool) -> T:
    """Return the first observation that is as expected; fail with the last observation after HANG_SECONDS."""
    deadline = time.monotonic() + HANG_SECONDS
    while not expected(seen := observe()):
        assert time.monotonic() < deadline, f"still not so after {HANG_SECONDS} s: {seen}"
        time.sleep(0.05)
    return seen
