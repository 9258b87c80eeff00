"""The deployer and the providers of the embedded cloud stay small, because they only serve the product."""

import ast
import io
import tokenize
from pathlib import Path

LOCALCLOUD = Path(__file__).parents[2] / "localcloud"
CODE_LINES_MAX = 1200
NOT_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def code_lines(source: str) -> int:
    """Count the lines that are neither blank, nor comment, nor docstring."""
    tokens = [token for token in tokenize.generate_tokens(io.StringIO(source).readline) if token.type not in NOT_CODE]
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            lines -= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return len(lines)


def test_deployer_and_providers_are_small():
    files = [*(LOCALCLOUD / "deployer").glob("*.py"), *(LOCALCLOUD / "providers").glob("*.py")]
    assert sum(code_lines(file.read_text()) for file in files) < CODE_LINES_MAX


def test_only_code_is_counted():
    source = '"""Module."""\n\n# comment\nX = 1\n\ndef f():\n    """Doc\n    string."""\n    return """a\n\nb"""\n'
    assert code_lines(source) == len(["X = 1", "def f():", 'return """a', "", 'b"""'])
