"""Code and layers are unpacked once, and each process of a function finds them where ministack would unpack them."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.fakes.checkout import ROOT

# In a process of its own, because importing ministack starts its services. Unpacks archives as ministack does.
PROGRAM = """
import json, os, sys
from ministack.core import lambda_runtime
from localcloud.emulator.layer_seams import unpack_archives_once

if sys.argv[1] == "plugged":
    unpack_archives_once()
found = []
for folder in sys.argv[2:]:
    for name in ("code", "layer_0"):
        unpacked = os.path.join(folder, name)
        os.makedirs(unpacked)
        with lambda_runtime.zipfile.ZipFile(os.path.join(folder, name + ".zip")) as archive:
            names = archive.namelist()
            archive.extractall(unpacked)
        module = os.path.join(unpacked, "python", "module.py")
        with open(module) as text, open(os.path.join(unpacked, "entry.py")) as entry:
            found.append([sorted(names), text.read() + entry.read(), os.path.realpath(module)])
print(json.dumps(found))
"""


def unpacked(scratch: Path, kind: str) -> list[list[list[str] | str]]:
    """The names, two modules' texts and a real path, for code and layer of three processes; the third has others."""
    folders = [scratch / kind / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir(parents=True)
        for name in ("code", "layer_0"):
            with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
                archive.writestr("python/module.py", "text = 2" if folder == folders[2] else "text = 1")
                archive.writestr("entry.py", f" # {name}")
    words = [sys.executable, "-c", PROGRAM, kind, *map(str, folders)]
    environment = {"PATH": "", "TMPDIR": str(scratch)}
    ran = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def test_processes_share_what_is_in_equal_archives(tmp_path: Path):
    code, layer, same_code, same_layer, other_code, other_layer = unpacked(tmp_path, "plugged")
    assert layer[:2] == [["entry.py", "python"], "text = 1 # layer_0"]
    assert code[:2] == [["entry.py", "python"], "text = 1 # code"]
    assert (same_layer, same_code) == (layer, code)
    assert (other_layer[1], other_code[1]) == ("text = 2 # layer_0", "text = 2 # code")
    assert len({found[2] for found in (code, layer, other_code, other_layer)}) == 4


def test_control_ministack_unpacks_each_archive_again(tmp_path: Path):
    code, layer, same_code, same_layer, _, _ = unpacked(tmp_path, "plain")
    assert (layer[1], layer[2] != same_layer[2]) == (same_layer[1], True)
    assert (code[1], code[2] != same_code[2]) == (same_code[1], True)
