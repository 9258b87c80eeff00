"""Make a virtual environment hold exactly what pinned requirements files name. Standard library only.

Runs before anything is installed, on whatever Python the newcomer has. An environment that holds the earlier files is
added to; any other is made anew. One that was interrupted is too: the stamp files go first and are written last, after
what is installed was compared with the files.
"""

from __future__ import annotations  # for Pythons that are too old, so that they can be told

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
import venv
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from components.packaging.pip_settings import PipSettingsError, pip_environment  # standard library alone
from localcloud import lifetime  # standard library alone

ROOT = Path(__file__).resolve().parents[1]
MINIMUM = (3, 11)
INTERRUPTED = "Installation interrupted; the next run starts it again."
# Asks the kernel to end this process when its parent is killed (Linux; elsewhere pip runs to its end), then runs pip.
DIE_WITH_PARENT = """
import os, sys
if sys.platform == "linux":
    import ctypes, signal
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
os.execv(sys.argv[1], sys.argv[1:])
"""
COMMANDS = ("ops", "localcloud")
COMMANDS_NEED = ROOT / "requirements" / "demo.txt"
# Runs a package of this checkout from any folder, also after a move or through a link. The checkout is on the path of
# this process alone: a function of the embedded cloud must not find the handlers there.
COMMAND = """#!/bin/sh
bin=$(dirname "$(readlink -f "$0")") && exec "$bin/python" -P -c 'import os, runpy, sys; \
sys.path.insert(0, os.path.realpath(sys.argv[1])); del sys.argv[:2]; \
runpy.run_module(sys.argv[0], run_name="__main__")' "$bin"/{checkout} {name} "$@"
"""
REPORTS = 4
"""How often progress is printed where it cannot be shown in place."""


class InstallationError(Exception):
    """One sentence that says why there is no environment, and what to do."""


def install(directory: Path, locks: list[Path], megabytes: int, *, bytecode: bool) -> None:
    """Make `directory` hold what `locks` pin and nothing else, and stamp each of them; or raise."""
    if directory.is_symlink():
        raise InstallationError(f"{directory} is a link, and what it leads to would be emptied: remove the link.")
    python = directory / "bin" / "python"
    stamps = [directory / f".installed-{lock.stem}" for lock in locks]
    started = time.monotonic()
    *earlier, newest = locks
    adding = bool(earlier) and all(stamp.exists() for stamp in stamps[:-1]) and not _differences(python, earlier)
    count = len(set(_pins(newest)).difference(*map(_pins, earlier if adding else [])))
    verb, into, size = ("Adding", "to", " in all") if adding else ("Installing", "into", "")
    print(f"{verb} {count} pinned packages {into} {directory} (once; {megabytes} MB{size})...", flush=True)
    for stamp in directory.glob(".installed-*"):
        stamp.unlink()
    if not adding:
        venv.create(directory, with_pip=True, clear=directory.exists())
    fill(directory, locks, count, bytecode=bytecode)
    if COMMANDS_NEED in [lock.resolve() for lock in locks]:
        write_commands(directory)
    for stamp in stamps:
        stamp.touch()
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)


def fill(directory: Path, locks: list[Path], count: int, *, bytecode: bool) -> None:
    """Put what `locks` pin into an environment, then raise unless it holds exactly that."""
    python = directory / "bin" / "python"
    environment = pip_environment(directory.resolve(), os.environ)
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--prefer-binary"]
    for pinned in {line for lock in locks for line in _pins(lock) if line.startswith("pip==")}:
        # The locked pip first, with bytecode: it is used several times.
        _run([*pip, "--quiet", pinned], environment)
    # The locks are complete, so nothing is resolved. Bytecode is for Python to write when it imports something: that of
    # pulumi_aws alone takes longer to make than everything else does to install.
    wanted = [argument for lock in locks for argument in ("--requirement", lock)]
    _run([*pip, "--no-deps", "--no-compile", *wanted], environment, _Counter(count))
    if bytecode:
        packages = next(directory.glob("lib/python*/site-packages"))
        # Some packages hold files that do not compile, and need not: the exit code tells nothing.
        _run([python, "-m", "compileall", "-qq", "-j", "0", packages], environment, fails=False)
    said = _differences(python, locks)
    if said:
        raise InstallationError(f"Installation failed: what was installed is not what is locked:\n{said}")


