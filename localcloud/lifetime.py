"""No process started here outlives the one that started it, however that one ends.

The parent holds the only write end of a pipe; the child watches the read end, which is its standard input. When the
parent stops the child, or is killed, the pipe closes, and the child kills its whole process group.
"""

from __future__ import annotations  # read by tools/install.py on Pythons too old for the rest, so that it can say so

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

PARENT_VARIABLE = "LOCALCLOUD_PARENT"
ORPHAN_POLL_SECONDS = 0.2


def spawn(command: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
    """Start `command`, which must call `watch_parent` first thing, in a session and process group of its own.

    Ctrl-C and a closed terminal then reach the parent alone, which stops the child.
    """
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, **options)


def stop(child: subprocess.Popen[Any], *, seconds: float) -> None:
    """End a spawned child and its whole group: ask by closing the pipe, kill after `seconds`. May be called twice."""
    if child.stdin is None or child.stdin.closed:
        return
    child.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
    # Whatever is left of the group; nothing is (macOS calls that a permission error) if the child ended in order.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def watch_parent(cleanup: Callable[[], object] | None = None, *, cleanup_seconds: float = 5) -> None:
    """Have this process and its group killed once the parent is gone, after `cleanup` or `cleanup_seconds`.

    Takes over the standard input: children of this process get an empty one instead, and cannot keep the pipe open.
    """
    if os.getpgrp() != os.getpid():
        raise RuntimeError("watch_parent kills its whole process group: call it only in a child made by `spawn`.")
    pipe = os.dup(0)
    with open(os.devnull) as nothing:  # noqa: PTH123 (a device, not a path)
        os.dup2(nothing.fileno(), 0)

    def watch() -> None:
        # The parent never writes; whatever arrives before the end is ignored.
        while os.read(pipe, 1024):
            pass
        if cleanup is not None:
            # In a thread, so that a cleanup that hangs cannot keep the group alive.
            thread = threading.Thread(target=cleanup, daemon=True)
            thread.start()
            thread.join(cleanup_seconds)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def stop_when_orphaned() -> None:
    """Send this process SIGTERM once its parent is gone or going: for what `make` started, not `spawn`.

    LOCALCLOUD_PARENT names that parent, for it may be gone before this process can ask who it was.
    """
    parent = int(os.environ.get(PARENT_VARIABLE) or os.getppid())

    def watch() -> None:
        # There is no portable way to wait for a process that is not one's child.
        while os.getppid() == parent and not _has_been_interrupted(parent):
            time.sleep(ORPHAN_POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="stop-when-orphaned", daemon=True).start()


def _has_been_interrupted(make: int) -> bool:
    """Whether GNU make was sent SIGINT or SIGHUP alone, and not with its children, as a terminal sends it.

    It then restores the signal's default action and waits for its children, whom it takes for informed. Linux tells
    which signals a process catches; elsewhere make waits until the demo is over. What make was started to ignore, by
    nohup or in the background of a script, it never catches.
    """
    try:
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{make}/status").read_text().splitlines())
    except OSError:
        return False
    handled = int(fields["SigCgt"], 16) | int(fields["SigIgn"], 16)
    return fields["Name"].strip() == "make" and any(
        not handled & 1 << number - 1 for number in (signal.SIGINT, signal.SIGHUP)
    )
