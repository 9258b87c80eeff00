"""The X-Ray daemon's UDP protocol: a header line, then one segment document."""

import json
import socket
import threading

from localcloud.observatory.traces.store import TraceStore

HEADER = {"format": "json", "version": 1}
DATAGRAM_MAX = 65_535
KERNEL_BYTES = 1024 * 1024
"""What waits while this process is busy; a function that sends more loses it, as on AWS."""


def receive(store: TraceStore, datagram: bytes) -> None:
    """Keep the document of a datagram, or count it as rejected."""
    header, _, document = datagram.partition(b"\n")
    try:
        is_known = json.loads(header) == HEADER
    except (ValueError, RecursionError):
        is_known = False
    if is_known and document:
        store.receive(document)
    else:
        store.reject()


def bind(port: int) -> socket.socket:
    """Return a socket of 127.0.0.1 at the port, as the daemon serves UDP and TCP at one; if it is taken, at any."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BYTES)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.bind(("127.0.0.1", 0))
    return listener


def listen(store: TraceStore, port: int) -> str:
    """Listen for as long as the process lives; return the address."""
    listener = bind(port)
    threading.Thread(target=_serve, args=(store, listener), name="xray-daemon", daemon=True).start()
    return f"127.0.0.1:{listener.getsockname()[1]}"


def _serve(store: TraceStore, listener: socket.socket) -> None:
    while True:
        receive(store, listener.recv(DATAGRAM_MAX))
