import os

import pytest


@pytest.fixture
def no_package_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip read no configuration: the lock of a small project says where its packages are."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
