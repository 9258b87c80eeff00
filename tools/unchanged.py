"""Run a command that may leave nothing behind: `python -m tools.unchanged COMMAND...`.

What git ignores does not count. The exit code is the command's, or 1 when the working tree is not as it was.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path


def working_tree() -> dict[str, str] | None:
    """Return a digest of every file that git knows or would add, by its name; None where there is no repository."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode:
        return None
    files = [Path(name) for name in listed.stdout.split("\0") if name]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


def main(command: list[str]) -> int:
    """Run the command and return its exit code, or 1 and say what it has changed."""
    before = working_tree()
    running = subprocess.Popen(command)
    while True:
        try:
            status = running.wait()
            break
        except KeyboardInterrupt:  # the command got it too, and has an end of its own
            continue
    after = working_tree()
    if before is None or after is None:
        print("This is no git repository, so nobody checked what was left in it.", file=sys.stderr)
        return status
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    for name in changed:
        print(f"The working tree is not as it was: {name}", file=sys.stderr)
    return status or int(bool(changed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
