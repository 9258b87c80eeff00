"""What is traced, and how X-Ray's short names tell stacks apart."""

import pytest

from components.monitoring.tracing import NAME_LENGTH, xray_name
from localcloud.deployer.recorder import Graph


def test_a_name_x_ray_takes_is_the_prefix_and_a_longer_one_stays_distinct() -> None:
    assert xray_name("event-processing-dev") == "event-processing-dev"
    longer = [xray_name(f"event-processing-some-long-branch-{number}") for number in (1, 2)]
    assert [len(name) for name in longer] == [NAME_LENGTH, NAME_LENGTH]
    assert len(set(longer)) == 2


@pytest.mark.parametrize(("stack", "share"), [("dev_graph", 1), ("prod_graph", 0.05)])
def test_the_api_is_sampled_by_configuration_and_errors_are_grouped(
    stack: str, share: float, request: pytest.FixtureRequest
) -> None:
    graph: Graph = request.getfixturevalue(stack)
    rule, group = graph.one("aws:xray/samplingRule:SamplingRule").inputs, graph.one("aws:xray/group:Group").inputs
    api = f"{graph.one('aws:apigateway/restApi:RestApi').inputs['name']}/v1"
    assert (rule["serviceName"], rule["serviceType"]) == (api, "AWS::ApiGateway::Stage")
    assert (rule["fixedRate"], rule["reservoirSize"]) == (share, 1)
    assert f'service("{api}")' in group["filterExpression"]
    assert "fault = true OR error = true OR responsetime > 1)" in group["filterExpression"]
