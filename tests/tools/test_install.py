"""The installer says what it does, installs what is locked, and never takes half an installation for a whole one."""

import ast
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import venv
from pathlib import Path

import pip
import pytest

from tests.components.artifact_project import (
    SETTINGS,
    SOURCES_OF_SETTINGS,
    make_wheel,
    offline_pip,
    quick_and_soak,
    set_pip,
)
from tests.fakes.waiting import HANG_SECONDS
from tools import install

Captured = pytest.CaptureFixture[str]
ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "tools" / "install.py"
STAMP = "environment/.installed-requirements"
REPLACED = "Installing 2 pinned packages into environment"


# Runs the installer with an environment whose pip is that of these tests: to install another takes five seconds.
BORROWED_PIP = """
import pathlib, runpy, sys, venv

def create(directory, *, with_pip, clear, borrowed=sys.argv[1], whole=venv.create):
    whole(directory, clear=clear)
    (packages,) = directory.glob("lib/python*/site-packages")
    (packages / "pip").symlink_to(borrowed)

venv.create = create
del sys.argv[:2]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(folder: Path, requirements: str, *, borrowed_pip: bool = False) -> subprocess.Popen[str]:
    (folder / "requirements.txt").write_text(requirements)
    command: list[str | Path] = [INSTALL, "environment", "requirements.txt", "--megabytes", "1"]
    if borrowed_pip:
        command = ["-c", BORROWED_PIP, pip.__path__[0], *command]
    command.insert(0, sys.executable)
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.soak  # every `make test` on a new machine shows it, but for the settings
def test_nothing_to_install_is_installed_whatever_pip_is_set_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    set_pip("variables", SETTINGS, tmp_path, monkeypatch)
    installing = start(tmp_path, "# nothing\n")
    said, _ = installing.communicate()
    assert installing.returncode == 0
    assert said.startswith("Installing 0 pinned packages into environment")
    assert (tmp_path / STAMP).exists()
    assert not (tmp_path / "elsewhere").exists()
    python = tmp_path / "environment" / "bin" / "python"
    assert subprocess.run([python, "-c", "import pip"], check=False).returncode == 0


def test_an_environment_of_somebody_else_is_not_emptied(tmp_path: Path):
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "precious").touch()
    (tmp_path / "environment").symlink_to(theirs)
    installing = start(tmp_path, "# nothing\n")
    _, said = installing.communicate()
    assert installing.returncode == 1
    assert said == "environment is a link, and what it leads to would be emptied: remove the link.\n"
    assert (theirs / "precious").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.soak)])
def test_interrupted_it_says_so_and_is_not_marked_as_installed(number: signal.Signals, tmp_path: Path):
    # A package that takes for ever to install: its build reads from a pipe that nobody writes to.
    os.mkfifo(tmp_path / "never")
    package = tmp_path / "slow"
    package.mkdir()
    backend = '[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n'
    (package / "pyproject.toml").write_text(backend)
    (package / "slow.py").write_text("running = open('../running', 'w')\nopen('../never').read()\n")
    os.mkfifo(tmp_path / "running")
    (tmp_path / "environment").mkdir()
    (tmp_path / STAMP).touch()  # of an earlier installation, which this one replaces
    installing = start(tmp_path, "./slow\n", borrowed_pip=True)
    with (tmp_path / "running").open() as build:  # returns when the build has opened its end
        installing.send_signal(number)
        _, said = installing.communicate(timeout=HANG_SECONDS)
        ended, _, _ = select.select([build], [], [], HANG_SECONDS)  # it ends when nobody holds the other end
    assert installing.returncode == 1
    assert said.rstrip().endswith("Installation interrupted; the next run starts it again.")
    assert not (tmp_path / STAMP).exists()
    assert ended, "the build that pip had started is left over"


def make_environment() -> Path:
    """Make a virtual environment in no time: its pip is that of these tests."""
    venv.create("environment")
    packages = next(Path("environment").glob("lib/python*/site-packages"))
    (packages / "pip").symlink_to(pip.__path__[0])
    return Path("environment")


def empty_in_no_time(directory: Path, *, with_pip: bool, clear: bool) -> None:
    """Replace an environment by emptying it of all but its pip."""
    assert (with_pip, clear) == (True, True)
    for path in directory.glob("lib/python*/site-packages/*"):
        if path.name != "pip":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    offline_pip(monkeypatch)
    monkeypatch.chdir(tmp_path)  # where a setting that has an effect installs to
    return make_environment()


@pytest.fixture
def replaceable(environment: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(venv, "create", empty_in_no_time)
    return environment


def lock(name: str, *pins: str) -> Path:
    """A lock file of packages that no index takes part in finding; a setting of pip has to say where they are."""
    for pin in pins:
        package, version = pin.partition(" ")[0].split("==")
        make_wheel(Path(), package, version, "py3-none-any", {f"{package}.py": f"version = '{version}'\n"})
    Path(name).write_text("\n".join(["--no-index", *pins, ""]))
    return Path(name)


def installed(environment: Path) -> set[str]:
    """Packages by the folders of their records."""
    return {path.name.removesuffix(".dist-info") for path in environment.glob("lib/python*/site-packages/*.dist-info")}


@pytest.mark.parametrize(("source", "names"), SOURCES_OF_SETTINGS, ids=["variables", "install"])
def test_settings_of_pip_change_nothing(
    source: str, names: tuple[str, ...], environment: Path, monkeypatch: pytest.MonkeyPatch
):
    set_pip(source, {name: SETTINGS[name] for name in names}, Path(), monkeypatch)
    install.fill(environment, [lock("demo.txt", "tiny==1.0")], 1, bytecode=False)
    assert installed(environment) == {"tiny-1.0"}
    assert not Path("elsewhere").exists()


# That each setting has an effect is a fact about pip, so one of each kind is enough in every run: where to, and what.
@pytest.mark.parametrize("setting", quick_and_soak(SETTINGS, "target", "dry-run"))
def test_control_a_setting_that_reaches_pip_is_noticed(
    setting: str, environment: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(install, "pip_environment", lambda prefix, environ: dict(environ))
    set_pip("variables", {setting: SETTINGS[setting]}, Path(), monkeypatch)
    with pytest.raises(install.InstallationError, match=r"^Installation failed: "):
        install.fill(environment, [lock("demo.txt", "tiny==1.0")], 1, bytecode=False)
    assert installed(environment) == set()


def test_control_packages_are_found_only_by_the_setting_that_says_where(environment: Path):
    with pytest.raises(install.InstallationError, match="pip ended with exit code 1"):
        install.fill(environment, [lock("demo.txt", "tiny==1.0")], 1, bytecode=False)


def test_packages_that_only_pythonpath_finds_are_installed(environment: Path, monkeypatch: pytest.MonkeyPatch):
    set_pip("variables", {}, Path(), monkeypatch)
    demo = lock("demo.txt", "tiny==1.0")
    subprocess.run([sys.executable, "-m", "zipfile", "-e", *Path("wheels").glob("tiny*"), "elsewhere"], check=True)
    monkeypatch.setenv("PYTHONPATH", str(Path("elsewhere").absolute()))
    install.fill(environment, [demo], 1, bytecode=False)
    assert installed(environment) == {"tiny-1.0"}


def test_what_an_environment_holds_is_compared_with_what_is_locked(environment: Path, monkeypatch: pytest.MonkeyPatch):
    set_pip("variables", {}, Path(), monkeypatch)
    wrong = lock("wrong.txt", "tiny==1.0", "stowaway==1.0", "windows==1.0 ; sys_platform == 'win32'")
    install.fill(environment, [wrong], 2, bytecode=False)  # windows does not apply here
    demo = lock("demo.txt", "tiny==2.0", "gone==1.0", "windows==1.0 ; sys_platform == 'win32'")
    assert install._differences(environment / "bin" / "python", [demo]).splitlines() == [
        "gone 1.0 is missing",
        "stowaway 1.0 is not in the lock",
        "tiny is 1.0 and not 2.0",
    ]


def test_bytecode_is_made_when_asked_for(for_demo: Path, environment: Path, monkeypatch: pytest.MonkeyPatch):
    assert not list((for_demo / "environment").rglob("tiny.*.pyc"))
    set_pip("variables", {}, Path(), monkeypatch)
    install.fill(environment, [lock("demo.txt", "tiny==1.0")], 1, bytecode=True)
    assert list(environment.rglob("tiny.*.pyc"))


def test_what_cannot_be_installed_is_not_marked_as_installed(replaceable: Path):
    Path(STAMP).touch()  # of an earlier installation, which this one replaces
    Path("requirements.txt").write_text("./no-such-package\n")
    sentence = r"^Installation failed: pip ended with exit code 1, for the reason above\.$"
    with pytest.raises(install.InstallationError, match=sentence):
        install.install(replaceable, [Path("requirements.txt")], 1, bytecode=False)
    assert not Path(STAMP).exists()


@pytest.fixture(scope="module")
def for_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment that holds what the demo needs, and with what the tests need."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        offline_pip(patch)
        set_pip("variables", {}, folder, patch)
        make_environment()
        lock("test.txt", "tiny==1.0", "more==1.0")
        demo = lock("demo.txt", "tiny==1.0")
        patch.setattr(install, "COMMANDS_NEED", demo.resolve())
        patch.setattr(venv, "create", empty_in_no_time)
        install.install(Path("environment"), [demo], 1, bytecode=False)
    return folder


@pytest.mark.parametrize(
    ("happened", "first_words"),
    [
        (None, "Adding 1 pinned packages to environment"),
        ("an installation was interrupted", REPLACED),
        ("a package was added by hand", REPLACED),
        ("a package was removed by hand", REPLACED),
    ],
)
def test_packages_are_added_only_to_an_environment_that_holds_the_earlier_ones(
    happened: str | None,
    first_words: str,
    for_demo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
):
    folder = shutil.copytree(for_demo, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(folder)
    offline_pip(monkeypatch)
    set_pip("variables", {}, folder, monkeypatch)
    monkeypatch.setattr(venv, "create", empty_in_no_time)
    replaceable, demo, test = Path("environment"), Path("demo.txt"), Path("test.txt")
    monkeypatch.setattr(install, "COMMANDS_NEED", demo.resolve())
    assert [path.name for path in replaceable.glob(".installed-*")] == [".installed-demo"]
    packages = next(replaceable.glob("lib/python*/site-packages"))
    if happened == "an installation was interrupted":
        (replaceable / ".installed-demo").unlink()
    elif happened == "a package was added by hand":
        (packages / "mine-1.0.dist-info").mkdir()
    elif happened == "a package was removed by hand":
        shutil.rmtree(packages / "tiny-1.0.dist-info")
    capsys.readouterr()
    install.install(replaceable, [demo, test], 1, bytecode=False)
    assert capsys.readouterr().out.startswith(first_words)
    assert installed(replaceable) == {"tiny-1.0", "more-1.0"}
    assert all((replaceable / "bin" / name).stat().st_mode & 0o111 for name in ("ops", "localcloud"))
    for_demo, for_test = (replaceable / f".installed-{name}" for name in ("demo", "test"))
    assert for_demo.stat().st_mtime <= for_test.stat().st_mtime, "make would install the rest again"


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """The scripts beside a Python with the packages of these tests, found through a link, at a path with a blank."""
    folder = tmp_path / os.fsdecode(b"an environ\xffment") / "bin"
    folder.mkdir(parents=True)
    (folder / "python").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    (folder / "python").chmod(0o755)
    install.write_commands(folder.parent)
    links = tmp_path / "links"
    links.mkdir()
    for name in install.COMMANDS:
        (links / name).symlink_to(folder / name)
    return links


@pytest.mark.parametrize("name", install.COMMANDS)
def test_script_runs_the_package_of_this_checkout_from_any_folder(
    name: str, scripts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    elsewhere = tmp_path / os.fsdecode(b"else\xffwhere")
    elsewhere.mkdir()
    for module in ("typer", "handlers", "ops", "localcloud"):  # of that folder, and none of ours
        (elsewhere / f"{module}.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.setenv("PYTHONSAFEPATH", "1")  # with which `python -m` finds no package of the current folder
    ended = subprocess.run([scripts / name, "--help"], cwd=elsewhere, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "Usage: " in ended.stdout


def test_checkout_is_not_on_the_path_of_what_a_script_starts(scripts: Path, tmp_path: Path):
    code = "import importlib.util as u; print(u.find_spec('ops'))"
    (tmp_path / "pulumi").write_text(
        f"#!/bin/sh\n{shlex.quote(sys.executable)} -P -c {shlex.quote(code)} >&2; exit 1\n"
    )
    (tmp_path / "pulumi").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/bin:/usr/bin", "HOME": str(tmp_path)}
    command = [scripts / "ops", "query", "ada", "--stack", "dev"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert "failed: None." in ended.stderr


@pytest.mark.skipif(shutil.which("bash") is None, reason="completion is tested in bash")
def test_shell_completes_commands_and_options_of_the_script(scripts: Path, tmp_path: Path):
    script = """
    ops --install-completion >&2 || exit
    . ~/.bash_completions/ops.sh
    COMP_WORDS=(ops dead-letters re) COMP_CWORD=2; _ops_completion ops; echo "${COMPREPLY[@]}"
    COMP_WORDS=(ops query --js) COMP_CWORD=2; _ops_completion ops; echo "${COMPREPLY[@]}"
    """
    environment = {"PATH": f"{scripts}:/bin:/usr/bin", "HOME": str(tmp_path)}
    ended = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["redrive", "--json"], ended.stderr


def runs_on_old_pythons(source: str) -> bool:
    """Whether Python 3.7 gets as far as running it: no newer syntax, and no annotation is evaluated."""
    try:
        tree = ast.parse(source, feature_version=(3, 7))
    except SyntaxError:
        return False
    first = next(node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    return isinstance(first, ast.ImportFrom) and first.module == "__future__"


@pytest.mark.parametrize("file", ["tools/install.py", "localcloud/lifetime.py", "components/packaging/pip_settings.py"])
def test_a_python_that_is_too_old_gets_as_far_as_being_told(file: str):
    source = (ROOT / file).read_text()
    assert runs_on_old_pythons(source)
    assert not runs_on_old_pythons(source.replace("from __future__", "from other"))
    assert not runs_on_old_pythons(source + "\nif (found := 1):\n    pass\n")
