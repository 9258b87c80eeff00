"""How deep an expression is, before anything evaluates it with one call inside another."""

import ast

_MOST = 200
"""Python allows a thousand calls inside each other, and an evaluation takes up to three for each operator."""


def check_nesting(tree: ast.expr) -> None:
    """Raise ValueError for an expression that is too deep to be evaluated. This itself needs no deep stack."""
    waiting: list[tuple[int, ast.AST]] = [(0, tree)]
    while waiting:
        depth, node = waiting.pop()
        if depth > _MOST and isinstance(node, ast.expr):
            raise ValueError(f"more than {_MOST} operators inside each other are not supported: split it")
        waiting += [(depth + 1, child) for child in ast.iter_child_nodes(node)]
