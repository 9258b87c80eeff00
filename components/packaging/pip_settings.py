"""The caller's settings of pip say where packages come from, and have no other effect on what is installed.

An environment and the layer of the functions follow from their lock files alone. pip takes settings from PIP_*
variables and from its configuration files. With many of them (`target`, `root`, `user`, `dry-run`, `platform`) it
installs something else, somewhere else, or nothing, and ends with exit code 0. So settings are passed on by name,
not removed by name: a setting that a later pip adds has no effect until it is listed here.

Standard library only, and in syntax that old Pythons read: `tools/install.py` imports it before anything is installed.
"""

from __future__ import annotations

import configparser
import os
import sys
from collections.abc import Mapping
from pathlib import Path

PASSED_ON = frozenset(
    {
        *("index-url", "pypi-url", "extra-index-url", "no-index", "find-links", "trusted-host"),
        *("proxy", "cert", "client-cert", "keyring-provider", "use-feature", "use-deprecated"),
        *("timeout", "default-timeout", "retries", "resume-retries", "cache-dir", "no-cache-dir"),
    }
)
"""Long options of pip; the two `use-` options choose, among others, which store of certificates pip reads."""


class PipSettingsError(Exception):
    """One sentence that says which configuration file of pip cannot be read."""


def pip_environment(prefix: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to run `python -m pip` with, where `prefix` is the `sys.prefix` of that Python.

    Variables of Python go too: PYTHONPATH, for one, makes pip take a package for installed that is not.
    """
    settings = {**_configured(prefix, environ), **_normalized(_variables(environ))}
    cleaned = {name: value for name, value in environ.items() if not name.startswith(("PIP_", "PYTHON", "_PYTHON_"))}
    for name, value in settings.items():
        if name in PASSED_ON:
            cleaned["PIP_" + name.upper().replace("-", "_")] = value
    cleaned["PIP_CONFIG_FILE"] = os.devnull
    return cleaned


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {name[len("PIP_") :]: value for name, value in environ.items() if name.startswith("PIP_")}


def _normalized(settings: Mapping[str, str]) -> dict[str, str]:
    """The settings that have a value, by the name of the option."""
    return {name.lower().replace("_", "-").lstrip("-"): value for name, value in settings.items() if value}


def _configured(prefix: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """What pip's configuration files say for `pip install`; in pip's order, in which later files override."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for file in _configuration_files(prefix, environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file)
        except (OSError, UnicodeDecodeError, configparser.Error) as error:
            reason = str(error).splitlines()[0].rstrip(".")
            raise PipSettingsError(f"The pip configuration {file} cannot be read: {reason}.") from None
        for name, settings in sections.items():
            if parser.has_section(name):
                settings.update(_normalized(dict(parser.items(name))))
    return {**sections["global"], **sections["install"]}


def _configuration_files(prefix: Path, environ: Mapping[str, str]) -> list[Path]:
    """Where pip looks for its configuration (https://pip.pypa.io/en/stable/topics/configuration/)."""
    named = environ.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(environ.get("HOME") or Path.home())
    if sys.platform == "darwin":
        machine = [Path("/Library/Application Support/pip")]
        support = home / "Library/Application Support/pip"
        user = support if support.is_dir() else home / ".config/pip"
    else:
        shared = environ.get("XDG_CONFIG_DIRS") or "/etc/xdg"
        machine = [*(Path(folder, "pip") for folder in shared.split(os.pathsep)), Path("/etc")]
        user = Path(environ.get("XDG_CONFIG_HOME") or home / ".config", "pip")
    folders = machine if named and Path(named).exists() else [*machine, home / ".pip", user]
    return [*(folder / "pip.conf" for folder in [*folders, prefix]), *([Path(named)] if named else [])]
