"""The simulation's model and the meter of the embedded cloud say the same of the same traffic.

Both are written from AWS's documentation, independently. A difference is a fault of one of them, or is named here.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.deployer.recorder import Graph
from localcloud.drills.stack import DrilledStack
from tests.fakes import metering
from tests.simulation import same_traffic
from tests.simulation.same_traffic import MINUTES, Key, Minute, Values

pytestmark = pytest.mark.e2e
Measured = list[dict[Key, Values]]

# Of times, and of the sizes of what is stored, only the number of samples: they are this machine's, or the events'.
ONLY_COUNTED = frozenset(
    {"Duration", "Latency", "IntegrationLatency", "SuccessfulRequestLatency", "BatchDuration", "QueryDuration"}
    | {"EventAge", "RecordBytes", "QuerySlow"}
)
# The model gives the peak of a minute, and the meter has a sample of each invocation.
ONLY_HIGHEST = frozenset({"ConcurrentExecutions"})
# A second, because messages arrive in the first second of a minute here, and at its beginning in the model.
AGE, AGE_SECONDS = "ApproximateAgeOfOldestMessage", 1
# Pollers wait for real seconds here, so an event source mapping has no usual number of empty receives in a minute.
NOT_COMPARED = frozenset({"NumberOfEmptyReceives"})
# How often a function ran. Where batches merge, only their contents are compared.
OF_BATCHES = frozenset({"Invocations", "Errors", "Throttles", "FunctionVersion", "ColdStart"})

# A process that starts is a cold start, and reads from the table once.
OF_STARTS = frozenset({"ColdStart", "ConsumedReadCapacityUnits", "SuccessfulRequestLatency"})


def is_modelled(key: Key) -> bool:
    """Whether the model publishes such a metric: it knows no notifications, and no dimensions that no alarm reads."""
    namespace, _, dimensions = key
    names = {name for name, _ in dimensions}
    if namespace == "AWS/Lambda":
        return names in ({"FunctionName"}, {"EventSourceMappingUUID"})
    return namespace != "AWS/SNS" and not (namespace == "AWS/ApiGateway" and "Stage" not in names)


def differences(modelled: Measured, metered: Measured) -> Iterator[str]:
    """What differs, in each minute."""
    for minute, model, meter in zip(MINUTES, modelled, metered, strict=True):
        meter = {key: values for key, values in meter.items() if is_modelled(key)}
        for key in sorted(model.keys() | meter.keys()):
            if key[1] in NOT_COMPARED:
                continue
            if key not in model or key not in meter:
                yield f"{minute.name}: only the {'model' if key in model else 'meter'} has {key}"
            elif not _is_same(minute, key[1], model[key], meter[key]):
                yield f"{minute.name}: {key} is {model[key]} in the model, and {meter[key]} in the meter"


def _is_same(minute: Minute, metric: str, model: Values, meter: Values) -> bool:
    if metric in ONLY_HIGHEST:
        return model["Maximum"] == meter["Maximum"]
    if metric == AGE:
        return abs(model["Maximum"] - meter["Maximum"]) <= AGE_SECONDS
    if minute.restarted and metric in OF_STARTS:
        return 0 <= meter["SampleCount"] - model["SampleCount"] <= 1
    if minute.merges:
        return metric in ONLY_COUNTED | OF_BATCHES or model["Sum"] == meter["Sum"]
    if metric in ONLY_COUNTED:
        return model["SampleCount"] == meter["SampleCount"]
    return model == meter


@pytest.fixture(scope="module")
def measured(dev_graph: Graph, checkout: Path) -> tuple[Measured, Measured]:
    """The metrics of each minute: the model's, and the meter's."""
    with metering.start(checkout) as cloud:
        cloud.advance(120)  # of the deployment
        return same_traffic.modelled(dev_graph), same_traffic.metered(DrilledStack(cloud))


def test_same_traffic_gives_the_same_metrics_and_values(measured: tuple[Measured, Measured]):
    assert list(differences(*measured)) == []


def test_every_fault_leaves_a_trace_in_what_is_compared(measured: tuple[Measured, Measured]):
    """The traffic is not empty: each minute has metrics that the minutes before it had not, or other values."""
    _, metered = measured
    names = {name for minute in metered for _, name, _ in minute}
    assert {"WriteThrottleEvents", "ReadThrottleEvents", "FailedInvokeEventCount", "AuthorizationRefused"} <= names
    assert {"EventInvalid", "EventFailed", "EventLate", "4XXError", "5XXError", "ColdStart"} <= names


@pytest.mark.parametrize("side", [0, 1], ids=["model", "meter"])
def test_missing_metric_and_another_value_are_noticed(measured: tuple[Measured, Measured], side: int):
    """The control."""
    for metric in ("NumberOfMessagesSent", "WriteThrottleEvents", "EventPersisted", "Duration", "Count"):
        number, key = next(
            (number, key)
            for number, minute in enumerate(measured[side])
            for key in minute
            if key[1] == metric and is_modelled(key)
        )
        before = measured[side][number].pop(key)
        assert any(metric in found for found in differences(*measured)), metric
        measured[side][number][key] = {name: value + 1 for name, value in before.items()}
        assert any(metric in found for found in differences(*measured))
        measured[side][number][key] = before
