"""What a process holds is written when Lambda ends its environment.

Lambda ends a process without a signal, unless an extension is registered: then it sends SIGTERM, and waits 500 ms. An
internal extension, which is part of the process, cannot register for the event Shutdown, but that it is registered is
enough. It registers for no event, so that no invocation waits for it. The runtime must be Python 3.12 or newer: older
ones wait for the next invocation where no signal reaches them.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-shutdown
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import http.client
import json
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, Final

_API: Final = "/2020-01-01/extension"
# The name of the extension in the lines that Lambda logs about it.
_NAME: Final = "write-held-metrics"


def before_the_end(act: Callable[[], None]) -> bool:
    """In Lambda, call `act` before the process ends; return False if no signal will come.

    Call this once, while the function starts. Elsewhere it does nothing.
    """
    if "AWS_LAMBDA_FUNCTION_NAME" not in os.environ:
        return True

    def end(_signal: int, _frame: Any) -> None:
        act()
        # Nothing else has to be done, and the thread that waits for the next invocation would keep the process.
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    address = os.environ.get("AWS_LAMBDA_RUNTIME_API")
    try:
        # Whatever starts the function without this API, as the embedded cloud does, signals every process.
        return address is None or _register(address)
    except (OSError, http.client.HTTPException):
        return False


def _register(address: str) -> bool:
    # Without a time limit: the answer to the second request never comes, as no event was registered for.
    connection = http.client.HTTPConnection(address)
    headers = {"Lambda-Extension-Name": _NAME, "Content-Type": "application/json"}
    connection.request("POST", f"{_API}/register", json.dumps({"events": []}), headers)
    response = connection.getresponse()
    response.read()
    identifier = response.headers.get("Lambda-Extension-Identifier")
    if response.status != http.client.OK or not identifier:
        return False

    def wait() -> None:
        connection.request("GET", f"{_API}/event/next", headers={"Lambda-Extension-Identifier": identifier})
        connection.getresponse()

    # Lambda begins to invoke the function when the extension waits as well.
    threading.Thread(target=wait, name=_NAME, daemon=True).start()
    return True
