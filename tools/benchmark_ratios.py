"""The table of `python -m tools.benchmarks --against REVISION`."""

from benchmarks.against import Comparison, Load, Pairs
from benchmarks.functions import OURS, QUERY
from tools.documents import table

NAMES = {OURS: "event handler", QUERY: "query"}
# Of a start: the unit, its size, and the digits shown.
UNITS = {"cpu": ("CPU, ms", 1e3, 0), "wall": ("wall, ms", 1e3, 0), "peak_memory": ("memory, MB", 1e-6, 1)}


def ratios(found: Comparison, revision: str) -> str:
    """Every measure of both trees, their ratio, and the bounds of the middle half of the turns' ratios."""
    rows = [_load(load, pairs) for load, pairs in found.cpu.items()]
    for (module, measure), pairs in found.starts.items():
        name, factor, digits = UNITS[measure]
        rows.append(_row(f"start of the {NAMES[module]}: {name}", pairs, factor, digits))
    rows += [_requests(load, pairs) for load, pairs in found.requests.items() if load.sampled and load.module == OURS]
    return table(["", revision, "this tree", f"this / {revision}", "middle half"], rows)


def _load(load: Load, pairs: Pairs) -> list[str]:
    traced = "traced" if load.sampled else "not traced"
    if load.module == QUERY:
        return _row(f"CPU of a query, ms, {traced}", pairs, 1e3, 2)
    rates = Pairs([1 / cpu for cpu in pairs.this], [1 / cpu for cpu in pairs.other])
    return _row(f"events per CPU second, batch of {load.batch}, {traced}", rates, 1, 0)


def _requests(load: Load, pairs: Pairs) -> list[str]:
    return _row(f"requests per event, batch of {load.batch}", pairs, 1, 2)


def _row(name: str, pairs: Pairs, factor: float, digits: int) -> list[str]:
    low, high = pairs.middle_half
    other, this = (f"{median * factor:,.{digits}f}" for median in (pairs.medians[1], pairs.medians[0]))
    return [name, other, this, f"{pairs.ratio:.2f}", f"{low:.2f} to {high:.2f}"]
