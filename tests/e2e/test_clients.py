"""Every client of the API has its own credentials, which can be revoked separately."""

from tests.e2e.conftest import Stack, claims


def test_every_client_has_its_own_credentials(neighbour: Stack):
    clients = neighbour.outputs["apiClients"]
    assert clients.keys() == {"reporting", "web-portal"}
    for name, client in clients.items():
        token = neighbour.token(name)
        assert claims(token)["client_id"] == client["clientId"], "the access log identifies clients by it"
        assert neighbour.query("anybody", token).status_code == 200
    assert len({client["clientSecret"] for client in clients.values()}) == 2


def test_removed_client_gets_no_token_and_its_replacement_does(neighbour: Stack):
    """tests/graph/test_rotation.py shows that a replaced name in `apiClients` makes these changes and no others."""
    cognito, scope = neighbour.client("cognito-idp"), neighbour.outputs["apiScope"]
    old, new = neighbour.new_client("billing", scope), neighbour.new_client("billing-2", scope)
    assert neighbour.request_token(old["clientId"], old["clientSecret"], scope).status_code == 200
    cognito.delete_user_pool_client(UserPoolId=neighbour.pool_id(), ClientId=old["clientId"])
    assert neighbour.request_token(old["clientId"], old["clientSecret"], scope).status_code in {400, 401}
    assert neighbour.request_token(new["clientId"], old["clientSecret"], scope).status_code in {400, 401}
    token = neighbour.request_token(new["clientId"], new["clientSecret"], scope).json()["access_token"]
    assert neighbour.query("anybody", token).status_code == 200
    assert neighbour.query("anybody", neighbour.token("reporting")).status_code == 200
