"""The emulator invokes the version that an alias names, or draws one by the alias's weights, however it is invoked."""

import json
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pulumi
import pytest

from localcloud.emulator.process import Emulator
from tests.fakes.waiting import eventually
from tests.localcloud.provided import ALLOW, TRUST, Cloud, Made, unplugged

# The emulator waits for a line of an invocation that writes none.
CODE = """
import os, sys
def handler(event, context):
    print("greeted", file=sys.stderr)
    return {"statusCode": 200, "body": os.environ["GREETING"], "headers": {"arn": context.invoked_function_arn}}
"""
GROUP = "/aws/lambda/greeter"
# With 300 draws at a tenth, none or more than a hundred come once in 10 ** 13 runs.
DRAWS, FEW = 300, range(1, 101)


class Released:
    """A function with two versions, an alias, an API and a queue that invoke the alias."""

    def __init__(self, emulator: Emulator, folder: Path) -> None:
        self._client, self._sqs, self._logs = (emulator.client(service) for service in ("lambda", "sqs", "logs"))
        cloud = Cloud(emulator)
        role = cloud.make("iam/role", assumeRolePolicy=TRUST)
        cloud.make("iam/rolePolicy", role=role["id"], policy=ALLOW.replace("sqs:SendMessage", "sqs:*"))
        archive = folder / "code.zip"
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr("code.py", CODE)
        program = {"runtime": "python3.13", "handler": "code.handler", "code": pulumi.FileArchive(str(archive))}
        first = {"variables": {"GREETING": "1"}}
        self.function = cloud.make("lambda/function", program, name="greeter", role=role["arn"], environment=first)
        for version in ("1", "2"):
            self._client.update_function_configuration(
                FunctionName="greeter", Environment={"Variables": {"GREETING": version}}
            )
            self._client.get_waiter("function_updated_v2").wait(FunctionName="greeter", WaiterConfig={"Delay": 0.05})
            assert self._client.publish_version(FunctionName="greeter")["Version"] == version
        self.alias = cloud.make("lambda/alias", name="live", functionName="greeter", functionVersion="1")
        self.url = _api(cloud, self.alias)
        self.queue = cloud.make("sqs/queue", name="greeted")
        mapping = {"eventSourceArn": self.queue["arn"], "functionName": self.alias["arn"]}
        cloud.make("lambda/eventSourceMapping", mapping, batchSize=1, scalingConfig={"maximumConcurrency": 4})

    def route(self, version: str, **weights: float) -> None:
        routing = {"AdditionalVersionWeights": {name.removeprefix("v"): weight for name, weight in weights.items()}}
        self._client.update_alias(
            FunctionName="greeter", Name="live", FunctionVersion=version, RoutingConfig=routing if weights else {}
        )

    def invoked(self, times: int = DRAWS) -> Counter[str]:
        """Invoke the alias, and return how often each version ran; the header says the same as the function."""
        found: Counter[str] = Counter()
        for _ in range(times):
            response = self._client.invoke(FunctionName=self.alias["arn"])
            found[json.load(response["Payload"])["body"]] += 1
            found[f"header {response['ExecutedVersion']}"] += 1
        assert all(found[version] == found[f"header {version}"] for version in "12")
        return Counter({version: found[version] for version in "12" if found[version]})

    def requested(self, times: int = DRAWS) -> Counter[str]:
        found: Counter[str] = Counter()
        for _ in range(times):
            with urlopen(self.url) as response:
                assert response.headers["arn"] == self.alias["arn"]
                found[response.read().decode()] += 1
        return found

    def received(self, times: int = DRAWS) -> Counter[str]:
        """Send messages, and return how many batches of one each version got, by the emulator's own log."""
        before = self._batches()
        for start in range(0, times, 10):
            entries = [{"Id": str(number), "MessageBody": "{}"} for number in range(start, start + 10)]
            self._sqs.send_message_batch(QueueUrl=self.queue["url"], Entries=entries)
        after = eventually(self._batches, lambda found: found.total() >= before.total() + times)
        return after - before

    def _batches(self) -> Counter[str]:
        pages = self._logs.get_paginator("describe_log_streams").paginate(logGroupName=GROUP)
        names = [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
        return Counter(name.partition("[")[2].partition("]")[0] for name in names)


def _api(cloud: Cloud, alias: Made) -> str:
    api = cloud.make("apigateway/restApi", name="api")
    of: dict[str, Any] = {"restApi": api["id"]}
    where = of | {"resourceId": api["rootResourceId"], "httpMethod": "GET"}
    cloud.make("apigateway/method", where, authorization="NONE")
    proxy = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": alias["invokeArn"]}
    cloud.make("apigateway/integration", where, proxy)
    deployment = cloud.make("apigateway/deployment", of)
    return cloud.make("apigateway/stage", of, stageName="v1", deployment=deployment["id"])["invokeUrl"] + "/"


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Released]:
    with Emulator.start() as emulator:
        yield Released(emulator, tmp_path_factory.mktemp("code"))


CALLERS = {"invoke": Released.invoked, "api": Released.requested, "mapping": Released.received}


@pytest.mark.parametrize("caller", CALLERS)
def test_version_that_the_alias_names_runs(caller: str, released: Released) -> None:
    released.route("1")
    assert CALLERS[caller](released, 10) == {"1": 10}, "the newest version is published, but not live"
    released.route("2")
    assert CALLERS[caller](released, 10) == {"2": 10}


@pytest.mark.parametrize("caller", CALLERS)
def test_versions_run_by_their_weights(caller: str, released: Released) -> None:
    released.route("1", v2=0.1)
    counted = CALLERS[caller](released)
    assert counted.total() == DRAWS
    assert counted["2"] in FEW
    released.route("1", v2=1.0)
    assert CALLERS[caller](released, 30) == {"2": 30}
    released.route("1", v2=0.0)
    assert CALLERS[caller](released, 30) == {"1": 30}


def test_control_emulator_without_the_seam_ignores_weights(tmp_path: Path) -> None:
    with unplugged("_route_by_the_weights_of_aliases") as emulator:
        released = Released(emulator, tmp_path)
        released.route("1", v2=1.0)
        assert released.invoked(10) == released.received(10) == {"1": 10}
