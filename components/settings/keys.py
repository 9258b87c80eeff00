"""Which configuration keys are misspelt: the CLI ignores a key that nothing reads."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, kw_only=True)
class UnknownKey:
    """A key that is not read, and the key that it seems to mean."""

    key: str
    nearest: str | None


def unknown_keys(given: Iterable[str], known: Iterable[str], namespaces: Collection[str]) -> Iterator[UnknownKey]:
    """Yield the full keys that are not known, and are in one of the namespaces or resemble a known key closely."""
    by_name = {key.partition(":")[2]: key for key in known}
    by_key = {key: key for key in known}
    for key in given:
        if key in by_key:
            continue
        namespace, _, name = key.partition(":")
        own = namespace in namespaces
        # All names of a namespace begin with the same text, which would make any two of them similar.
        meant, cutoff, candidates = (name, 0.6, by_name) if own else (key, 0.85, by_key)
        nearest = get_close_matches(meant, candidates, n=1, cutoff=cutoff)
        if own or nearest:
            yield UnknownKey(key=key, nearest=candidates[nearest[0]] if nearest else None)
