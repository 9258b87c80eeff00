"""The files of a release. The same commit gives the same bytes on every machine with the same tools.

Nothing is compressed, because the output of compression libraries differs between machines.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.packaging.artifact import LAMBDA_PLATFORM, ArtifactError, Target, build_artifact
from components.settings.stack_settings import PYTHON_VERSIONS
from tools.changelog import ROOT

SUMS = "SHA256SUMS"
LOCKS = {"functions": "handlers/requirements.txt", "program": "requirements.txt"}
"""What each bill of materials lists: what the functions ship, and what `pulumi up` runs."""
CYCLONEDX_VERSION = "1.6"


class ReleaseError(Exception):
    """Sentences that say why there are no files."""


def write_files(version: str, directory: Path, python_versions: Sequence[str] | None = None) -> None:
    """Write the files of the commit that is checked out into a new folder, and then their checksums."""
    changed = _git("status", "--porcelain").decode().strip()
    if changed:
        raise ReleaseError(f"The working tree is not the commit that is released:\n{changed}")
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        raise ReleaseError(f"{directory} exists already, and will not be overwritten.") from None
    stem = f"event-processing-{version}"
    (directory / f"{stem}.tar").write_bytes(_git("archive", "--format=tar", f"--prefix={stem}/", "HEAD"))
    for python in python_versions or PYTHON_VERSIONS:
        _write_artifact(directory / stem, python)
    for name, lock in LOCKS.items():
        write_bill(ROOT / lock, directory / f"{stem}-{name}.cdx.json")
    sums = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in directory.iterdir()}
    lines = (f"{sums[name]}  {name}\n" for name in sorted(sums))
    (directory / SUMS).write_text("".join(lines), encoding="utf-8")
    print(*(f"Wrote {file}" for file in sorted(directory.iterdir())), sep="\n")


def _write_artifact(stem: Path, python: str) -> None:
    """Write the two zip files that `pulumi up` deploys."""
    try:
        artifact = build_artifact(ROOT, Target.aws_lambda(python), progress=print)
    except ArtifactError as error:
        raise ReleaseError(str(error)) from None
    shutil.copyfile(artifact.code, f"{stem}-functions-python{python}.zip")
    shutil.copyfile(artifact.layer, f"{stem}-layer-python{python}-{LAMBDA_PLATFORM}.zip")


def write_bill(lock: Path, file: Path) -> None:
    """Write the bill of materials of a lock file, or raise when it does not list what is locked."""
    command = [sys.executable, "-m", "cyclonedx_py", "requirements", lock, "--pyproject", ROOT / "pyproject.toml"]
    command += ["--spec-version", CYCLONEDX_VERSION, "--output-reproducible", "--output-file", file]
    # That takes most of the time; tests/tools/test_release.py validates the bills of the same lock files.
    command += ["--no-validate"]
    # It becomes the time of the bill, which would have none without it.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _git("log", "-1", "--format=%ct").decode().strip()}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise ReleaseError(f"The bill of materials of {lock.name} was not written:\n{ended.stderr[-2000:]}")
    bill = json.loads(file.read_text(encoding="utf-8"))
    if wrong := bill_problems(bill, lock.read_text(encoding="utf-8")):
        raise ReleaseError(f"The bill of materials is not that of {lock.name}:\n" + "\n".join(wrong))


def bill_problems(bill: dict[str, Any], lock: str) -> list[str]:
    """Return how the components of a bill of materials, and their hashes, differ from a lock file."""
    pins = _pins(lock)
    listed = {(part["name"], part["version"]): _hashes_of(part) for part in bill["components"]}
    different = [package for package in pins.keys() & listed.keys() if pins[package] != listed[package]]
    return [
        *(f"{' '.join(package)} is missing" for package in sorted(pins.keys() - listed.keys())),
        *(f"{' '.join(package)} is not locked" for package in sorted(listed.keys() - pins.keys())),
        *(f"{' '.join(package)} has other hashes" for package in sorted(different)),
    ]


def _pins(lock: str) -> dict[tuple[str, str], frozenset[str]]:
    """The hashes of each package and version in a lock file, whatever its marker."""
    blocks = re.findall(r"^([\w.-]+)==([\w.+!-]+)(.*(?:\n .*)*)", lock, re.MULTILINE)
    return {(name, version): frozenset(re.findall(r"sha256:(\w+)", rest)) for name, version, rest in blocks}


def _hashes_of(component: dict[str, Any]) -> frozenset[str]:
    references = component.get("externalReferences", [])
    return frozenset(found["content"] for reference in references for found in reference.get("hashes", []))


def _git(*arguments: str) -> bytes:
    command = ["git", "-C", ROOT, *arguments]
    try:
        return subprocess.run(command, capture_output=True, check=True).stdout
    except subprocess.CalledProcessError as error:
        raise ReleaseError(f"git {arguments[0]} failed: {error.stderr.decode().strip()}") from None
