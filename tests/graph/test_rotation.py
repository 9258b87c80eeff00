"""Clients of the API can be added and removed without affecting each other."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from localcloud.deployer import invented_aws
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


def secret_in_outputs(config: dict[str, object]) -> str | None:
    return record("dev", {"apiClients": ["portal"], **config}).outputs["apiClients"]["portal"]["clientSecret"]


def test_rotated_secret_is_in_the_outputs_whatever_cognito_describes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refresh puts what Cognito describes into the state, and that need not be the secret that gets a token."""
    rotated = {"client-portal": "n" * 52}
    for described in ("secret-of-portal", None):
        made = {"id": "client-portal", "clientSecret": described}
        monkeypatch.setitem(invented_aws.OUTPUTS, "UserPoolClient", lambda *_, made=made: made)
        settings = {"rotatedSecrets": rotated, "owner": f"described-{described}"}  # recordings are kept by settings
        assert secret_in_outputs(settings) == "n" * 52
        replaced = {"rotatedSecrets": {"an-earlier-client": "n" * 52}, "owner": f"described-{described}"}
        assert secret_in_outputs(replaced) == described, "a client that replaced the rotated one has its own secret"


def test_setting_of_a_rotated_secret_changes_no_resource() -> None:
    before, after = (
        record("dev", {"apiClients": ["portal"], **config})
        for config in ({}, {"rotatedSecrets": {"client-portal": "n" * 52}})
    )
    assert changes(before, after) == {("outputs", "apiClients.portal.clientSecret")}
    assert "apiClients" in after.secret_outputs
