"""What docs/cost.md says about the bytes of log lines is what the lines have."""

import json

import pytest

from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tools import log_bytes
from tools.log_bytes import BUSY, BUSY_BATCH_SECONDS, BUSY_QUERY_SECONDS, QUIET, QUIET_SECONDS, OwnBytes


@pytest.fixture(scope="module")
def counted() -> dict[str, OwnBytes]:
    return {
        "QUIET": log_bytes.count_own(QUIET_SECONDS, QUIET_SECONDS),
        "BUSY": log_bytes.count_own(BUSY_BATCH_SECONDS, BUSY_QUERY_SECONDS),
    }


@pytest.mark.parametrize("name", ["batch_of_1", "batch_of_10", "query"])
@pytest.mark.parametrize(("pace", "kept"), [("QUIET", QUIET), ("BUSY", BUSY)])
def test_handlers_write_what_was_counted(pace: str, kept: OwnBytes, name: str, counted: dict[str, OwnBytes]) -> None:
    # Durations have more digits on one machine than on another.
    found = getattr(counted[pace], name)
    words = f"write {found:.0f} as {name} of {pace} in tools/log_bytes.py"
    assert found == pytest.approx(getattr(kept, name), rel=0.03, abs=3), words


def test_another_event_adds_its_age(counted: dict[str, OwnBytes]) -> None:
    for found in counted.values():
        assert 4 < found.of_batch(2) - found.of_batch(1) < 20
        assert found.of_batch(10) == pytest.approx(found.batch_of_10)


def test_lambda_writes_by_the_level_of_the_stack(dev_graph: Graph, prod_graph: Graph) -> None:
    assert log_bytes.of_platform(prod_graph, "query", 0.03) == 0
    assert 600 < log_bytes.of_platform(dev_graph, "query", 0.03) < 1_000


def test_access_log_is_counted_in_the_format_of_the_stage(dev_graph: Graph) -> None:
    template = dev_graph.one(aws.STAGE).inputs["accessLogSettings"]["format"]
    found = log_bytes.of_access(dev_graph)
    # Each value is realistic: neither a variable nor a dash is left, but for the two fields of a rejection.
    assert found - log_bytes.BYTES_OF_A_LINE > len(json.dumps(dict.fromkeys(json.loads(template), "-")))
    assert found < 460, "each further byte costs a busy stack 0.82 dollars a month"
