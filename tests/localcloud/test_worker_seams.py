"""A process of a function imports botocore when its code does, and what ministack adds to it is there then."""

import json
import subprocess
import sys
from pathlib import Path

from tests.fakes.checkout import ROOT

# In a process of its own, because importing ministack starts its services.
PROGRAM = """
import sys
from ministack.core import lambda_runtime
from localcloud.emulator.worker_seams import import_botocore_when_used

if sys.argv[1] == "plugged":
    import_botocore_when_used()
print(lambda_runtime._PYTHON_WORKER_SCRIPT)
"""
CODE = """
import sys
def handler(event, context):
    before = "botocore.handlers" in sys.modules
    import botocore.session
    added = [getattr(each[1], "__name__", "") for each in botocore.handlers.BUILTIN_HANDLERS]
    return {"before": before, "counts": added.count("_ms_add_invoke_depth")}
"""


def start_and_invoke(folder: Path, kind: str) -> dict[str, object]:
    """What a function returns."""
    environment = {"PATH": "", "TMPDIR": str(folder)}
    made = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    (folder / "_worker.py").write_text(made.stdout)
    (folder / "code.py").write_text(CODE)
    lines = [{"code_dir": str(folder), "module": "code", "handler": "handler"}, {"event": {}}]
    ran = subprocess.run(
        [sys.executable, "_worker.py"],
        cwd=folder,
        env=environment,
        input="".join(f"{json.dumps(line)}\n" for line in lines),
        capture_output=True,
        text=True,
        check=True,
    )
    ready, returned = map(json.loads, ran.stdout.splitlines())
    assert ready["status"] == "ready", ready
    assert returned["status"] == "ok", returned
    return returned["result"]


def test_botocore_is_imported_by_the_function_and_counts_then(tmp_path: Path):
    assert start_and_invoke(tmp_path, "plugged") == {"before": False, "counts": 1}


def test_control_ministack_imports_it_in_each_process(tmp_path: Path):
    assert start_and_invoke(tmp_path, "plain") == {"before": True, "counts": 1}


def test_function_without_wrapt_starts_as_before(tmp_path: Path):
    (tmp_path / "wrapt.py").write_text("raise ImportError")
    assert start_and_invoke(tmp_path, "plugged") == {"before": True, "counts": 1}
