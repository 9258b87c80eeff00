"""Clients of the API can be added and removed without affecting each other, and a rotated secret is exported."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from localcloud.deployer import invented_aws
from localcloud.deployer.recorder import Graph, record
from tests.graph import resource_types as aws
from tests.graph.changes import Change, changes

SECRET = "n" * 52
# Of the client that is there, and of one that a new client has replaced since.
ROTATED = {"client-portal": SECRET, "client-undescribed": SECRET, "an-earlier-client": SECRET}
OTHERS = ["portal", "undescribed", "undescribed-replaced"]
"""Clients that stay; what is recorded with them is recorded here alone, because Cognito behaves differently."""


class Steps(NamedTuple):
    """A stack before, during and after the rotation of a client's credentials. Meanwhile it has rotated secrets."""

    before: Graph
    between: Graph
    after: Graph


@pytest.fixture(scope="module")
def steps() -> Iterator[Steps]:
    """A refresh puts what Cognito describes into the state, and that need not be the secret that gets a token."""

    def described(name: str, _: dict[str, Any]) -> dict[str, Any]:
        return {"id": f"client-{name}", "clientSecret": None if "undescribed" in name else f"secret-of-{name}"}

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(invented_aws.OUTPUTS, "UserPoolClient", described)
        yield Steps(
            before=record("dev", {"apiClients": [*OTHERS, "reporting-1"]}),
            between=record("dev", {"apiClients": [*OTHERS, "reporting-1", "reporting-2"], "rotatedSecrets": ROTATED}),
            after=record("dev", {"apiClients": ["reporting-2", *reversed(OTHERS)]}),
        )


def changed(client: str) -> set[Change]:
    credentials = {("outputs", f"apiClients.{client}.{part}") for part in ("clientId", "clientSecret")}
    return credentials | {(f"identity-{client}", "")}


def test_client_rotation_and_rotated_secrets_do_not_affect_another_client(steps: Steps) -> None:
    """A rotated secret changes no resource, and only the output of a client that has one."""
    secrets = {("outputs", f"apiClients.{client}.clientSecret") for client in ("portal", "undescribed")}
    assert changes(steps.before, steps.between) == changed("reporting-2") | secrets
    # The order of the names also differs here, and has no effect.
    assert changes(steps.between, steps.after) == changed("reporting-1") | secrets
    assert changes(steps.before, steps.after) == changed("reporting-1") | changed("reporting-2")
    assert {client.inputs["name"] for client in steps.after.of_type(aws.CLIENT)} == {*OTHERS, "reporting-2"}


def test_rotated_secret_is_in_the_outputs_whatever_cognito_describes(steps: Steps) -> None:
    clients = steps.between.outputs["apiClients"]
    assert "apiClients" in steps.between.secret_outputs
    assert {name: client["clientSecret"] for name, client in clients.items()} == {
        "portal": SECRET,
        "undescribed": SECRET,
        # A client that replaced a rotated one has its own secret.
        "reporting-1": "secret-of-reporting-1",
        "reporting-2": "secret-of-reporting-2",
        "undescribed-replaced": None,
    }
