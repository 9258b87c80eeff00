"""pytest collects every file that defines tests; it skips a file with another name in silence."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


def uncollected(root: Path) -> list[str]:
    """Return the files that define tests under a name that pytest does not collect."""
    return [
        str(path.relative_to(root))
        for path in sorted(root.rglob("*.py"))
        if "__pycache__" not in path.parts and not _is_collected(path) and _defines_tests(path)
    ]


def _is_collected(path: Path) -> bool:
    return path.name.startswith("test_") or path.name.endswith("_test.py")


def _defines_tests(path: Path) -> bool:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    defined = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, (*functions, ast.ClassDef))]
    return any(node.name.startswith("test_" if isinstance(node, functions) else "Test") for node in defined)


def test_every_file_with_tests_is_collected() -> None:
    assert uncollected(TESTS) == []


@pytest.mark.parametrize(
    ("name", "source", "found"),
    [
        ("queue_tests.py", "def test_it(): ...", True),
        ("deep/er/checks.py", "class TestIt:\n    def test_it(self): ...", True),
        ("waits.py", "async def test_it(): ...", True),
        ("test_queue.py", "def test_it(): ...", False),
        ("support.py", "def make_queue(): ...", False),
    ],
)
def test_uncollected_files_are_found(name: str, source: str, found: bool, tmp_path: Path) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source)
    assert uncollected(tmp_path) == ([name] if found else [])
