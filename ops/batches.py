"""Batches within the limits of SQS's batch operations: ten entries and 1 MiB."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from handlers.quarantine import BATCH_BYTES_MAX, ENTRIES_MAX

T = TypeVar("T")


def batches(items: Iterable[T], size: Callable[[T], int] = lambda item: 0) -> Iterator[list[T]]:
    """Return every item once, in order, in batches SQS accepts; an item too large for any batch goes alone."""
    batch: list[T] = []
    batch_bytes = 0
    for item in items:
        item_bytes = size(item)
        if batch and (len(batch) == ENTRIES_MAX or batch_bytes + item_bytes > BATCH_BYTES_MAX):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(item)
        batch_bytes += item_bytes
    if batch:
        yield batch
