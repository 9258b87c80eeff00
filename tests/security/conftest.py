"""One scan of all plans, because starting the scanner takes longer than scanning."""

import copy

import pytest

from localcloud.deployer.recorder import Graph
from tests.security.sabotages import CHECKOV_SABOTAGES, ENDS_A_FINDING
from tests.security.scanners import Scan, scan_plans
from tests.security.terraform_plan import plan_of


@pytest.fixture(scope="session")
def scans(dev_graph: Graph, prod_graph: Graph, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scan]:
    """Checkov's findings in both stacks, and in a `prod` with every sabotage."""
    sabotaged = copy.deepcopy(prod_graph)
    for _, _, sabotage in (*CHECKOV_SABOTAGES, ENDS_A_FINDING):
        sabotage(sabotaged)
    graphs = {"dev": dev_graph, "prod": prod_graph, "sabotaged": sabotaged}
    return scan_plans({name: plan_of(graph) for name, graph in graphs.items()}, tmp_path_factory.mktemp("plans"))
