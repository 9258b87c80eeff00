"""The artifact of the functions: one zip of `handlers/` and one layer of locked dependencies, built by the program.

The bytes depend only on the lock file, the sources and the Python version, not on the machine, so that two people who
deploy the same commit deploy the same artifact, and an unchanged commit changes nothing.
"""

import errno
import hashlib
import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from components.packaging import certificates, slimming, wheels
from components.packaging.wheels import ArtifactError

__all__ = ["Artifact", "ArtifactError", "Target", "build_artifact", "target_from_environment"]

TARGET_VARIABLE = "EVENT_PROCESSING_ARTIFACT_TARGET"
LAMBDA_PLATFORM = "manylinux2014_aarch64"
HOST = "host"
LOCK = Path("handlers", "requirements.txt")
KIB = 1024
SHOWN = 3
BUILDER = (__file__, certificates.__file__, slimming.__file__, wheels.__file__)


@dataclass(frozen=True)
class Target:
    """The interpreter and the platform an artifact is built for."""

    python_version: str
    """Minor version such as "3.13"; Python ignores the bytecode of another version."""
    platform: str
    """pip's platform tag, or "host" for the running interpreter."""

    @classmethod
    def aws_lambda(cls, python_version: str) -> "Target":
        """Return the target of Lambda on arm64."""
        return cls(python_version, LAMBDA_PLATFORM)

    @classmethod
    def host(cls) -> "Target":
        """Return the target of the running interpreter on this machine."""
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}", HOST)


@dataclass(frozen=True, kw_only=True)
class Artifact:
    """Two finished zip files and the version of their inputs."""

    code: Path
    """Zip with the package `handlers/` at its root."""
    layer: Path
    """Zip with the dependencies under `python/`."""
    version: str
    """Short hash of the inputs: the same on every machine for the same lock file, sources and target."""


def target_from_environment(python_version: str, environ: Mapping[str, str]) -> Target:
    """Return Lambda, unless the environment selects this machine."""
    wanted = environ.get(TARGET_VARIABLE) or "lambda"
    if wanted == "lambda":
        return Target.aws_lambda(python_version)
    if wanted == HOST:
        return Target.host()
    raise ArtifactError(
        f'{TARGET_VARIABLE} is "{wanted}", and can be "lambda" or "host": unset it to build for Lambda.'
    )


def build_artifact(
    project: Path, target: Target, *, progress: Callable[[str], None] = lambda message: None
) -> Artifact:
    """Return the finished zip files of a project; builds only files that `.build/` does not have for these inputs.

    Raises ArtifactError, whose message is one sentence. Safe to run twice at once and to kill at any moment: a file
    appears in `.build/` whole or not at all.
    """
    try:
        return _build(project, target, progress)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        raise ArtifactError(
            f"The artifact could not be written: {error.strerror or error}{where}. "
            "Free space there, or make it writable."
        ) from error


def _build(project: Path, target: Target, progress: Callable[[str], None]) -> Artifact:
    lock = project / LOCK
    if not lock.is_file():
        raise ArtifactError(f"{lock} is missing, and it names what ships: run from the project, or lock the packages.")
    sources = _sources(project)
    builder = b"".join(Path(module).read_bytes() for module in BUILDER)
    layer_inputs = (builder, target.python_version.encode(), target.platform.encode(), lock.read_bytes())
    code_inputs = (builder, target.python_version.encode(), *(part for source in sources.items() for part in source))
    machine = sysconfig.get_platform() if target.platform == HOST else ""  # wheels differ by it, the version does not

    platform = None if target.platform == HOST else target.platform

    def make_layer(work: Path, zip_file: Path) -> None:
        interpreter = _interpreter(target)
        tree = work / "layer"
        wheels.install(lock, tree, platform=platform, python_version=target.python_version)
        slimming.prune(tree)
        slimming.slim(tree)
        certificates.write_amazon_roots(tree)
        wheels.compile_bytecode(tree, interpreter)
        wheels.write_zip(tree, wheels.LAYER_PREFIX, zip_file)

    def examine_layer(zip_file: Path) -> list[str]:
        return wheels.differences(zip_file, lock, platform=platform, python_version=target.python_version)

    def make_code(work: Path, zip_file: Path) -> None:
        interpreter = _interpreter(target)
        tree = work / "code"
        for name, content in sources.items():
            path = tree / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        wheels.compile_bytecode(tree, interpreter)
        wheels.write_zip(tree, "", zip_file)

    store = project / ".build"
    layer = store / f"layer-{target.platform}-py{target.python_version}-{_digest(*layer_inputs, machine.encode())}.zip"
    code = store / f"code-py{target.python_version}-{_digest(*code_inputs)}.zip"
    _make_once(layer, make_layer, examine_layer, progress)
    _make_once(code, make_code, lambda zip_file: wheels.changed_sources(zip_file, sources), progress)
    return Artifact(code=code, layer=layer, version=_digest(*layer_inputs, *code_inputs))


def _sources(project: Path) -> dict[bytes, bytes]:
    """Return the Python files of the handlers by their name in the archive, without files of editors and tools."""
    found = {
        os.fsencode(path.relative_to(project).as_posix()): path.read_bytes()
        for path in sorted((project / LOCK.parent).rglob("*.py"))
        if not path.name.startswith(".")
    }
    if not found:
        raise ArtifactError(f"{project / LOCK.parent} holds no Python file, so there is nothing to ship.")
    return found


def _interpreter(target: Target) -> str:
    return sys.executable if target == Target.host() else wheels.find_interpreter(target.python_version)


def _digest(*parts: bytes) -> str:
    """Short hash of a sequence of parts; moving a byte from one part to the next changes it."""
    total = hashlib.sha256()
    for part in parts:
        total.update(hashlib.sha256(part).digest())
    return total.hexdigest()[:12]


def _make_once(
    destination: Path,
    make: Callable[[Path, Path], None],
    examine: Callable[[Path], list[str]],
    progress: Callable[[str], None],
) -> None:
    """Make a file unless it is there and has what it should. A kill leaves nothing of the work in the project."""
    if destination.exists():
        wrong = examine(destination)
        if not wrong:
            progress(f"{destination.name}: unchanged, {_size(destination)}")
            return
        progress(f"{destination.name}: not what was locked ({_in_short(wrong)})")
    progress(f"{destination.name}: building")
    with tempfile.TemporaryDirectory(prefix="artifact-", ignore_cleanup_errors=True) as work:
        finished = Path(work, "finished.zip")
        make(Path(work), finished)
        if wrong := examine(finished):
            raise ArtifactError(f"What was built is not what is locked, so it was not kept: {_in_short(wrong)}.")
        destination.parent.mkdir(exist_ok=True)
        _move_into_place(finished, destination)
    progress(f"{destination.name}: built, {_size(destination)}")


def _in_short(sentences: list[str]) -> str:
    more = len(sentences) - SHOWN
    return "; ".join([*sentences[:SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _move_into_place(finished: Path, destination: Path) -> None:
    """Rename, or across file systems copy under another name first: never half a file under the final name."""
    try:
        finished.replace(destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    else:
        return
    with tempfile.NamedTemporaryFile(dir=destination.parent, prefix=".partial-", delete=False) as partial:
        name = Path(partial.name)
    try:
        shutil.copyfile(finished, name)
        name.chmod(0o644)
        name.replace(destination)
    finally:
        name.unlink(missing_ok=True)


def _size(path: Path) -> str:
    return f"{path.stat().st_size / KIB:,.0f} KiB"