def write_commands(directory: Path) -> None:
    """Put a script for each of COMMANDS beside the environment's Python."""
    checkout = shlex.quote(os.path.relpath(ROOT, (directory / "bin").resolve()))
    for name in COMMANDS:
        script = directory / "bin" / name
        script.write_bytes(os.fsencode(COMMAND.format(checkout=checkout, name=name)))
        script.chmod(0o755)


def _pins(lock: Path) -> list[str]:
    """The lines that name a package; options, comments and the hashes below a package do not."""
    return [line for line in lock.read_text().splitlines() if line and not line.startswith((" ", "#", "-"))]


def _differences(python: Path, locks: list[Path]) -> str:
    """What the environment says of itself, by its own interpreter; empty when it holds what is locked."""
    command = [python, "-I", ROOT / "components" / "packaging" / "locked.py", *locks]
    with suppress(OSError):
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
        return finished.stderr.strip() if finished.returncode else ""
    return f"{python} does not run"


class _Counter:
    """Shows how many packages pip has come to: in place on a terminal, elsewhere a line now and then."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._done = 0
        self._shown = 0

    def read(self, line: str) -> None:
        """Take a line of pip's output."""
        words = line.split()
        if words[:1] == ["Collecting"]:
            self._done = min(self._done + 1, self._count)
            self._show(f"{self._done} of {self._count} {words[1]}", self._done * REPORTS // self._count)
        elif line.startswith("Installing collected packages"):
            self._show("unpacking", REPORTS + 1)

    def _show(self, text: str, stage: int) -> None:
        if sys.stdout.isatty():
            print(f"\r\033[K  {text}", end="", flush=True)
        elif stage > self._shown:
            self._shown = stage
            print(f"  {text}", flush=True)

    def end(self) -> None:
        """Leave the line on a terminal empty."""
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)


def _run(
    command: list[str | Path], environment: dict[str, str], counter: _Counter | None = None, *, fails: bool = True
) -> None:
    """Run a program to its end, in a process group of its own that does not outlive this process."""
    launched = [sys.executable, "-I", "-S", "-c", DIE_WITH_PARENT, *map(str, command)]
    output = subprocess.PIPE if counter else None
    # Popen as a context waits for the program, but an exception inside kills it first, and what it has started.
    with subprocess.Popen(launched, env=environment, stdout=output, text=True, process_group=0) as process:
        try:
            if counter and process.stdout:
                for line in process.stdout:
                    counter.read(line)
                counter.end()
            status = process.wait()
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    if status and fails:
        raise InstallationError(f"Installation failed: pip ended with exit code {status}, for the reason above.")


def main(arguments: argparse.Namespace) -> str | None:
    """Install; answers None, or a sentence that says why not."""
    if sys.version_info < MINIMUM:
        found = ".".join(map(str, sys.version_info[:3]))
        return f"Python {found} is too old: 3.11 or newer is needed. Name one: make PYTHON=python3.13 demo"
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    lifetime.stop_when_orphaned()
    try:
        install(arguments.directory, arguments.locks, arguments.megabytes, bytecode=arguments.bytecode)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (InstallationError, PipSettingsError) as error:
        return str(error)
    except subprocess.CalledProcessError:
        return "This Python cannot make a virtual environment with pip (Debian: apt install python3-venv)."
    except OSError as error:
        return f"Installation failed: {error.strerror} ({error.filename}). Free some space or correct the permissions."
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("locks", type=Path, nargs="+", help="the last one is added to the environment of the others")
    parser.add_argument("--megabytes", type=int, required=True, help="space that it takes, to be shown")
    parser.add_argument("--bytecode", action="store_true", help="compile everything, for many short processes")
    sys.exit(main(parser.parse_args()))
