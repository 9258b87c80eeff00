"""A virtual environment with the packages of `make demo` alone, made of those the tests run with."""

import venv
from collections.abc import Collection
from importlib.metadata import distribution
from pathlib import Path

from components.packaging import locked

LOCK = Path(__file__).parents[2] / "requirements" / "demo.txt"


def make(folder: Path, *, without: Collection[str] = ()) -> Path:
    """Link what each package of the demo has installed into a new environment; returns its Python."""
    venv.create(folder)
    packages = next(folder.glob("lib/python*/site-packages"))
    for name in locked.pins([LOCK.read_text()]).keys() - set(without):
        found = distribution(name)
        # A folder that several packages fill, such as `google`, is linked once, as all of them are of the demo.
        parts = {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}
        for part in parts:
            if not (packages / part).exists():
                (packages / part).symlink_to(Path(str(found.locate_file(part))))
    return folder / "bin" / "python"
