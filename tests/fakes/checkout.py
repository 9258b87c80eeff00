"""A checkout to run commands in: all files are links to the real checkout, except the project and stack files."""

import shutil
from collections.abc import Collection
from pathlib import Path

from localcloud import samples

ROOT = Path(__file__).parents[2]


def link_checkout(folder: Path, *, copied: Collection[str] = ()) -> Path:
    """Fill the folder with links to the real checkout, copies of some of its folders, and the sample stack files."""
    for entry in ROOT.iterdir():
        if entry.name in copied:
            shutil.copytree(entry, folder / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
            continue
        # Other names that begin with a dot belong to git, a cache, or a running cloud.
        if entry.name == ".venv" or not entry.name.startswith((".", "Pulumi.")):
            (folder / entry.name).symlink_to(entry)
    samples.write(ROOT, folder)
    return folder
