"""Make a virtual environment with everything a pinned requirements file names. Standard library only.

Runs before anything is installed, on whatever Python the newcomer has. A run that was interrupted is repeated in
full by the next one: the stamp file is written last.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

MINIMUM = (3, 11)


def die_with_parent() -> None:
    """Have the kernel end this process when its parent ends (Linux): a killed `make` leaves no pip behind."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def fail(sentence: str) -> int:
    """Print one sentence and answer the exit code."""
    print(sentence, file=sys.stderr)
    return 1


def main(directory: Path, requirements: Path, stamp: Path) -> int:
    """Install `requirements` into `directory` and write `stamp`; answers 0, or 1 after a sentence that says why not."""
    if sys.version_info < MINIMUM:
        found = ".".join(map(str, sys.version_info[:3]))
        return fail(f"Python {found} is too old: 3.11 or newer is needed. Name one: make PYTHON=python3.13 demo")
    die_with_parent()
    count = sum(1 for line in requirements.read_text().splitlines() if line and not line.startswith((" ", "#")))
    print(f"Installing {count} pinned packages into {directory} (once; about a minute, 850 MB)...", flush=True)
    started = time.monotonic()
    stamp.unlink(missing_ok=True)
    try:
        venv.create(directory, with_pip=True, clear=directory.exists())
        # --prefer-binary: nothing here should need a compiler. -qq: errors alone.
        command = [directory / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check",
                   "-qq", "--prefer-binary", "-r", requirements]  # fmt: skip
        subprocess.run(command, check=True, preexec_fn=die_with_parent)
    except KeyboardInterrupt:
        return fail("Interrupted; the next run starts the installation again.")
    except subprocess.CalledProcessError as error:
        hint = "" if shutil.which("python3") else " (is the venv module installed? Debian: apt install python3-venv)"
        return fail(f"Installation failed with exit code {error.returncode}: see the lines above{hint}.")
    except OSError as error:
        return fail(
            f"Installation failed: {error.strerror} ({error.filename}). Free some space or mend the permissions."
        )
    stamp.touch()
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)
    return 0


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    sys.exit(main(*map(Path, sys.argv[1:4])))
