"""Signals that stop a command, as an exception, so that each command can keep what would be lost."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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

    for number in handled:
        signal.signal(number, stop)
    try:
        yield
    finally:
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
