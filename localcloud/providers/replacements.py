"""What a changed input does in AWS: facts about the AWS provider, each type with its source in replacements.json.

- `replaces`: inputs whose change replaces the resource.
- `computed`: inputs that the provider keeps when the program no longer gives them, so that taking them out changes
  nothing.
- `names`: inputs that make a physical name which cannot exist twice in an account.
- `draws`: the input for which the provider draws a random name when the program gives none.

A source is a file of terraform-provider-aws, `internal/service/`, unless it says otherwise.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from localcloud.deployer.engine import ResourceFailed
from localcloud.providers.inputs import RESOURCE_TYPES


@dataclass(frozen=True)
class Facts:
    """What replaces a resource of a type, and what names it."""

    replaces: frozenset[str]
    source: str
    computed: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    draws: str = ""


@cache
def all_facts() -> dict[str, Facts]:
    """Return the facts by type."""
    table = json.loads(Path(__file__).with_suffix(".json").read_text())
    return {type_: Facts(**_with_sets(fact)) for type_, fact in table.items()}


def _with_sets(fact: dict[str, Any]) -> dict[str, Any]:
    return {key: frozenset(value) if isinstance(value, list) else value for key, value in fact.items()}


def facts(type_: str) -> Facts:
    """Return the facts of a type, or raise ResourceFailed."""
    if type_ not in all_facts() or type_ not in RESOURCE_TYPES:
        raise ResourceFailed("the embedded cloud has no provider for this type; add one to localcloud/providers")
    return all_facts()[type_]


def changed(type_: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> frozenset[str]:
    """Return the inputs that differ; an input is compared deeply, and one without a value is as good as absent."""
    computed = facts(type_).computed
    return frozenset(
        name
        for name in old.keys() | new.keys()
        if old.get(name) != new.get(name) and not (name in computed and new.get(name) is None)
    )


def replacing(type_: str, names: Iterable[str]) -> list[str]:
    """Return those of the changed inputs that replace the resource."""
    return sorted(facts(type_).replaces & set(names))
