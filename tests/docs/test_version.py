"""The version has one source, pyproject.toml, and is that of the newest release in the changelog."""

import re
import tomllib

import pytest
import typer
from typer.testing import CliRunner

from localcloud.__main__ import app as localcloud
from ops.__main__ import app as ops
from tests.fakes.checkout import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def newest_release(changelog: str) -> str:
    (version, *_) = re.findall(r"^## (\d+\.\d+\.\d+) - \d{4}-\d\d-\d\d$", changelog, re.MULTILINE)
    return version


def test_version_is_that_of_the_newest_release():
    assert newest_release((ROOT / "CHANGELOG.md").read_text()) == VERSION
    assert newest_release("## Unreleased\n\n## 9.0.0 - 2030-01-31\n\n## 0.1.0 - 2026-11-26\n") == "9.0.0"  # the control


@pytest.mark.parametrize(("name", "app"), {"ops": ops, "localcloud": localcloud}.items())
def test_every_command_line_prints_the_version(name: str, app: typer.Typer):
    ended = CliRunner().invoke(app, ["--version"])
    assert (ended.exit_code, ended.stdout) == (0, f"{name} {VERSION}\n")
