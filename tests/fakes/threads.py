"""Which threads are at work. One that a test leaves at work would write into the table of the next test."""

import concurrent.futures.thread
import sys
import threading
from collections.abc import Collection


def at_work(besides: Collection[threading.Thread]) -> list[str]:
    """Return the names of the living threads but for `besides`; a worker that waits for something to do is idle."""
    frames = sys._current_frames()
    others = [thread for thread in threading.enumerate() if thread not in besides]
    return [thread.name for thread in others if thread.ident in frames and not _is_idle(frames[thread.ident])]


def _is_idle(frame: object) -> bool:
    # A worker of an executor that nobody has shut down; it is in C there, so this is the innermost frame.
    return getattr(frame, "f_code", None) is concurrent.futures.thread._worker.__code__
