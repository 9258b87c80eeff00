"""Makes built code the release that runs, by the same steps as a deployment."""

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from components.packaging.artifact import Artifact
from handlers.vocabulary import LIVE_ALIAS, Environment
from localcloud.reload.canary_alarm import canary_alarm, follow_version
from localcloud.reload.check import Start

WAIT = {"Delay": 0.05, "MaxAttempts": 600}


class Releases:
    """The functions of a running cloud, by role. All of them are published and moved together, as by a deployment."""

    def __init__(
        self,
        client: Any,
        cloudwatch: Any,
        functions: Mapping[str, str],
        *,
        kept: int,
        moves_alias: bool,
        connection: Mapping[str, str],
    ) -> None:
        self._client, self._cloudwatch, self._functions = client, cloudwatch, dict(sorted(functions.items()))
        self._kept, self.moves_alias, self._connection = kept, moves_alias, connection
        variables = self._configuration(next(iter(functions)))["Environment"]["Variables"]
        self._deployed_version, self._deployed_release = variables[Environment.VERSION], variables[Environment.RELEASE]
        self._edits: deque[dict[str, str]] = deque()

    def starts(self) -> list[Start]:
        """Return how each function is started."""
        return [
            Start(
                handler=configuration["Handler"],
                environment={
                    **self._connection,
                    "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
                    **configuration["Environment"]["Variables"],
                },
            )
            for configuration in map(self._configuration, self._functions)
        ]

    def is_current(self, version: str) -> bool:
        """Whether callers meet this VERSION, or, where the operator moves the aliases, it was published last."""
        qualifier = {"Qualifier": LIVE_ALIAS} if self.moves_alias else {}
        return all(
            self._configuration(role, **qualifier)["Environment"]["Variables"][Environment.VERSION] == version
            for role in self._functions
        )

    def publish(self, artifact: Artifact) -> dict[str, str]:
        """Publish the code, let the aliases name it unless the operator does that, and return the versions by role.

        The alarms of a canary follow, because `ops release --canary` asks them about the newest version.
        """
        code = artifact.code.read_bytes()
        release = self._release_of(artifact.version)
        variables: dict[str, str] = {Environment.VERSION: artifact.version, Environment.RELEASE: release}
        versions = self._each(lambda role: self._publish(role, code, variables))
        if self.moves_alias:
            self._each(lambda role: self._move(role, versions[role]))
        for role, version in versions.items():
            follow_version(self._cloudwatch, canary_alarm(role, self._functions[role]), version)
        self._edits.append(versions)
        self._prune()
        return versions

    def _release_of(self, version: str) -> str:
        """Return the RELEASE of a VERSION: that of the deployment for its own code, and another one for every other."""
        if version == self._deployed_version:
            return self._deployed_release
        digest = hashlib.sha256(f"{self._deployed_release} {version}".encode()).hexdigest()
        return digest[: len(self._deployed_release)]

    def _each(self, act: Callable[[str], str]) -> dict[str, str]:
        """Do this for all functions at once, as a deployment does: each update takes a moment to be applied."""
        with ThreadPoolExecutor() as executor:
            return dict(zip(self._functions, executor.map(act, self._functions), strict=True))

    def _configuration(self, role: str, **qualifier: str) -> dict[str, Any]:
        return self._client.get_function_configuration(FunctionName=self._functions[role], **qualifier)

    def _publish(self, role: str, code: bytes, variables: Mapping[str, str]) -> str:
        """Update configuration and code, then publish both; callers meet neither before the alias names the version.

        AWS would want a wait between the two updates, and the emulator only before the version: half a second less.
        """
        name = self._functions[role]
        environment = {"Variables": {**self._configuration(role)["Environment"]["Variables"], **variables}}
        self._client.update_function_configuration(FunctionName=name, Environment=environment)
        self._client.update_function_code(FunctionName=name, ZipFile=code)
        self._client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=WAIT)
        return self._client.publish_version(FunctionName=name)["Version"]

    def _move(self, role: str, version: str) -> str:
        self._client.update_alias(
            FunctionName=self._functions[role],
            Name=LIVE_ALIAS,
            FunctionVersion=version,
            # A canary under way ends, as by a deployment.
            RoutingConfig={"AdditionalVersionWeights": {}},
        )
        return version

    def _prune(self) -> None:
        """Delete the oldest versions of edits.

        As many are kept as the stack keeps, what runs and the one before it, and those of the deployment.
        """
        while len(self._edits) > max(self._kept, 2):
            for role, version in self._edits.popleft().items():
                # An alias can name it again, after a rollback: then it stays.
                with suppress(self._client.exceptions.ResourceConflictException):
                    self._client.delete_function(FunctionName=self._functions[role], Qualifier=version)
