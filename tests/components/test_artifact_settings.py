"""Settings of pip cannot change what ships, and an archive that is not what was locked is neither kept nor used."""

import hashlib
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from components.packaging import wheels
from components.packaging.artifact import ArtifactError, build_artifact
from tests.components.artifact_project import (
    FOR_ARM,
    RUNNING,
    SETTINGS,
    SOURCES_OF_SETTINGS,
    make_project,
    make_wheel,
    quick_and_soak,
    set_pip,
    unpack_locked,
)

pytestmark = pytest.mark.usefixtures("no_package_index")
TAG = f"cp{RUNNING.replace('.', '')}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose native package is locked for Lambda and for Windows; packages are found by a setting of pip."""
    project = make_project(tmp_path / "project")
    windows = make_wheel(project, "native", "1.0", f"{TAG}-{TAG}-win_amd64", {"native.dll": "of Windows\n"})
    lock = project / "handlers/requirements.txt"
    lines = lock.read_text().replace("--find-links ../wheels\n", "").splitlines()
    lines[-1] += f" --hash=sha256:{hashlib.sha256(windows.read_bytes()).hexdigest()}"
    lock.write_text("\n".join([*lines, ""]))
    monkeypatch.chdir(tmp_path)  # where a setting that has an effect installs to
    return project


def shipped(layer: Path) -> set[str]:
    with zipfile.ZipFile(layer) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name and "__pycache__" not in name}


EXPECTED = {
    "python/botocore/__init__.py",
    "python/botocore/data/dynamodb/2012-08-10/service-2.json",
    "python/botocore/data/endpoints.json",
    "python/native.so",
    "python/tiny/__init__.py",
    "python/tiny/data.json",
}


@pytest.mark.parametrize(("source", "names"), SOURCES_OF_SETTINGS, ids=["variables", "install"])
def test_settings_of_pip_change_nothing(
    source: str, names: tuple[str, ...], project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_pip(source, {name: SETTINGS[name] for name in names}, project, monkeypatch)
    assert shipped(build_artifact(project, FOR_ARM).layer) == EXPECTED
    assert not (tmp_path / "elsewhere").exists()


# The build names its target last. As in tests/tools/test_install.py, one of each kind is enough in every run.
@pytest.mark.parametrize("setting", quick_and_soak(sorted(SETTINGS.keys() - {"target"}), "prefix", "abi"))
def test_control_a_setting_that_reaches_pip_is_noticed(
    setting: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "pip_environment", lambda prefix, environ: dict(environ))
    set_pip("variables", {setting: SETTINGS[setting]}, project, monkeypatch)
    with pytest.raises(ArtifactError):
        build_artifact(project, FOR_ARM)
    assert list(project.glob(".build/layer-*")) == []


@pytest.mark.parametrize(
    ("setting", "said"), [("root", "tiny 1.0 is missing"), ("platform", f"native 1.0 is for {TAG}-{TAG}-win_amd64")]
)
def test_what_was_built_is_compared_with_the_lock(
    setting: str, said: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip says that all went well, and the comparison alone stops a wrong layer."""
    monkeypatch.setattr(wheels, "pip_environment", lambda prefix, environ: dict(environ))
    set_pip("variables", {setting: SETTINGS[setting]}, project, monkeypatch)
    built: list[set[str]] = []

    def compared(layer: Path, *args: Any, compare: Any = wheels.differences, **options: Any) -> list[str]:
        built.append(shipped(layer))
        return compare(layer, *args, **options)

    monkeypatch.setattr(wheels, "differences", compared)
    with pytest.raises(ArtifactError, match=f"^What was built is not what is locked, so it was not kept: .*{said}"):
        build_artifact(project, FOR_ARM)
    (layer,) = built
    assert layer != EXPECTED


def test_control_packages_are_found_only_by_the_setting_that_says_where(project: Path) -> None:
    with pytest.raises(ArtifactError, match=r"^pip found no wheel of tiny==1\.0 "):
        build_artifact(project, FOR_ARM)


def emptied(layer: Path) -> None:
    with zipfile.ZipFile(layer, "w"):
        pass
    assert layer.stat().st_size == 22


def cut_off(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[:-30])


def with_a_package_too_many(layer: Path) -> None:
    with zipfile.ZipFile(layer, "a") as archive:
        archive.writestr("python/stowaway-1.0.dist-info/METADATA", "")


ANOTHER_VERSION = {"old": "tiny-1.0.dist-info", "new": "tiny-2.0.dist-info", "contents": {}}
ANOTHER_PLATFORM = {"native-1.0.dist-info/WHEEL": f"Tag: {TAG}-{TAG}-win_amd64\n"}
ANOTHER_SOURCE = {"handlers/query.py": "handler = print\n"}


def rewritten(zip_file: Path, *, contents: dict[str, str], old: str = "", new: str = "") -> None:
    """Write an archive again under other names and with other contents."""
    with zipfile.ZipFile(zip_file) as archive:
        files = {name.replace(old, new): archive.read(name) for name in archive.namelist()}
    files |= {name: text.encode() for part, text in contents.items() for name in files if name.endswith(part)}
    with zipfile.ZipFile(zip_file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("kind", "spoil", "said"),
    [
        ("layer", emptied, "native 1.0 is missing; tiny 1.0 is missing"),
        ("layer", cut_off, "the archive cannot be read: File is not a zip file"),
        ("layer", with_a_package_too_many, "stowaway 1.0 is not in the lock"),
        ("layer", partial(rewritten, **ANOTHER_VERSION), "tiny is 2.0 and not 1.0"),
        ("layer", partial(rewritten, contents=ANOTHER_PLATFORM), f"native 1.0 is for {TAG}-{TAG}-win_amd64"),
        ("code", cut_off, "the archive cannot be read: File is not a zip file"),
        ("code", partial(rewritten, contents=ANOTHER_SOURCE), "handlers/query.py differs"),
    ],
)
def test_an_archive_of_an_earlier_build_that_is_not_what_was_locked_is_built_again(
    kind: str, spoil: Callable[[Path], None], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, "install", unpack_locked)
    project = make_project(tmp_path)
    first = build_artifact(project, FOR_ARM)
    spoiled: Path = getattr(first, kind)
    whole = spoiled.read_bytes()
    spoil(spoiled)
    told: list[str] = []
    assert build_artifact(project, FOR_ARM, progress=told.append) == first
    assert f"{spoiled.name}: not what was locked ({said})" in told
    assert spoiled.read_bytes() == whole
    assert len([line for line in told if ": unchanged" in line]) == 1


def test_a_configuration_of_pip_that_cannot_be_read_is_a_sentence(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.conf").write_text("not a setting\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    with pytest.raises(ArtifactError, match=r"^The pip configuration .+ cannot be read: .+\.$"):
        build_artifact(project, FOR_ARM)
