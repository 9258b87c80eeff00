"""Whether edited sources start, found out in processes of their own before a function runs them."""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.packaging.wheels import LAYER_PREFIX
from localcloud import lifetime

START_SECONDS = 10
"""As long as Lambda gives a function to start: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"""
STUCK_SECONDS = 2
"""How much longer a process may take that cannot even say that its time is over."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """How a function is started."""

    handler: str
    """`module.function`."""
    environment: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What stopped a start."""

    error: str
    where: str = ""
    """`file:line` of the edited sources, if any of them was running."""
    line: str = ""
    """The source line there."""
    missing: str = ""
    """The package that is not in the layer."""

    def lines(self) -> list[str]:
        """Return it for a person, on a few lines."""
        found = [f"{self.where}: {self.error}" if self.where else self.error]
        if self.line:
            found.append(f"    {self.line}")
        if self.missing:
            found.append(
                f"{self.missing} is not in the layer, which has what handlers/requirements.txt locks. Add the package "
                "to the group `functions` of pyproject.toml, run `make lock`, and start the cloud again."
            )
        return found


def unpack_layer(layer: Path, into: Path) -> Path:
    """Return the folder of a layer's packages, unpacked once."""
    folder = into / layer.stem
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=into) as work, zipfile.ZipFile(layer) as archive:
            archive.extractall(work)
            (Path(work) / LAYER_PREFIX).rename(folder)
    return folder


def find_problems(
    starts: Sequence[Start], tree: Path, layer: Path, seconds: float, *, stopped: threading.Event
) -> list[Problem]:
    """Start every function from the sources in `tree` and the unpacked layer; return what went wrong, each once."""
    with tempfile.TemporaryDirectory(prefix="start-", dir=tree.parent) as work:
        children: list[tuple[subprocess.Popen[bytes], Path]] = []
        try:
            for number, start in enumerate(starts):
                report = Path(work, f"{number}.json")
                children.append((_spawn(start, tree, layer, report, seconds), report))
            deadline = time.monotonic() + seconds + STUCK_SECONDS
            while any(child.poll() is None for child, _ in children) and time.monotonic() < deadline:
                if stopped.wait(0.02):
                    break
        finally:
            for child, _ in children:
                lifetime.stop(child, seconds=0)
        found = [_read(child, report, seconds) for child, report in children]
    return list(dict.fromkeys(problem for problem in found if problem))


def _spawn(start: Start, tree: Path, layer: Path, report: Path, seconds: float) -> "subprocess.Popen[bytes]":
    script = Path(__file__).with_name("start.py")
    arguments = [start.handler, str(tree), str(layer), str(report), str(seconds)]
    return lifetime.spawn(
        [sys.executable, "-I", "-S", "-B", str(script), *arguments],
        cwd=tree,
        env={"PATH": os.environ.get("PATH", os.defpath), "LAMBDA_TASK_ROOT": str(tree), **start.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _read(child: "subprocess.Popen[bytes]", report: Path, seconds: float) -> Problem | None:
    try:
        problem = json.loads(report.read_text(encoding="utf-8"))
    except OSError:
        if child.returncode and child.returncode > 0:
            return Problem(error=f"the start ended its process with exit code {child.returncode}")
        return Problem(error=f"the start ended by itself, or hangs: nothing was heard of it within {seconds:g} s")
    return Problem(**problem) if problem else None
