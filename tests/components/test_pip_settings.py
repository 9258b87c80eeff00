"""Settings of pip that say where packages come from are passed on, as pip would read them, and no others."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.packaging.pip_settings import PASSED_ON, PipSettingsError, pip_environment
from tests.components.artifact_project import pip_settings, pip_variable

NO_PREFIX = Path("/no/such/prefix")
WHERE_WHAT_OR_FOR_WHOM = (
    *("target", "prefix", "root", "user", "dry-run", "platform", "abi", "implementation", "python-version", "python"),
    *("requirement", "constraint", "no-deps", "only-binary", "no-binary", "prefer-binary", "pre", "editable", "src"),
    *("ignore-installed", "upgrade", "force-reinstall", "no-compile", "report", "quiet", "log", "require-virtualenv"),
    *("require-hashes", "no-build-isolation", "config-settings", "a-setting-of-a-later-pip"),
)


SOURCES = ("variables", "global", "install")


@pytest.mark.parametrize("source", SOURCES)
def test_no_other_setting_is_passed_on(source: str, tmp_path: Path):
    nothing = pip_environment(
        NO_PREFIX, pip_settings(source, tmp_path, {}) | {"HOME": "/home"}
    )  # but what the machine sets
    environ = pip_settings(source, tmp_path, dict.fromkeys(WHERE_WHAT_OR_FOR_WHOM, "1")) | {"HOME": "/home"}
    assert pip_environment(NO_PREFIX, environ) == nothing
    assert nothing.keys() <= {"HOME", "PIP_CONFIG_FILE"} | {pip_variable(name) for name in PASSED_ON}


@pytest.mark.parametrize("source", SOURCES)
def test_each_setting_that_says_where_packages_come_from_is_passed_on(source: str, tmp_path: Path):
    expected = {pip_variable(name): "its value" for name in PASSED_ON}
    passed_on = pip_environment(NO_PREFIX, pip_settings(source, tmp_path, dict.fromkeys(PASSED_ON, "its value")))
    assert {name: value.strip() for name, value in passed_on.items()} == expected | {"PIP_CONFIG_FILE": os.devnull}


def test_variables_of_python_do_not_reach_pip():
    environ = dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "_PYTHON_HOST_PLATFORM", "PATH"), "somewhere")
    assert pip_environment(NO_PREFIX, environ | {"PIP_CONFIG_FILE": os.devnull}).keys() == {"PATH", "PIP_CONFIG_FILE"}


# Starting pip takes half a second, so one process reads the settings in a fork for each environment.
PIPS_OWN_READING = """
import json, os, sys
from pip._internal.commands import create_command
for environ in json.loads(sys.argv[1]):
    if not os.fork():
        os.environ.clear()
        os.environ.update(environ)
        print(create_command("install").parser.get_default_values().index_url, flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the folders are those of Linux")
def test_sources_override_each_other_as_in_pip(tmp_path: Path):
    """Asks pip what it makes of the first of its sources, then of the first two, each with another value."""
    files = ("xdg/pip/pip.conf", "home/.pip/pip.conf", "home/.config/pip/pip.conf", "named.conf")
    sources = (*files, "install", "variable")
    environs: list[dict[str, str]] = []
    for number, source in enumerate(sources, start=1):
        folder = tmp_path / source.replace("/", "-")
        (folder / "home").mkdir(parents=True)
        for name in files[:number]:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(f"[global]\nindex-url = https://{name}\n")
        if "install" in sources[:number]:
            with (folder / "named.conf").open("a") as file:
                file.write("[install]\nINDEX_URL = https://install\n")
        environ = {"HOME": str(folder / "home"), "XDG_CONFIG_DIRS": str(folder / "xdg")}
        environ["PIP_CONFIG_FILE"] = str(folder / "named.conf")
        environ["PIP_INDEX_URL"] = "https://variable" if source == "variable" else ""
        environs.append(environ)
    asked = [sys.executable, "-c", PIPS_OWN_READING, json.dumps(environs)]
    answers = subprocess.run(asked, env={}, capture_output=True, text=True, check=True).stdout.split()
    assert answers == [f"https://{source}" for source in sources]
    assert [pip_environment(Path(sys.prefix), environ)["PIP_INDEX_URL"] for environ in environs] == answers


def test_a_configuration_that_pip_could_not_read_is_named(tmp_path: Path):
    file = tmp_path / "pip.conf"
    file.write_text("index-url = https://nowhere\n")
    with pytest.raises(PipSettingsError, match=rf"^The pip configuration {file} cannot be read: .+\.$"):
        pip_environment(NO_PREFIX, {"PIP_CONFIG_FILE": str(file)})
