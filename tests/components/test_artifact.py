"""What ships follows from lock, sources and Python version alone, and is built once, whole or not at all."""

import errno
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.packaging import wheels
from components.packaging.artifact import Artifact, Target, build_artifact
from tests.components.artifact_project import FOR_ARM, RUNNING, make_project, make_wheel, relock, unpack_locked
from tests.fakes.waiting import HANG_SECONDS

pytestmark = pytest.mark.usefixtures("no_package_index")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def _quick_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "install", unpack_locked)


def contents(artifact: Artifact) -> tuple[bytes, bytes, str]:
    return artifact.code.read_bytes(), artifact.layer.read_bytes(), artifact.version


def names(zip_file: Path) -> list[str]:
    with zipfile.ZipFile(zip_file) as archive:
        return archive.namelist()


def build_here_and_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Artifact]:
    """Build one project twice, with everything changed that is not an input."""
    yield build_artifact(make_project(tmp_path / "one"), FOR_ARM)
    elsewhere = tmp_path / "another clone" / "deeper"
    elsewhere.mkdir(parents=True)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    variables = {"TMPDIR": str(scratch), "SOURCE_DATE_EPOCH": "1", "TZ": "Asia/Tokyo", "PYTHONHASHSEED": "4242"}
    variables |= {"PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(scratch / "caches")}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    mask = os.umask(0o077)
    try:
        make_project(elsewhere)
        for path in elsewhere.rglob("*"):
            os.utime(path, (1_000_000_000, 1_000_000_000))
        yield build_artifact(elsewhere, FOR_ARM)
    finally:
        os.umask(mask)


def test_two_clones_on_two_machines_ship_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, elsewhere = build_here_and_elsewhere(tmp_path, monkeypatch)
    assert contents(here) == contents(elsewhere)


def zip_as_found(root: Path, prefix: str, destination: Path) -> None:
    """Times and modes as they happen to be on the disk."""
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(root.rglob("*")):
            archive.write(path, prefix + path.relative_to(root).as_posix())


def zip_with_modes(root: Path, prefix: str, destination: Path) -> None:
    """Fixed times, modes as they happen to be on the disk."""
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(path for path in root.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(prefix + path.relative_to(root).as_posix())
            entry.external_attr = path.stat().st_mode << 16
            archive.writestr(entry, path.read_bytes())


def compile_with(*options: str, environment: Callable[[], dict[str, str]]) -> Callable[[Path, str], None]:
    def compile_tree(root: Path, interpreter: str) -> None:
        command = [interpreter, "-m", "compileall", "-q", "-f", *options, str(root)]
        subprocess.run(command, check=True, env=environment())

    return compile_tree


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


@pytest.mark.parametrize(
    ("step", "careless"),
    [
        ("write_zip", zip_as_found),
        ("write_zip", zip_with_modes),
        pytest.param(
            "compile_bytecode",
            compile_with("--invalidation-mode", "unchecked-hash", environment=clean_environment),
            id="paths in bytecode",
        ),
        pytest.param(
            "compile_bytecode",
            compile_with("--invalidation-mode", "unchecked-hash", "-s", "/", environment=lambda: dict(os.environ)),
            id="PYTHON variables",
        ),
    ],
)
@pytest.mark.usefixtures("_quick_install")
def test_control_a_careless_step_is_noticed(
    step: str, careless: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, step, careless)
    here, elsewhere = build_here_and_elsewhere(tmp_path, monkeypatch)
    assert contents(here) != contents(elsewhere)


def test_the_archives_hold_sorted_plain_files_with_bytecode_and_without_ballast(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    (project / "handlers/.query.py.swp").write_text("an editor was here", encoding="utf-8")
    (project / "handlers/__pycache__").mkdir()
    (project / "handlers/__pycache__/query.cpython-399.pyc").write_bytes(b"of another interpreter")
    artifact = build_artifact(project, FOR_ARM)
    tag = f"cpython-{RUNNING.replace('.', '')}"
    assert names(artifact.code) == [
        "handlers/__init__.py",
        f"handlers/__pycache__/__init__.{tag}.pyc",
        f"handlers/__pycache__/query.{tag}.pyc",
        "handlers/query.py",
    ]
    assert names(artifact.layer) == [
        "python/botocore/__init__.py",
        f"python/botocore/__pycache__/__init__.{tag}.pyc",
        "python/botocore/data/dynamodb/2012-08-10/service-2.json",
        "python/botocore/data/endpoints.json",
        "python/native-1.0.dist-info/LICENSE",
        "python/native-1.0.dist-info/METADATA",
        "python/native-1.0.dist-info/WHEEL",
        "python/native.so",
        "python/tiny-1.0.dist-info/LICENSE",
        "python/tiny-1.0.dist-info/METADATA",
        "python/tiny-1.0.dist-info/WHEEL",
        "python/tiny/__init__.py",
        f"python/tiny/__pycache__/__init__.{tag}.pyc",
        "python/tiny/data.json",
    ]
    for zip_file in (artifact.code, artifact.layer):
        with zipfile.ZipFile(zip_file) as archive:
            assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
            assert not [entry.filename for entry in archive.infolist() if str(tmp_path).encode() in archive.read(entry)]


@pytest.mark.usefixtures("_quick_install")
def test_nothing_is_built_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = make_project(tmp_path)
    first = build_artifact(project, FOR_ARM)
    monkeypatch.setattr(wheels, "_run", lambda command, environment: pytest.fail(f"ran {command}"))
    said: list[str] = []
    assert build_artifact(project, FOR_ARM, progress=said.append) == first
    assert [line.partition(": ")[2].partition(",")[0] for line in said] == ["unchanged", "unchanged"]


@pytest.mark.parametrize(
    "change",
    [
        lambda handler: handler.write_text("def handler(event, context):\n    return None\n"),
        lambda handler: handler.rename(handler.with_name("queries.py")),
    ],
    ids=["edited", "renamed"],
)
@pytest.mark.usefixtures("_quick_install")
def test_a_changed_handler_changes_the_code_and_leaves_the_layer(
    change: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path)
    first = build_artifact(project, FOR_ARM)
    change(project / "handlers/query.py")
    monkeypatch.setattr(wheels, "install", lambda *args, **options: pytest.fail("the layer was built again"))
    second = build_artifact(project, FOR_ARM)
    assert second.layer == first.layer
    assert second.code.read_bytes() != first.code.read_bytes()
    assert second.version != first.version


@pytest.mark.usefixtures("_quick_install")
def test_a_changed_lock_changes_the_layer_and_leaves_the_code(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    first = build_artifact(project, FOR_ARM)
    relock(project, make_wheel(project, "tiny", "2.0", "py3-none-any", {"tiny.py": "answer = dict\n"}))
    second = build_artifact(project, FOR_ARM)
    assert second.code == first.code
    assert "python/tiny-2.0.dist-info/METADATA" in names(second.layer)
    assert "python/tiny-1.0.dist-info/METADATA" not in names(second.layer)
    assert second.version != first.version


@pytest.mark.usefixtures("_quick_install")
def test_each_target_has_a_layer_and_a_version_of_its_own(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    relock(project, next(project.glob("wheels/tiny-*")))
    for_arm, for_host = build_artifact(project, FOR_ARM), build_artifact(project, Target.host())
    assert for_arm.layer != for_host.layer
    assert for_arm.version != for_host.version
    assert for_arm.code == for_host.code


@pytest.mark.usefixtures("_quick_install")
def test_builds_at_the_same_time_agree(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    both_found_nothing = threading.Barrier(2, timeout=HANG_SECONDS)

    def progress(message: str) -> None:
        if message.startswith("layer") and message.endswith("building"):
            both_found_nothing.wait()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: build_artifact(project, FOR_ARM, progress=progress), range(2))
    assert first == second
    assert sorted((project / ".build").iterdir()) == sorted([first.code, first.layer])
    assert zipfile.ZipFile(first.layer).testzip() is None


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.usefixtures("_quick_install")
def test_another_file_system_is_crossed_under_another_name(
    fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(tmp_path / "project")
    store = project / ".build"
    rename = Path.replace

    def between_file_systems(source: Path, destination: Path) -> Path:
        if source.parent != store:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        assert source.name.startswith(".partial-")
        if fails:
            raise KeyboardInterrupt
        return rename(source, destination)

    monkeypatch.setattr(Path, "replace", between_file_systems)
    if fails:
        with pytest.raises(KeyboardInterrupt):
            build_artifact(project, FOR_ARM)
        assert list(store.iterdir()) == []
    else:
        artifact = build_artifact(project, FOR_ARM)
        assert sorted(store.iterdir()) == sorted([artifact.code, artifact.layer])
        assert zipfile.ZipFile(artifact.layer).testzip() is None


KILLED = """
import os, signal, sys
from pathlib import Path
from components.packaging import wheels
from components.packaging.artifact import Target, build_artifact
from tests.components.artifact_project import unpack_locked

def killed(root, prefix, destination):
    destination.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)

wheels.install, wheels.write_zip = unpack_locked, killed
build_artifact(Path(sys.argv[1]), Target(sys.argv[2], sys.argv[3]))
"""


def left_after_a_kill(project: Path, temporary: Path) -> list[Path]:
    before = set(project.rglob("*"))
    command = [sys.executable, "-c", KILLED, str(project), FOR_ARM.python_version, FOR_ARM.platform]
    finished = subprocess.run(command, cwd=ROOT, env=os.environ | {"TMPDIR": str(temporary)}, check=False)
    assert finished.returncode < 0
    return sorted(set(project.rglob("*")) - before)


def test_a_killed_build_leaves_nothing_in_the_project(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    assert left_after_a_kill(make_project(tmp_path / "project"), temporary) == []


def test_control_a_kill_does_leave_what_was_in_progress(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    assert left_after_a_kill(project, project) != []
