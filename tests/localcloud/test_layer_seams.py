"""A layer is unpacked once, and each process of a function finds it where ministack would unpack it."""

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
from localcloud.emulator.layer_seams import unpack_layers_once

if sys.argv[1] == "plugged":
    unpack_layers_once()
found = []
for folder in sys.argv[2:]:
    for name in ("code", "layer_0"):
        unpacked = os.path.join(folder, name)
        os.makedirs(unpacked)
        with lambda_runtime.zipfile.ZipFile(os.path.join(folder, name + ".zip")) as archive:
            names = archive.namelist()
            archive.extractall(unpacked)
        module = os.path.join(unpacked, "python", "module.py")
        with open(module) as text:
            found.append([names, text.read(), os.path.realpath(module)])
print(json.dumps(found))
"""


def unpacked(scratch: Path, kind: str) -> list[list[list[str] | str]]:
    """The names, a module's text and its real path, for code and layer of three processes; the third has others."""
    folders = [scratch / kind / str(number) for number in range(3)]
    for folder in folders:
        folder.mkdir(parents=True)
        for name in ("code", "layer_0"):
            with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
                archive.writestr("python/module.py", "text = 2" if folder == folders[2] else "text = 1")
    words = [sys.executable, "-c", PROGRAM, kind, *map(str, folders)]
    environment = {"PATH": "", "TMPDIR": str(scratch)}
    ran = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return json.loads(ran.stdout)


def test_processes_share_what_is_in_equal_layers_and_nothing_of_their_code(tmp_path: Path):
    code, layer, other_code, same_layer, _, other_layer = unpacked(tmp_path, "plugged")
    assert (layer[0], code[0]) == (["python"], ["python/module.py"])
    assert layer[1:] == same_layer[1:]
    assert code[2] != other_code[2]
    assert (other_layer[1], other_layer[2] != layer[2]) == ("text = 2", True)


def test_control_ministack_unpacks_each_layer_again(tmp_path: Path):
    _, layer, _, same_layer, _, _ = unpacked(tmp_path, "plain")
    assert (layer[1], layer[2] != same_layer[2]) == (same_layer[1], True)
