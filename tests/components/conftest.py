import pytest

from tests.components.artifact_project import offline_pip


@pytest.fixture
def no_package_index(monkeypatch: pytest.MonkeyPatch) -> None:
    offline_pip(monkeypatch)
