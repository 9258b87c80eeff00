"""Environment variables as Lambda sets them for a function, with nothing of this machine's."""

import os
from pathlib import Path

import pytest

LAMBDA_VARIABLES = {
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "first",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
}
# With a variable that only botocore understands, requests are learned from botocore.
LEARNED = {"AWS_METADATA_SERVICE_NUM_ATTEMPTS": "1"}
_OTHERS = ("AWS_", "BOTO", "REQUESTS_")


def set_lambda_variables(monkeypatch: pytest.MonkeyPatch, home: Path, **others: str) -> None:
    """Set them, and `others`; no file of configuration is found."""
    for name in list(os.environ):
        if name.upper().startswith(_OTHERS) or name.upper().endswith("_PROXY"):
            monkeypatch.delenv(name)
    for name, value in {**LAMBDA_VARIABLES, "HOME": str(home), **others}.items():
        monkeypatch.setenv(name, value)
