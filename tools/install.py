"""Make a virtual environment with everything a pinned requirements file names. Standard library only.

Runs before anything is installed, on whatever Python the newcomer has. A run that was interrupted is repeated in
full by the next one: the stamp file is written last.
"""

from __future__ import annotations  # for Pythons that are too old, so that they can be told

import ctypes
import os
import signal
import subprocess
import sys
import time
import venv
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from localcloud import lifetime  # standard library alone

MINIMUM = (3, 11)
INTERRUPTED = "Installation interrupted; the next run starts it again."


def die_with_parent() -> None:
    """Have the kernel end this process when its parent is killed (Linux; elsewhere pip runs to its end)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def main(directory: Path, requirements: Path, stamp: Path, megabytes: str) -> str | None:
    """Install `requirements` into `directory` and write `stamp`; answers None, or a sentence that says why not."""
    if sys.version_info < MINIMUM:
        found = ".".join(map(str, sys.version_info[:3]))
        return f"Python {found} is too old: 3.11 or newer is needed. Name one: make PYTHON=python3.13 demo"
    if directory.is_symlink():
        return f"{directory} is a link, and what it leads to would be emptied: remove the link."
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    count = sum(1 for line in requirements.read_text().splitlines() if line and not line.startswith((" ", "#")))
    size = f"once; a minute or two, {megabytes} MB"
    print(f"Installing {count} pinned packages into {directory} ({size})...", flush=True)
    started = time.monotonic()
    try:
        stamp.unlink(missing_ok=True)
        venv.create(directory, with_pip=True, clear=directory.exists())
        # --prefer-binary: nothing here should need a compiler. -qq: errors alone.
        command = [directory / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check",
                   "-qq", "--prefer-binary", "-r", requirements]  # fmt: skip
        # Popen as a context waits for pip, but an exception inside kills it first, and the builds it has started.
        with subprocess.Popen(command, preexec_fn=die_with_parent, process_group=0) as pip:
            try:
                lifetime.stop_when_orphaned()  # only now: forking with a second thread is asking for deadlocks
                status = pip.wait()
            except BaseException:
                with suppress(ProcessLookupError):
                    os.killpg(pip.pid, signal.SIGKILL)
                raise
    except KeyboardInterrupt:
        return INTERRUPTED
    except subprocess.CalledProcessError:
        return "This Python cannot make a virtual environment with pip (Debian: apt install python3-venv)."
    except OSError as error:
        return f"Installation failed: {error.strerror} ({error.filename}). Free some space or mend the permissions."
    if status:
        return f"Installation failed: pip ended with exit code {status}, for the reason above."
    stamp.touch()
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)
    return None


if __name__ == "__main__":
    os.environ.pop("PYTHONPATH", None)
    environment, pinned, done, megabytes = sys.argv[1:]
    sys.exit(main(Path(environment), Path(pinned), Path(done), megabytes))
