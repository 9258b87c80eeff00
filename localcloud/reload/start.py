"""Starts an entry point as Lambda does, in a process that can import what ships and nothing else.

Run as a file by an interpreter without site-packages (`-I -S -B`). Writes what stopped the start, or `null`, as JSON to
a file; prints nothing. The environment is that of the function.
"""

import importlib
import json
import os
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

PROJECT = str(Path(__file__).parents[2])


def _problem(error: str, frames: "list[traceback.FrameSummary]", tree: Path) -> dict[str, Any]:
    """What happened, and where: the last line of the user's own code that was running."""
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(tree)]
    problem: dict[str, Any] = {"error": error}
    if own:
        place = Path(own[-1].filename).relative_to(tree).as_posix()
        problem |= {"where": f"{place}:{own[-1].lineno}", "line": (own[-1].line or "").strip()}
    return problem


def _describe(error: BaseException, tree: Path) -> dict[str, Any]:
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).is_relative_to(tree):
        place = f"{Path(error.filename).relative_to(tree).as_posix()}:{error.lineno}"
        line = (error.text or "").strip()
        return {"error": f"{type(error).__name__}: {error.msg}", "where": place, "line": line}
    text = "".join(traceback.format_exception_only(error)).strip()
    problem = _problem(text, list(traceback.extract_tb(error.__traceback__)), tree)
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("handlers"):
        problem["missing"] = error.name.partition(".")[0]
    return problem


def _start(handler: str, tree: Path) -> dict[str, Any] | None:
    """Return what is wrong with the sources; None if the entry point starts."""
    try:
        for source in sorted(tree.rglob("*.py")):  # those too that nothing imports, because the artifact compiles them
            compile(source.read_bytes(), str(source), "exec", dont_inherit=True)
        module, _, name = handler.rpartition(".")
        entry = getattr(importlib.import_module(module), name, None)
    except BaseException as error:  # noqa: BLE001 - SystemExit too
        return _describe(error, tree)
    return None if callable(entry) else {"error": f"{module} has no function {name}"}


def _main(handler: str, tree: Path, layer: str, report: Path, seconds: float) -> None:
    lock = threading.Lock()

    def end(problem: dict[str, Any] | None) -> None:
        """Write the report, once, and end whatever other threads do."""
        with lock:
            partial = report.with_suffix(".partial")
            partial.write_text(json.dumps(problem), encoding="utf-8")
            partial.replace(report)
            os._exit(0)

    def give_up() -> None:
        frame = sys._current_frames()[main]
        end(_problem(f"still not started after {seconds:g} s", list(traceback.extract_stack(frame)), tree))

    main = threading.get_ident()
    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    sys.path[:0] = [str(tree), layer]
    end(_start(handler, tree))


if __name__ == "__main__":
    sys.path.insert(0, PROJECT)
    from localcloud import lifetime

    lifetime.watch_parent()
    # Of this project, only the copy of the sources may be found.
    sys.path.remove(PROJECT)
    for own in [name for name in sys.modules if name.partition(".")[0] == "localcloud"]:
        del sys.modules[own]
    _main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]), float(sys.argv[5]))
