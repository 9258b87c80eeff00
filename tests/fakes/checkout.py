"""A checkout for commands to run in: every file is the real one, but for the project's name and its stack files."""

from pathlib import Path

from localcloud import samples

ROOT = Path(__file__).parents[2]


def link_checkout(folder: Path) -> Path:
    """Fill the folder with links to what is in the real checkout, and with the stack files of the samples."""
    for entry in ROOT.iterdir():
        # What begins with a dot is git's, a cache's, or a running cloud's; only the environment is needed.
        if entry.name == ".venv" or not entry.name.startswith((".", "Pulumi.")):
            (folder / entry.name).symlink_to(entry)
    samples.write(ROOT, folder)
    return folder
