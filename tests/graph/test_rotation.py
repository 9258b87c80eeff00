"""Clients of the API come and go without touching each other."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from localcloud.deployer.recorder import Graph, record
from tests.graph import resource_types as aws
from tests.graph.changes import changes


@pytest.fixture(scope="module")
def rotation() -> list[Graph]:
    """A stack before and while one of its clients gets other credentials; then without the old ones, reordered."""
    steps = (["portal", "reporting-1"], ["portal", "reporting-1", "reporting-2"], ["reporting-2", "portal"])
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda clients: record("dev", {"apiClients": clients}), steps))


def test_a_client_is_rotated_without_touching_another(rotation: list[Graph]) -> None:
    before, between, after = rotation
    assert changes(before, between) == {("identity-reporting-2", ""), ("outputs", "apiClients.reporting-2")}
    # The order of the names, which differs here too, means nothing.
    assert changes(between, after) == {("identity-reporting-1", ""), ("outputs", "apiClients.reporting-1")}
    assert {client.inputs["name"] for client in after.of_type(aws.CLIENT)} == {"portal", "reporting-2"}
