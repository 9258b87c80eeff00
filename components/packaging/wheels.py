"""The same inputs give the same bytes: the steps from locked packages and source files to a zip file.

This module caches nothing; `components.packaging.artifact` does. Everything of a machine that could affect the bytes
(paths, times, modes, directory order, the compression library, the hash seed) is fixed here.
"""

import gzip
import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from components.packaging.pip_settings import PipSettingsError, pip_environment

EARLIEST_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
READABLE_FILE = 0o100644
UNIX = 3
LAYER_PREFIX = "python/"
"""Where Lambda looks for packages in a layer."""

BOTOCORE_SERVICES = frozenset({"dynamodb", "sqs", "sts", "xray"})
"""The services whose models ship. Outside Lambda the X-Ray SDK makes an `xray` client while it is imported."""

BOTOCORE_OPERATIONS = {
    "dynamodb": frozenset({"BatchGetItem", "GetItem", "UpdateItem"}),
    "sqs": frozenset({"SendMessageBatch"}),
}
"""The operations that the functions call; their clients know no other operation."""

UNTYPED_SHAPES = {"dynamodb": "AttributeValue"}
"""Shapes whose values botocore passes on as JSON without parsing them: its models call such a shape a document.

Parsing and serializing each value of each record took a seventh of the time of an event. A binary value, which our
records do not have, stays the base64 text that was received.
"""

POWERTOOLS_UTILITIES = frozenset({"__init__.py", "jmespath_utils"})
"""The utilities that logs, metrics and traces need; the others and `event_handler` are two thirds of the package."""

LICENCE_PREFIXES = ("license", "licence", "notice", "copying", "authors")


class ArtifactError(Exception):
    """One sentence that says what stopped the build and how to fix it."""


def install(lock: Path, into: Path, *, platform: str | None, python_version: str) -> None:
    """Install exactly the locked packages into a directory: wheels only, each checked against its hash.

    Without a platform the wheels are those of the running interpreter.
    """
    _require_pip()
    _refuse_markers(lock)
    command = [sys.executable, "-m", "pip", "install", "--require-hashes", "--no-deps", "--only-binary=:all:"]
    command += ["--no-compile", "--no-input", "--disable-pip-version-check", "--quiet", "--target", str(into)]
    if platform is not None:
        command += ["--platform", platform, "--python-version", python_version, "--implementation", "cp"]
    command += ["--requirement", str(lock)]
    try:
        finished = _run(command, pip_environment(Path(sys.prefix), os.environ))
    except PipSettingsError as error:
        raise ArtifactError(str(error)) from None
    if finished.returncode != 0:
        wanted = f"{platform} and Python {python_version}" if platform else f"this machine's Python {python_version}"
        raise ArtifactError(_pip_failure(finished.stderr + finished.stdout, lock, wanted))


def differences(layer: Path, lock: Path, *, platform: str | None, python_version: str) -> list[str]:
    """How the packages of a finished layer differ from the locked ones: by name, version or platform."""
    _require_pip()
    from components.packaging import locked

    pins = locked.pins([lock.read_text(encoding="utf-8")])
    try:
        packages = zipfile.Path(layer, LAYER_PREFIX)
        return locked.differences(pins, packages, locked.tags_of(platform, python_version))
    except (zipfile.BadZipFile, UnicodeDecodeError) as error:
        return [f"the archive cannot be read: {error}"]


def changed_sources(code: Path, sources: Mapping[bytes, bytes]) -> list[str]:
    """How the sources in a finished archive differ from these."""
    try:
        with zipfile.ZipFile(code) as archive:
            found = {os.fsencode(name): archive.read(name) for name in archive.namelist() if name.endswith(".py")}
    except zipfile.BadZipFile as error:
        return [f"the archive cannot be read: {error}"]
    changed = {name for name, _ in found.items() ^ sources.items()}
    return [f"{os.fsdecode(name)} differs" for name in sorted(changed)]


