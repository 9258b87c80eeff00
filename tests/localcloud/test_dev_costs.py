"""How many clients and requests make stack dev, and how many processes: what the start of the cloud takes."""

from collections import Counter

from localcloud.cloud import LocalCloud
from tests.fakes.deployment_costs import counted

CLIENTS = 12
"""One for each service that the stack uses."""
REQUESTS = 113
"""No more than one for most resources; a queue, for example, has a second for its ARN."""


def test_deployment_makes_a_client_per_service_and_asks_nothing_twice(
    deployment_costs: Counter[str], blind_cloud: LocalCloud
):
    assert blind_cloud.resources
    assert deployment_costs == {
        "clients": CLIENTS,
        "requests": REQUESTS,
        "localcloud.emulator.server": 1,
        "localcloud.deployer.language_host": 1,
    }


def test_control_a_request_more_is_counted(blind_cloud: LocalCloud):
    with counted() as counts:
        blind_cloud.client("ec2").describe_vpcs()
    assert counts == {"clients": 1, "requests": 1}
