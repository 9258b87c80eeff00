"""Signals that stop a command, as an exception, so that each command can keep what would be lost."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.05


class Stopped(BaseException):
    """A signal arrived. Not an Exception, so that no code handles it as a failure of its own."""

    def __init__(self, number: int) -> None:
        self.number = number


class _Holding:
    is_active = False
    stopped_by = 0
    """The signal that arrived meanwhile; 0 for none."""


@contextmanager
def stopping_signals() -> Iterator[None]:
    """Within this, the first signal that stops a process raises Stopped, and those after it are ignored.

    A terminal that closes sends SIGHUP twice, and the second must not interrupt what the first made necessary. A signal
    that the command was started to ignore, by nohup or in the background of a script, stays ignored.
    """
    previous = {number: signal.getsignal(number) for number in STOPPING_SIGNALS}
    handled = [number for number, handler in previous.items() if handler != signal.SIG_IGN]
    has_stopped = False

    def stop(number: int, _: object) -> None:
        nonlocal has_stopped
        has_stopped = True
        for handled_signal in handled:
            signal.signal(handled_signal, signal.SIG_IGN)
        if not _Holding.is_active:
            raise Stopped(number)
        _Holding.stopped_by = number

    def raise_again(lost: "UnraisableHookArgs") -> None:
        """Send the signal again: Python drops what a finalizer raises, as that of an HTTP client's connections."""
        if not isinstance(lost.exc_value, Stopped):
            other_hook(lost)
            return
        number = lost.exc_value.number
        threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number)).start()
        signal.signal(number, stop)

    other_hook, sys.unraisablehook = sys.unraisablehook, raise_again
    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
        sys.unraisablehook = other_hook
        if not has_stopped:
            for number in handled:
                signal.signal(number, previous[number])


@contextmanager
def hold_signals() -> Iterator[None]:
    """Within this, which must not wait for anything, no signal raises Stopped; the end of it does."""
    _Holding.is_active = True
    try:
        yield
    finally:
        _Holding.is_active = False
        if number := _Holding.stopped_by:
            _Holding.stopped_by = 0
            raise Stopped(number)
