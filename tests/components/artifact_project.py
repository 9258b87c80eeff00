"""A project small enough to build in a second, with its own packages beside it: no package index takes part."""

import base64
import hashlib
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from components.packaging.artifact import Target

RUNNING = Target.host().python_version
FOR_ARM = Target(RUNNING, "manylinux2014_aarch64")
"""What Lambda would be sent if it ran the Python of these tests: so they need no second interpreter."""

HANDLERS = {
    "handlers/__init__.py": '"""Functions."""\n',
    "handlers/query.py": "from tiny import answer\n\n\ndef handler(event, context):\n    return answer(event)\n",
}
LIBRARY = {
    "tiny/__init__.py": 'GREETINGS = {"hello", "hej", "hallo"}\n\n\ndef answer(event):\n    return {"tiny": event}\n',
    "tiny/data.json": '{"used": true}\n',
    "tiny/tests/test_tiny.py": "assert True\n",
    "tiny/stub.pyi": "answer: object\n",
    "botocore/__init__.py": "",
    "botocore/data/endpoints.json": "{}\n",
    "botocore/data/dynamodb/2012-08-10/service-2.json": '{"operations": {}, "shapes": {}}\n',
    "botocore/data/dynamodb/2012-08-10/examples-1.json": "{}\n",
    "botocore/data/ec2/2016-11-15/service-2.json": "{}\n",
}


def offline_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip read no configuration: the lock of a small project says where its packages are."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


# Each has an effect on an installation that passes it on, which the controls show.
SETTINGS = {"target": "elsewhere", "prefix": "elsewhere", "root": "elsewhere", "user": "1"}
SETTINGS |= {"dry-run": "1", "platform": "win_amd64", "abi": "none"}
# All of a source at once: a build starts pip twice, and none of them may have an effect.
SOURCES_OF_SETTINGS = [("variables", tuple(SETTINGS)), ("install", ("target", "root", "user"))]


def quick_and_soak(settings: Iterable[str], *quick: str) -> list[Any]:
    """Return settings as the parameters of a test that tries these in every run, and the others in `make soak`."""
    return [name if name in quick else pytest.param(name, marks=pytest.mark.soak) for name in settings]


def pip_variable(setting: str) -> str:
    """Return the variable of the environment that makes a setting of pip."""
    return "PIP_" + setting.upper().replace("-", "_")


def pip_settings(source: str, folder: Path, settings: dict[str, str]) -> dict[str, str]:
    """Return an environment that makes these settings, in variables or in a section of a configuration file."""
    if source == "variables":
        return {"PIP_CONFIG_FILE": os.devnull} | {pip_variable(name): value for name, value in settings.items()}
    file = folder / "pip.conf"
    lines = [f"{name} =\n    {value}" for name, value in settings.items()]
    file.write_text("\n".join([f"[{source}]", *lines, ""]))
    return {"PIP_CONFIG_FILE": str(file)}


def set_pip(source: str, settings: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make these settings, and the one that says that the wheels of `folder` are the packages."""
    settings = settings | {"find-links": str((folder / "wheels").absolute())}
    for name, value in pip_settings(source, folder, settings).items():
        monkeypatch.setenv(name, value)


def make_project(folder: Path, *, library_version: str = "1.0") -> Path:
    """Write handlers, two wheels (one native for arm64) and a lock that demands both by hash."""
    for name, content in HANDLERS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    tag = f"cp{RUNNING.replace('.', '')}"
    relock(
        folder,
        make_wheel(folder, "tiny", library_version, "py3-none-any", LIBRARY),
        make_wheel(folder, "native", "1.0", f"{tag}-{tag}-manylinux2014_aarch64", {"native.so": "machine code\n"}),
    )
    return folder


def make_wheel(folder: Path, name: str, version: str, tag: str, files: dict[str, str]) -> Path:
    """Write a wheel whose bytes do not depend on when it is written."""
    records = f"{name}-{version}.dist-info"
    contents = files | {
        f"{records}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{records}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{records}/LICENSE": "MIT\n",
        f"{records}/entry_points.txt": "",
    }
    rows = [f"{path},{_record_hash(content)},{len(content)}" for path, content in contents.items()]
    contents[f"{records}/RECORD"] = "\n".join([*rows, f"{records}/RECORD,,", ""])
    wheel = folder / "wheels" / f"{name}-{version}-{tag}.whl"
    wheel.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, content in contents.items():
            archive.writestr(zipfile.ZipInfo(path), content)
    return wheel


def relock(folder: Path, *wheels: Path) -> None:
    """Make these wheels the locked packages of the project."""
    lines = ["--no-index", "--find-links ../wheels"]
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}")
    (folder / "handlers/requirements.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")


def unpack_locked(lock: Path, into: Path, *, platform: str | None, python_version: str) -> None:
    """Do what pip does with these wheels in a fraction of the time, for tests of what happens around it."""
    for requirement in lock.read_text(encoding="utf-8").splitlines()[2:]:
        name, version = requirement.split(" ")[0].split("==")
        (wheel,) = lock.parent.parent.glob(f"wheels/{name}-{version}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(into)


def _record_hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