def _require_pip() -> None:
    if importlib.util.find_spec("pip") is None:
        raise ArtifactError(
            f"{sys.executable} has no pip, which installs the locked packages: run `{sys.executable} -m ensurepip`."
        )


def _refuse_markers(lock: Path) -> None:
    """Raise ArtifactError for environment markers, which pip evaluates for the building machine on every platform."""
    for number, line in enumerate(lock.read_text(encoding="utf-8").splitlines(), start=1):
        if ";" in line.partition("#")[0]:
            raise ArtifactError(
                f"{lock.name} line {number} has an environment marker, which pip would decide by the building machine: "
                "lock the package without one."
            )


def _pip_failure(output: str, lock: Path, wanted: str) -> str:
    package = re.search(
        r"(?:No matching distribution found for|satisfies the requirement) ([\w.\-]+==[\w.\-+]+)", output
    )
    if "No space left on device" in output:
        return f"No space is left for the packages of {lock.name}: free some, or point TMPDIR at a larger disk."
    if re.search(r"connection broken|Max retries exceeded|Could not fetch URL|ConnectionError|ReadTimeout", output):
        return (
            f"The package index did not answer while installing {lock.name}: "
            "check the network, the proxy and pip's configuration, then try again."
        )
    if "DO NOT MATCH THE HASHES" in output:
        return (
            f"A downloaded package does not have the hash {lock.name} demands, so it was not installed: "
            "lock again if you meant to change it, and distrust the package index if you did not."
        )
    if "--require-hashes" in output:
        return f"Every package in {lock.name} needs an exact version and a hash: lock it again with hashes."
    if package:
        return (
            f"pip found no wheel of {package[1]} for {wanted}: lock a version in {lock.name} that has one, "
            "or check that pip's package index offers it."
        )
    errors = [line.removeprefix("ERROR: ") for line in output.splitlines() if line.startswith("ERROR: ")]
    reason = errors[-1] if errors else " ".join(output.split())[-300:] or "it gave no reason"
    return f"pip could not install {lock.name}: {reason.rstrip('.')}."


