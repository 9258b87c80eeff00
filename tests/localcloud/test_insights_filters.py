"""Filters of queries keep the lines that a naive evaluation keeps."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.insights.engine import run
from localcloud.insights.parser import parse_query
from localcloud.insights.records import LogRecord
from localcloud.insights.syntax import Clock

CLOCK = Clock(now=1, start=0, end=1)
FIELDS = ("a", "b", "c")
SIDES = st.sampled_from([*FIELDS, 1, 2, "x", "1"])
COMPARISONS = st.tuples(SIDES, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), SIDES)
CONDITIONS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(st.tuples(st.just("not"), inner), st.tuples(inner, st.sampled_from(["and", "or"]), inner)),
    max_leaves=6,
)
DOCUMENTS = st.lists(
    st.dictionaries(st.sampled_from(FIELDS), st.sampled_from([0, 1, 2, 1.5, "x", "y", "1", None])), max_size=6
)


def written(condition: Any) -> str:
    match condition:
        case ("not", inner):
            return f"not ({written(inner)})"
        case (left, "and" | "or" as word, right):
            return f"({written(left)}) {word} ({written(right)})"
    left, symbol, right = ((repr(side) if side in ("x", "1") else str(side)) for side in condition)
    return f"{left} {symbol.strip(chr(39))} {right}"


def naive(condition: Any, document: dict[str, Any]) -> bool:
    match condition:
        case ("not", inner):
            return not naive(inner, document)
        case (left, "and" | "or" as word, right):
            return eval(f"{naive(left, document)} {word} {naive(right, document)}")
    left, symbol, right = condition
    one, other = (document.get(side) if side in FIELDS else side for side in (left, right))
    if one is None or other is None:
        return False
    if any(side in ("x", "y") for side in (one, other)):
        one, other = str(one), str(other)
    else:
        one, other = float(one), float(other)
    return eval(f"one {'==' if symbol == '=' else symbol} other")


@given(condition=CONDITIONS, documents=DOCUMENTS)
@settings(max_examples=150, deadline=None)
def test_filter_keeps_what_a_naive_evaluation_keeps(condition: Any, documents: list[dict[str, Any]]):
    lines = [
        LogRecord(
            at=number,
            message=json.dumps(document),
            stream="",
            group="",
            account="",
            ingested=0,
        )
        for number, document in enumerate(documents)
    ]
    found = run(parse_query(f"filter {written(condition)} | sort @timestamp", CLOCK), lines).rows
    kept = [line.pointer for line, document in zip(lines, documents, strict=True) if naive(condition, document)]
    assert [dict(row)["@ptr"] for row in found] == kept
