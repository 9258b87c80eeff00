"""How every component is written, read from its source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

COMPONENTS = Path(__file__).parents[2] / "components"
MODULES = sorted(COMPONENTS.rglob("*.py"))


def problems(source: str, module: str) -> Iterator[str]:
    """Say what is wrong with the components of a module."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and any(
            ast.unparse(base).endswith("ComponentResource") for base in node.bases
        ):
            (init,) = (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__")
            calls = [call for call in ast.walk(init) if isinstance(call, ast.Call)]
            outputs = [call for call in calls if ast.unparse(call.func) == "self.register_outputs"]
            last = init.body[-1]
            if len(outputs) != 1 or not (isinstance(last, ast.Expr) and last.value is outputs[0]):
                yield f"{node.name} does not register its outputs once and last"
            token = f"event-processing:{module}:{node.name}"
            if not ast.unparse(init.body[0]).startswith(f"super().__init__('{token}', name, {{}}, opts)"):
                yield f"{node.name} does not begin by being {token}"
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("ResourceOptions.merge"):
            yield "options are merged: children would move out of their component"
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "pulumi.export":
            yield "a component exports: only the program does"
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "pulumi.Config" and module != "settings":
            yield "configuration is read outside settings"


def module_name(path: Path) -> str:
    """The first module below `components`, as type tokens write it."""
    return path.relative_to(COMPONENTS).with_suffix("").parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(COMPONENTS)))
def test_components_are_written_by_the_rules(path: Path) -> None:
    assert list(problems(path.read_text(), module_name(path))) == []


def test_components_were_found() -> None:
    found = "".join(path.read_text() for path in MODULES).count("(pulumi.ComponentResource)")
    assert found >= 11


GOOD = """
class Queue(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("event-processing:queue:Queue", name, {}, opts)
        self.register_outputs({})
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("        self.register_outputs({})", "        pass"),
        ("        self.register_outputs({})", "        self.register_outputs({})\n        self.late = 1"),
        ("        self.register_outputs({})", "        if name:\n            self.register_outputs({})"),
        ("event-processing:queue:Queue", "event-processing:other:Queue"),
        ("{}, opts)", "{}, pulumi.ResourceOptions.merge(opts, None))"),
        ("        self.register_outputs", "        pulumi.export('url', 1)\n        self.register_outputs"),
        ("        self.register_outputs", "        pulumi.Config()\n        self.register_outputs"),
    ],
)
def test_rules_catch_broken_components(old: str, new: str) -> None:
    assert list(problems(GOOD, "queue")) == []
    assert list(problems(GOOD.replace(old, new), "queue"))
