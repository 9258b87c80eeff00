"""pytest collects every file that defines tests; it skips a file with another name in silence."""

import re
from pathlib import Path

from tests.fakes.checkout import ROOT

TEST = re.compile(r"^ *(async )?def test_|^class Test", re.MULTILINE)


def uncollected(folder: Path) -> list[str]:
    """Return the files that define tests under a name that pytest does not collect."""
    return [file.name for file in folder.rglob("*.py") if TEST.search(file.read_text()) and file.name[:5] != "test_"]


def test_every_file_with_tests_is_collected(tmp_path: Path) -> None:
    assert uncollected(ROOT / "tests") == []
    for name in ("test_queue.py", "queue_tests.py"):  # the control
        (tmp_path / name).write_text("async def test_it(): ...\n")
    (tmp_path / "checks.py").write_text("class TestIt:\n    def test_it(self): ...\n")
    (tmp_path / "support.py").write_text("def make_queue(): ...\n")
    assert sorted(uncollected(tmp_path)) == ["checks.py", "queue_tests.py"]
