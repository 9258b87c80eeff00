"""Child processes that never outlive their parent, however the parent ends.

The parent holds the only write end of a pipe. The child monitors the read end, which is its standard input. When the
parent stops the child or is killed, the pipe closes, and the child kills its whole process group.
"""

from __future__ import annotations  # tools/install.py imports this also on a Python that is too old, to report it

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
    """Start `command` in a session and process group of its own; it must call `watch_parent` first.

    Ctrl-C and a closed terminal then reach only the parent, which stops the child.
    """
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, **options)


def stop(child: subprocess.Popen[Any], *, seconds: float) -> None:
    """Stop a spawned child by closing the pipe, and kill its group after `seconds`. May be called twice."""
    if child.stdin is None or child.stdin.closed:
        return
    child.stdin.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(seconds)
    # If the child ended in order, its group is empty, which macOS reports as a permission error.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def watch_parent(cleanup: Callable[[], object] | None = None, *, cleanup_seconds: float = 5) -> None:
    """Kill this process and its group when the parent ends, after `cleanup` or `cleanup_seconds`.

    Replaces standard input by an empty one, so that children of this process cannot keep the pipe open.
    """
    if os.getpgrp() != os.getpid():
        raise RuntimeError("watch_parent kills its whole process group: call it only in a child made by `spawn`.")
    pipe = os.dup(0)
    with open(os.devnull) as nothing:  # noqa: PTH123 (a device, not a path)
        os.dup2(nothing.fileno(), 0)

    def watch() -> None:
        # The parent never writes; input before the end is ignored.
        while os.read(pipe, 1024):
            pass
        if cleanup is not None:
            # In a thread, so that a hanging cleanup cannot keep the group alive.
            thread = threading.Thread(target=cleanup, daemon=True)
            thread.start()
            thread.join(cleanup_seconds)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="watch-parent", daemon=True).start()


def stop_when_orphaned() -> None:
    """Send this process SIGTERM when its parent ends or is interrupted; for a child of `make`, not of `spawn`.

    LOCALCLOUD_PARENT names the parent, which may have ended before this process can find out.
    """
    parent = int(os.environ.get(PARENT_VARIABLE) or os.getppid())

    def watch() -> None:
        # There is no portable way to wait for a process that is not a child.
        while os.getppid() == parent and not _has_been_interrupted(parent):
            time.sleep(ORPHAN_POLL_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="stop-when-orphaned", daemon=True).start()


def _has_been_interrupted(make: int) -> bool:
    """Whether GNU make received SIGINT or SIGHUP without its children, which a terminal would have included.

    make then restores the signal's default action and waits for its children, assuming that they received it too. Linux
    shows which signals a process catches; elsewhere make waits until the demo ends. A signal that make was started to
    ignore, by nohup or in the background of a script, is never caught.
    """
    try:
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{make}/status").read_text().splitlines())
    except OSError:
        return False
    handled = int(fields["SigCgt"], 16) | int(fields["SigIgn"], 16)
    return fields["Name"].strip() == "make" and any(
        not handled & 1 << number - 1 for number in (signal.SIGINT, signal.SIGHUP)
    )
