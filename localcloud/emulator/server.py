"""The emulator's process, which serves ministack on an open socket and leaves nothing behind."""

import contextlib
import gc
import os
import signal
import socket
import sys
import threading
from pathlib import Path

from localcloud import lifetime
from localcloud.signals import STOPPING_SIGNALS

KEEP_ALIVE_SECONDS = 75
REMOVE = 'trap "" HUP INT TERM; rm -rf -- "$0"; kill -KILL 0'
"""Ignores signals, also those that wait; removes a directory; then ends the process group."""


def _serve(listener: int, directory: Path, options: list[str]) -> None:
    """Serve the emulator on an open socket until standard input ends or a signal arrives."""
    # The variable is for the workers only: the emulator's own modules would be compiled again at each start.
    sys.dont_write_bytecode = False
    cleaning = threading.Lock()

    def end(*_: object) -> None:
        if cleaning.acquire(blocking=False):
            # The next program inherits what is blocked: no signal ends it before it ignores them.
            signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING_SIGNALS)
            # The workers, which would write into the directory while it is removed; they are in this process group.
            os.killpg(0, signal.SIGTERM)
            # Threads here would write into it too. They end when another program takes this process's place.
            os.execv("/bin/sh", ["sh", "-c", REMOVE, str(directory)])  # noqa: S606 - a shell, with nothing quoted

    # A handler, because workers would inherit SIG_IGN and survive SIGTERM.
    for number in STOPPING_SIGNALS:
        signal.signal(number, end)
    # Its limit of time ends with the process that it replaces: a removal that hangs would stay.
    lifetime.watch_parent(end)

    # Imports make no garbage, and a search for it among them takes a fifth of the start's processor time.
    gc.disable()

    # Imported here, because importing ministack reads the environment and starts its services.
    import uvicorn
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

    from localcloud.emulator.observed import make_observed_app, observatory_for

    # The emulator's own, which Powertools in a function would obey too.
    os.environ.pop("LOG_LEVEL", None)
    observatory, without = observatory_for(options)
    app = make_observed_app(observatory, without=without)
    # What was imported stays until the end, so no search looks at it again.
    gc.freeze()
    gc.enable()

    class Protocol(HttpToolsProtocol):
        def send_400_response(self, msg: str) -> None:
            """Answer what is no HTTP without a body: `msg` would say which server this is."""
            super().send_400_response("")

    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        loop="asyncio",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        log_config=None,
        log_level="error",
        access_log=False,
        # ministack adds a Date where AWS has one; AWS's servers do not name themselves.
        date_header=False,
        server_header=False,
    )
    uvicorn_server = uvicorn.Server(config)
    # The signals have handlers already.
    uvicorn_server.capture_signals = contextlib.nullcontext  # pyrefly: ignore[bad-assignment]
    uvicorn_server.run([socket.socket(fileno=listener)])


if __name__ == "__main__":
    _serve(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
