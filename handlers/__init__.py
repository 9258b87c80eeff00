"""The code of both functions: login events into one record per user, and the one question asked of it."""

import gc
import os

# What a start makes is there to stay: a hundred collections would look through it for nothing. This module is the
# first that is imported; `started` is called when all is made.
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    gc.disable()


def started() -> None:
    """Collect garbage from here on, and never look again at what there is already."""
    gc.freeze()
    gc.enable()
