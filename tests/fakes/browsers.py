"""Whether a browser can be driven here."""

import importlib.util

from localcloud.boards import browser


def missing() -> str | None:
    """What is missing for the tests in a browser; None if nothing is."""
    if importlib.util.find_spec("playwright") is None:
        return "the package playwright is not installed (make install)"
    return None if browser.find() else "no Chromium is on PATH (Debian: apt install chromium-headless-shell)"
