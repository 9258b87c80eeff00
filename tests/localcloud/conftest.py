"""Fixtures of the engine's and the providers' tests. Each file about providers has an emulator of its own."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest

from localcloud.emulator.process import Emulator
from tests.localcloud.programs import Run
from tests.localcloud.provided import ALLOW, TRUST, Cloud, Made


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with Emulator.start() as emulator:
        yield Cloud(emulator)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> pulumi.FileArchive:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as code:
        code.writestr("code.py", "import os\ndef handler(event, context): return os.environ['GREETING']\n")
        code.writestr("python/extra.py", "")
    path = tmp_path_factory.mktemp("archive") / "code.zip"
    path.write_bytes(content.getvalue())
    return pulumi.FileArchive(str(path))


@pytest.fixture(scope="module")
def role(cloud: Cloud) -> Made:
    made = cloud.make("aws:iam/role:Role", assumeRolePolicy=TRUST, description="a role", tags={"owner": "us"})
    cloud.make("aws:iam/rolePolicy:RolePolicy", role=made["id"], policy=ALLOW)
    return made


@pytest.fixture(scope="module")
def queue(cloud: Cloud) -> Made:
    return cloud.make(
        "aws:sqs/queue:Queue",
        name="events",
        visibilityTimeoutSeconds=60,
        messageRetentionSeconds=345600,
        receiveWaitTimeSeconds=20,
        sqsManagedSseEnabled=True,
    )


@pytest.fixture(scope="module")
def function(cloud: Cloud, role: Made, archive: pulumi.FileArchive) -> Made:
    group = cloud.make("aws:cloudwatch/logGroup:LogGroup", name="/own/group", retentionInDays=14, skipDestroy=False)
    layer = cloud.make(
        "aws:lambda/layerVersion:LayerVersion",
        layerName="dependencies",
        code=archive,
        compatibleRuntimes=["python3.13"],
        compatibleArchitectures=["arm64"],
    )
    made = cloud.make(
        "aws:lambda/function:Function",
        name="greeter",
        role=role["arn"],
        runtime="python3.13",
        handler="code.handler",
        code=archive,
        layers=[layer["arn"]],
        architectures=["arm64"],
        memorySize=512,
        timeout=7,
        reservedConcurrentExecutions=-1,
        environment={"variables": {"GREETING": "hello", "camelCase": "kept"}},
        tracingConfig={"mode": "Active"},
        loggingConfig={
            "logFormat": "JSON",
            "logGroup": group["name"],
            "applicationLogLevel": "DEBUG",
            "systemLogLevel": "INFO",
        },
    )
    groups = cloud.emulator.client("logs").describe_log_groups(logGroupNamePrefix="/own/group")["logGroups"]
    assert groups[0]["retentionInDays"] == 14
    assert group["arn"] == groups[0]["arn"].removesuffix(":*")
    return made
