"""Clients of the API can be added and removed without affecting each other."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from localcloud.deployer.recorder import Graph, record
from tests.graph import resource_types as aws
from tests.graph.changes import Change, changes


@pytest.fixture(scope="module")
def rotation() -> list[Graph]:
    """A stack before and during the rotation of a client's credentials, then without the old client, reordered."""
    steps = (["portal", "reporting-1"], ["portal", "reporting-1", "reporting-2"], ["reporting-2", "portal"])
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda clients: record("dev", {"apiClients": clients}), steps))


def changed(client: str) -> set[Change]:
    credentials = {("outputs", f"apiClients.{client}.{part}") for part in ("clientId", "clientSecret")}
    return credentials | {(f"identity-{client}", "")}


def test_client_rotation_does_not_affect_another_client(rotation: list[Graph]) -> None:
    before, between, after = rotation
    assert changes(before, between) == changed("reporting-2")
    # The order of the names also differs here, and has no effect.
    assert changes(between, after) == changed("reporting-1")
    assert {client.inputs["name"] for client in after.of_type(aws.CLIENT)} == {"portal", "reporting-2"}
