"""Stacks beyond the two that ship."""

import pytest

from tests.recorder import Graph, record


@pytest.fixture(scope="session")
def extended_graph() -> Graph:
    """Stack `dev` with everything switched on that makes resources of its own."""
    extensions = {
        "cmk": True,
        "manageApiGatewayAccount": True,
        "producerPrincipals": ["arn:aws:iam::210987654321:role/identity-provider"],
        "apiClients": ["one", "two"],
        "alarmEmail": "oncall@example.com",
        "monitoring": "full",
        "alarms": {"queue-age": {"threshold": 900}, "api-5xx": {"enabled": False}},
        "batchSize": 100,
        "batchWindowSeconds": 5,
    }
    return record("dev", extensions)
