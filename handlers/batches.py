"""Batches within the limits of SQS's batch operations: ten entries and 1 MiB."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

ENTRIES_MAX: Final = 10
BATCH_BYTES_MAX: Final = 1024 * 1024

T = TypeVar("T")


def batches(items: Iterable[T], size: Callable[[T], int] = lambda item: 0) -> Iterator[list[T]]:
    """Every item once, in order, in batches that SQS accepts; an item too large for any batch goes alone."""
    batch: list[T] = []
    batch_bytes = 0
    for item in items:
        item_bytes = size(item)
        if batch and (len(batch) == ENTRIES_MAX or batch_bytes + item_bytes > BATCH_BYTES_MAX):
            yield batch
            batch = []
            batch_bytes = 0
        batch.append(item)
        batch_bytes += item_bytes
    if batch:
        yield batch


def entry_bytes(entry: Mapping[str, Any]) -> int:
    """The size of an entry of SendMessageBatch as SQS counts it."""
    size = len(entry["MessageBody"].encode())
    for name, attribute in entry["MessageAttributes"].items():
        value = attribute["BinaryValue"] if "BinaryValue" in attribute else attribute["StringValue"].encode()
        size += len(name.encode()) + len(attribute["DataType"].encode()) + len(value)
    return size
