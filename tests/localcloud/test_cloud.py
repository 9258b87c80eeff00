"""The outputs file is private, complete, and kept if another cloud wrote it; test_up.py shows that it is removed."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.cloud import LocalCloud
from localcloud.deployer.engine import Deployment


@pytest.fixture
def cloud() -> LocalCloud:
    """A cloud without an emulator."""
    credentials = {"access_key_id": "id", "secret_access_key": "secret"}
    place = {"endpoint": "http://127.0.0.1:1", "region": "eu-west-1", "directory": Path("/nowhere")}
    emulator: Any = SimpleNamespace(**credentials, **place, __exit__=lambda *_: None)
    return LocalCloud(emulator, Deployment([], {"a": 1}, set()))


def test_outputs_file_is_private_and_replaced_atomically(cloud: LocalCloud, tmp_path: Path):
    path = tmp_path / "deeper" / "outputs.json"
    path.parent.mkdir()
    path.write_text("of an earlier run")
    path.chmod(0o644)
    with path.open() as earlier:
        cloud.write_outputs(path)
        assert earlier.read() == "of an earlier run", "a reader never sees half a file"
    assert json.loads(path.read_text()) == cloud.outputs
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_failed_write_leaves_the_old_file(cloud: LocalCloud, tmp_path: Path):
    path = tmp_path / "outputs.json"
    path.write_text("of an earlier run")
    cloud.outputs["unwritable"] = object()
    with pytest.raises(TypeError):
        cloud.write_outputs(path)
    assert path.read_text() == "of an earlier run"
    assert list(tmp_path.iterdir()) == [path]


def test_file_of_another_cloud_is_kept(cloud: LocalCloud, tmp_path: Path):
    path, other = tmp_path / "outputs.json", tmp_path / "other.json"
    with cloud:
        cloud.write_outputs(path)
        other.write_text("of another run")
        other.replace(path)
    assert path.read_text() == "of another run"
