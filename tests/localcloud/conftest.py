"""Fixtures of the engine's and the providers' tests. Each file about providers has an emulator of its own."""

import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest

from localcloud.cloud import LocalCloud
from localcloud.emulator.process import Emulator
from tests.fakes import metering
from tests.fakes.deployment_costs import counted
from tests.localcloud.programs import Run
from tests.localcloud.provided import ALLOW, TRUST, Cloud, Made


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Emulator.start() as emulator:
        yield Cloud(emulator)


@pytest.fixture(scope="session")
def deployment_costs() -> Counter[str]:
    """What the deployment of `blind_cloud` made."""
    return Counter()


@pytest.fixture(scope="session")
def blind_cloud(checkout: Path, deployment_costs: Counter[str]) -> Iterator[LocalCloud]:
    """A stack whose alarms nobody evaluates, for the controls of the tests about alarms."""
    with counted() as counts:
        started = metering.start(checkout, "--unplugged=observe_resources")
    deployment_costs.update(counts)
    with started as cloud:
        yield cloud


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> pulumi.FileArchive:
    path = tmp_path_factory.mktemp("archive") / "code.zip"
    with zipfile.ZipFile(path, "w") as code:
        code.writestr("code.py", "import os\ndef handler(event, context): return os.environ['GREETING']\n")
        code.writestr("python/extra.py", "")
    return pulumi.FileArchive(str(path))


@pytest.fixture(scope="module")
def role(cloud: Cloud) -> Made:
    made = cloud.make("iam/role", assumeRolePolicy=TRUST, description="a role", tags={"owner": "us"})
    cloud.make("iam/rolePolicy", role=made["id"], policy=ALLOW)
    return made


@pytest.fixture(scope="module")
def program(role: Made, archive: pulumi.FileArchive) -> dict[str, Any]:
    """Return what every function needs."""
    return {"role": role["arn"], "runtime": "python3.13", "handler": "code.handler", "code": archive}


@pytest.fixture(scope="module")
def queue(cloud: Cloud) -> Made:
    times = {"visibilityTimeoutSeconds": 60, "messageRetentionSeconds": 345600, "receiveWaitTimeSeconds": 20}
    return cloud.make("sqs/queue", times, name="events", sqsManagedSseEnabled=True)


@pytest.fixture(scope="module")
def function(cloud: Cloud, program: dict[str, Any]) -> Made:
    group = cloud.make("cloudwatch/logGroup", name="/own/group", retentionInDays=14, skipDestroy=False)
    fits = {"compatibleRuntimes": ["python3.13"], "compatibleArchitectures": ["arm64"]}
    layer = cloud.make("lambda/layerVersion", fits, layerName="dependencies", code=program["code"])
    levels = {"applicationLogLevel": "DEBUG", "systemLogLevel": "INFO"}
    made = cloud.make(
        "lambda/function",
        program,
        {"name": "greeter", "layers": [layer["arn"]], "architectures": ["arm64"], "memorySize": 512, "timeout": 7},
        {"reservedConcurrentExecutions": -1, "tracingConfig": {"mode": "Active"}},
        environment={"variables": {"GREETING": "hello", "camelCase": "kept"}},
        loggingConfig={"logFormat": "JSON", "logGroup": group["name"]} | levels,
    )
    (held,) = cloud.emulator.client("logs").describe_log_groups(logGroupNamePrefix="/own/group")["logGroups"]
    assert (held["retentionInDays"], held["arn"].removesuffix(":*")) == (14, group["arn"])
    return made
