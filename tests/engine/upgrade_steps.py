"""What the upgrade from each release has to do, for tests/engine/test_upgrade.py."""

from dataclasses import dataclass

Step = tuple[str, str]
"""Operation and logical name."""


@dataclass(frozen=True)
class Expected:
    """An upgrade from a release to what is here."""

    order: tuple[tuple[Step, Step], ...]
    """Pairs of steps, the first of which must be done before the second."""
    versions: frozenset[str]
    """The versions of a function that traffic meets, before and after it moves."""


UPGRADES = {
    "0.1.0": Expected(
        order=(
            (("update", "query-function"), ("create", "query-alias")),
            (("create", "query-alias"), ("create-replacement", "api-invoke")),
            (("create-replacement", "api-invoke"), ("update", "api-query")),
            (("update", "api-query"), ("create-replacement", "api-deployment")),
            (("create-replacement", "api-deployment"), ("update", "api-stage")),
            (("update", "api-stage"), ("delete-replaced", "api-invoke")),
            (("update", "event-handler-function"), ("create", "event-handler-alias")),
            (("create", "event-handler-alias"), ("update", "consumer-mapping")),
            (("update", "event-handler-function"), ("delete-replaced", "dependencies-layer")),
            (("update", "query-function"), ("delete-replaced", "dependencies-layer")),
        ),
        versions=frozenset({"$LATEST", "1"}),
    ),
}