def prune(root: Path) -> None:
    """Delete the files no function reads: tests, stubs, scripts, install records, models of services never called.

    Licences stay because they must travel with the packages, METADATA because vulnerability scanners read it, WHEEL
    because it says for which platform a package was built.
    """
    for path in sorted(root.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif not _ships(path.relative_to(root)):
            path.unlink()


def _ships(path: Path) -> bool:
    top, name = path.parts[0], path.name.lower()
    if top.endswith(".dist-info"):
        return name in {"metadata", "wheel"} or name.startswith(LICENCE_PREFIXES) or "licenses" in path.parts
    if top == "bin" or {"tests", "__pycache__"} & set(path.parts) or path.suffix in {".pyi", ".c"}:
        return False
    if path.parts[:2] in {("boto3", "data"), ("boto3", "examples")}:
        return False  # models of boto3's resources, which the handlers do not use, and prose
    if path.parts[:2] == ("aws_lambda_powertools", "event_handler"):
        return False
    if path.parts[:2] == ("aws_lambda_powertools", "utilities"):
        return path.parts[2] in POWERTOOLS_UTILITIES
    if path.parts[:2] == ("botocore", "data") and len(path.parts) > 3:
        return path.parts[2] in BOTOCORE_SERVICES and not name.startswith("examples-")
    return True


def slim(root: Path) -> None:
    """Rewrite botocore's data without documentation and without unused operations, because each start reads it all.

    Uncompressed, because that parses faster, and for the reason given in `write_zip`.
    """
    for path in sorted((root / "botocore" / "data").rglob("*.json*")):
        packed = path.suffix == ".gz"
        content = json.loads(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
        partitions: list[dict[str, Any]] = content.get("partitions", []) if path.name == "endpoints.json" else []
        for partition in partitions:
            partition["services"] = {
                name: value for name, value in partition["services"].items() if name in BOTOCORE_SERVICES
            }
        target = path.with_suffix("") if packed else path
        if target.name == "service-2.json":
            _keep_what_is_called(content, service=path.parts[-3])
        target.write_text(json.dumps(_without_prose(content), separators=(",", ":")), encoding="utf-8")
        if packed:
            path.unlink()


def _keep_what_is_called(model: dict[str, Any], service: str) -> None:
    if service not in BOTOCORE_OPERATIONS:
        return
    called = BOTOCORE_OPERATIONS[service]
    model["operations"] = {name: value for name, value in model["operations"].items() if name in called}
    if service in UNTYPED_SHAPES:
        model["shapes"][UNTYPED_SHAPES[service]] = {"type": "structure", "members": {}, "document": True}
    needed: dict[str, Any] = {}
    pending = [*_shapes_in(model["operations"])]
    while pending:
        name = pending.pop()
        if name not in needed:
            needed[name] = model["shapes"][name]
            pending += _shapes_in(needed[name])
    model["shapes"] = needed


def _shapes_in(value: Any) -> Iterator[str]:
    """The names of the shapes that part of a model refers to."""
    inner: Iterable[Any] = cast("list[Any]", value) if isinstance(value, list) else ()
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        if isinstance(members.get("shape"), str):
            yield members["shape"]
        inner = members.values()
    for part in inner:
        yield from _shapes_in(part)


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        # A member of that name would be a dict.
        return {
            name: _without_prose(part)
            for name, part in cast("dict[str, Any]", value).items()
            if name != "documentation" or not isinstance(part, str)
        }
    return [_without_prose(part) for part in cast("list[Any]", value)] if isinstance(value, list) else value


def find_interpreter(python_version: str) -> str:
    """Return a CPython of this minor version that runs, or raise ArtifactError with the command that installs it.

    A command on PATH is not enough: version managers put commands there that only print which version is missing.
    """
    name = f"python{python_version}"
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    candidates = [sys.executable, *(str(Path(folder) / name) for folder in folders if folder)]
    for candidate in dict.fromkeys(candidates):
        executable = _identify(candidate, python_version)
        if executable:
            return executable
    raise ArtifactError(
        f"The functions run Python {python_version} and ignore bytecode of any other version, and no {name} runs from "
        f"PATH: install one with `uv python install {python_version}` (or pyenv, apt or brew) and check `{name} -V`."
    )


def _identify(candidate: str, python_version: str) -> str | None:
    if not Path(candidate).is_file():
        return None
    question = "import sys; print(sys.implementation.name, '%d.%d' % sys.version_info[:2], sys.executable)"
    try:
        answer = _run([candidate, "-I", "-S", "-c", question], os.environ)
    except OSError:  # not executable, or a script whose interpreter is gone
        return None
    implementation, _, rest = answer.stdout.strip().partition(" ")
    version, _, executable = rest.partition(" ")
    found = answer.returncode == 0 and (implementation, version) == ("cpython", python_version)
    return executable if found else None


def compile_bytecode(root: Path, interpreter: str) -> None:
    """Give every source file a `.pyc` that is used without checking the source and that contains no other path.

    Otherwise a function compiles everything at each cold start, because its code directory is read-only.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PYTHONHASHSEED"] = "0"
    command = [interpreter, "-S", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash"]
    finished = _run([*command, "-s", str(root), str(root)], environment)
    if finished.returncode != 0:
        reason = " ".join((finished.stdout + finished.stderr).split()).replace(str(root) + os.sep, "")
        raise ArtifactError(f"A source file does not compile with {Path(interpreter).name}: {reason.lstrip('* ')}")


def write_zip(root: Path, prefix: str, destination: Path) -> None:
    """Pack a directory so that the bytes depend on names and contents only.

    Stored, not compressed, because the output of compression libraries differs between machines.
    """
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_STORED) as archive:
        files = {prefix + path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, EARLIEST_ZIP_TIME)
            entry.create_system = UNIX
            entry.external_attr = READABLE_FILE << 16
            archive.writestr(entry, files[name].read_bytes())


def _run(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, in this process group, with nothing on its standard input."""
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
