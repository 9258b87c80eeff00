"""Signals that stop a command, as an exception, so that each command ends what it started."""

import os
import signal
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AGAIN_SECONDS = 0.05


class Stopped(BaseException):
    """A signal arrived. Not an Exception, so that no code handles it as a failure of its own."""

    def __init__(self, number: int) -> None:
        self.number = number


def raise_stopped() -> None:
    """From now on the first signal that stops a process raises Stopped, and those after it are ignored.

    A second Ctrl-C must not interrupt the cleanup.
    """
    for number in STOPPING_SIGNALS:
        # nohup ignores SIGHUP, and that stays so. A shell's `&` ignores SIGINT, but Ctrl-C must work.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _raise_again


def find_temporary_folder() -> None:
    """Let `tempfile` choose its folder, with signals held back meanwhile.

    It does so once, with a file that a signal would leave there: between making it and removing it, nothing handles an
    exception. Raises FileNotFoundError if files can be made in no folder.
    """
    held_back = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING_SIGNALS)
    try:
        tempfile.gettempdir()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)


def _stop(number: int, _: object) -> NoReturn:
    for stopping_signal in STOPPING_SIGNALS:
        signal.signal(stopping_signal, signal.SIG_IGN)
    raise Stopped(number)


def _raise_again(lost: "UnraisableHookArgs") -> None:
    """Send the signal again: Python drops what a finalizer raises, as that of an HTTP client's connections."""
    if not isinstance(lost.exc_value, Stopped):
        sys.__unraisablehook__(lost)
        return
    number = lost.exc_value.number
    threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number)).start()
    signal.signal(number, _stop)
