"""The fingerprint follows code and nothing else, and is the same for every version of Python."""

import pytest

from simulation.fingerprint import code_of

SOURCE = '''
"""A module."""
LIMIT = 3
"""What it is for."""

def most(values: list[int]) -> int:
    """Return the greatest."""
    return max(values) if values else LIMIT  # a comment
'''


@pytest.mark.parametrize(
    ("before", "after"), [("A module", "A text"), ("What it", "That"), ("greatest", "most"), ("  # a comment", "")]
)
def test_words_about_the_code_change_nothing(before: str, after: str):
    assert before in SOURCE
    assert code_of(SOURCE.replace(before, after)) == code_of(SOURCE)


@pytest.mark.parametrize(
    ("before", "after"), [("3", "4"), ("max", "min"), ("list[int]", "list"), ("values else", "not values else")]
)
def test_control_other_code_is_noticed(before: str, after: str):
    assert before in SOURCE
    assert code_of(SOURCE.replace(before, after)) != code_of(SOURCE)


def test_version_of_python_changes_nothing():
    """Python 3.12 added a field to each function, and 3.13 leaves out what is empty."""
    assert code_of("def f():\n    return None") == (
        "Module(body=[FunctionDef(name='f', args=arguments(), body=[Return(value=Constant())])])"
    )
