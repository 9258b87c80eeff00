"""The fingerprint of the alarms and the simulation, by which a test notices that docs/alert-quality.md is outdated."""

import ast
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from localcloud.cloudwatch.alarms import CompositeAlarm, MetricAlarm
from simulation.conditions import LEVELS
from simulation.harness import stack_for

ROOT = Path(__file__).parents[1]


def fingerprint() -> str:
    """A hash that changes with the alarms and with the code of the simulation."""
    alarms = [
        # Descriptions are left out: they may change without a new simulation.
        # pyrefly: ignore[bad-argument-type]
        repr(replace(alarm, **({"rule": alarm.rule.text} if isinstance(alarm, CompositeAlarm) else _comparable(alarm))))
        for level in LEVELS
        for alarm in stack_for(level).alarms
    ]
    digest = hashlib.sha256(json.dumps(sorted(alarms)).encode())
    for folder in (ROOT / "simulation", ROOT / "localcloud" / "cloudwatch"):
        for source in sorted(folder.glob("*.py")):
            if source.name != "drill.py":  # it reads what the others simulate, and the document has nothing of it
                digest.update(code_of(source.read_text()).encode())
    return digest.hexdigest()[:16]


def code_of(source: str) -> str:
    """The syntax tree of a module, without comments and docstrings, in the same words for every version of Python."""
    return _words(ast.parse(source))


def _words(part: object) -> str:
    if isinstance(part, list):
        # A string on its own documents the statement before it.
        return f"[{', '.join(_words(one) for one in part if not _is_text(one))}]"
    if not isinstance(part, ast.AST):
        return repr(part)
    # Newer versions have more fields, which are empty for code of older ones.
    fields = [f"{name}={_words(value)}" for name, value in ast.iter_fields(part) if value not in (None, [])]
    return f"{type(part).__name__}({', '.join(fields)})"


def _is_text(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _comparable(alarm: MetricAlarm) -> dict[str, Any]:
    metrics = [(metric.id, metric.key[:2], sorted(metric.key.dimensions), metric.statistic) for metric in alarm.metrics]
    return {"expression": alarm.expression.text, "metrics": metrics}
