"""What a function prints: log lines, and metrics in the embedded metric format."""

import json
from dataclasses import dataclass
from typing import Any

from localcloud.cloudwatch.emf import read_samples


@dataclass(frozen=True)
class Output:
    """The metric sums by name, the EMF objects they are in, and the log lines."""

    metrics: dict[str, float]
    objects: list[dict[str, Any]]
    logs: list[dict[str, Any]]


def read_output(text: str) -> Output:
    metrics: dict[str, float] = {}
    for sample in read_samples(text.splitlines()):
        metrics[sample.key.name] = metrics.get(sample.key.name, 0) + sample.value
    lines = [json.loads(line) for line in text.splitlines()]
    return Output(metrics, [line for line in lines if "_aws" in line], [line for line in lines if "_aws" not in line])
