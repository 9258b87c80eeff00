"""The version has one source, pyproject.toml. tests/tools/test_changelog.py compares it with the changelog."""

from pathlib import Path
from types import ModuleType

import pytest
import yaml
from typer.testing import CliRunner

import localcloud.command_line
import ops.command_line
from tests.fakes.checkout import ROOT
from tools.release import project_version

COMMANDS = {"ops": ops.command_line, "localcloud": localcloud.command_line}


def shown(module: ModuleType) -> str:
    ended = CliRunner().invoke(module.app, ["--version"])
    assert ended.exit_code == 0
    return ended.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_line_prints_the_version(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert shown(COMMANDS[name]) == f"{name} {project_version()}\n"
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "9.8.7"\n')
    monkeypatch.setattr(COMMANDS[name], "PROJECT", tmp_path)
    assert shown(COMMANDS[name]) == f"{name} 9.8.7\n"


def test_version_of_the_api_is_that_of_its_contract():
    # It is part of every address, so it changes when clients must change, not with a release.
    document = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())
    assert [server["url"].rsplit("/", 1)[1] for server in document["servers"]] == [f"v{document['info']['version']}"]
