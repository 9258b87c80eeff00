"""Rules for the owner of the account: whose roles are bounded, what is tagged, and which logs can be deleted."""

from collections.abc import Iterator

from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tests.graph.graph_rules import custom


def roles_have_one_boundary(graph: Graph) -> Iterator[str]:
    """Every role has the permissions boundary of the stack, or none has one."""
    boundaries = {role.name: role.inputs.get("permissionsBoundary") for role in graph.of_type(aws.ROLE)}
    if any(boundaries.values()):
        wanted = max(filter(None, boundaries.values()))
        yield from (f"{name} has the boundary {found}" for name, found in boundaries.items() if found != wanted)


def tags_are_the_providers(graph: Graph) -> Iterator[str]:
    """No resource has tags of its own, which would override those of the stack."""
    yield from (f"{resource.name} has tags of its own" for resource in custom(graph) if resource.inputs.get("tags"))


def log_groups_are_protected_like_the_table(graph: Graph) -> Iterator[str]:
    """A protected table means protected logs, and false is stated: the provider keeps a protection that is left out.

    The probe's log is never protected, because the setting `probe` deletes it.
    """
    is_protected = graph.one(aws.TABLE).inputs["deletionProtectionEnabled"]
    for group in graph.of_type(aws.LOG_GROUP):
        wanted = is_protected and group.name != "probe-log"
        if group.inputs.get("deletionProtectionEnabled") is not wanted:
            yield f"{group.name} has deletion protection {group.inputs.get('deletionProtectionEnabled')}"
