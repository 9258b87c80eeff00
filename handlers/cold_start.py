"""A function starts without collecting garbage, and is fully wired before Lambda sends it the first event.

Everything a start creates stays until the process ends, so garbage collection would walk through it a hundred times and
free nothing. Importing this module turns the collector off; `complete` turns it on again. Both do so in Lambda only.
"""

import gc
import os
from collections.abc import Callable


def _in_lambda() -> bool:
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def complete(wire: Callable[[], object]) -> None:
    """In Lambda, call `wire` now, keep what exists out of every later collection, and turn the collector on.

    Outside Lambda do nothing: importing an entry point must not need an environment, nor call AWS.
    """
    if _in_lambda():
        wire()
        gc.freeze()
        gc.enable()


if _in_lambda():
    gc.disable()
