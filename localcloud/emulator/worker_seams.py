"""Lets a process of a function start without botocore, as on AWS, unless its code imports it.

ministack imports it in each of them, half of a start, to count how deeply functions invoke each other.
"""

from ministack.core import lambda_runtime

from localcloud.emulator.seams import SeamChangedError

_AT_ONCE = "\n    _ms_install_invoke_depth()\n"
# Every client is made by a session, so what counts is in place before. A function without wrapt starts as ministack
# starts it.
_WHEN_IMPORTED = """
    try:
        from wrapt import register_post_import_hook
    except ImportError:
        _ms_install_invoke_depth()
    else:
        register_post_import_hook(lambda _: _ms_install_invoke_depth(), "botocore.session")
"""


def import_botocore_when_used() -> None:
    """Let functions import botocore themselves."""
    script = getattr(lambda_runtime, "_PYTHON_WORKER_SCRIPT", "")
    if script.count(_AT_ONCE) != 1:
        raise SeamChangedError(f"{lambda_runtime.__name__} starts functions otherwise. Install the pinned ministack")
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_AT_ONCE, _WHEN_IMPORTED)
