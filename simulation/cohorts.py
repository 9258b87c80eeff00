"""Messages in the model: cohorts of equal ones, and how they spread over batches."""

import itertools
from collections import Counter
from dataclasses import dataclass


@dataclass(order=True)
class Cohort:
    """Messages that were sent together and are visible together."""

    visible_at: int
    order: int
    sent: int
    receives: int
    kinds: Counter


def times(kinds: Counter, factor: int) -> Counter:
    """So many times these messages."""
    return Counter({kind: count * factor for kind, count in kinds.items() if count and factor})


def batches_of(kinds: Counter, size: int) -> list[tuple[Counter, int]]:
    """Messages spread evenly over full batches, as (content of a batch, number of batches with that content)."""
    total = kinds.total()
    number = -(-total // size)
    if number <= 1:
        return [(+kinds, 1)] if total else []

    def content(index: int) -> Counter:
        return Counter({kind: count // number + (index < count % number) for kind, count in kinds.items()})

    # The content changes only where the remainder of a kind runs out.
    cuts = sorted({0, number, *(count % number for count in kinds.values())})
    return [(+content(start), end - start) for start, end in itertools.pairwise(cuts)]
