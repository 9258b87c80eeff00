"""A stack of this project, deployed into an emulator of its own, and the outputs its users need."""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.packaging.artifact import HOST, TARGET_VARIABLE
from localcloud.deployer import stack_config
from localcloud.deployer.engine import Deployment, deploy
from localcloud.emulator.process import Emulator
from localcloud.progress import Progress, Step
from localcloud.providers import Providers

START_STEPS = 2
"""How many steps of a `Progress` a start takes."""


class LocalCloud:
    """A deployed stack that is gone, with every process and file of it, when this ends or its process dies."""

    def __init__(self, emulator: Emulator, deployment: Deployment, *, guest: bool = False):
        self._emulator = emulator
        self._guest = guest
        self._written: tuple[Path, os.stat_result] | None = None
        self.directory = emulator.directory
        self.resources = len(deployment.resources)
        self.secret_outputs = deployment.secret_outputs | {"secretAccessKey"}
        self.outputs: dict[str, Any] = deployment.outputs | {
            "tokenUrl": emulator.token_url(),
            "endpoint": emulator.endpoint,
            "region": emulator.region,
            "accessKeyId": emulator.access_key_id,
            "secretAccessKey": emulator.secret_access_key,
        }

    @classmethod
    def start(
        cls,
        project: Path,
        stack: str = "dev",
        *,
        progress: Progress,
        port: int | None = None,
        config_overrides: Mapping[str, Any] | None = None,
    ) -> "LocalCloud":
        """Answer the deployed stack; or raise ConfigError, EmulatorError or DeploymentFailed, with nothing left."""
        config = stack_config.read(project, stack, config_overrides)
        with contextlib.ExitStack() as started:
            with progress.step("Start the emulator") as step:
                emulator = started.enter_context(Emulator.start(port, region=config.values["aws:region"]))
                step.note(emulator.endpoint)
            deployment = _deploy(emulator, project, config, progress)
            cloud = cls(emulator, deployment)
            started.pop_all()
        return cloud

    def deploy_beside(
        self, project: Path, stack: str, *, progress: Progress, config_overrides: Mapping[str, Any] | None = None
    ) -> "LocalCloud":
        """Answer another stack in the same account, which is gone when this one is; or raise as `start` does."""
        config = stack_config.read(project, stack, config_overrides)
        return LocalCloud(self._emulator, _deploy(self._emulator, project, config, progress), guest=True)

    def __enter__(self) -> "LocalCloud":
        return self

    def __exit__(self, *raised: Any) -> None:
        self._remove_outputs()
        if not self._guest:
            self._emulator.__exit__(*raised)

    def client(self, service: str) -> Any:
        """Answer a boto3 client of this cloud, with an administrator's rights."""
        return self._emulator.client(service)

    def write_outputs(self, path: Path) -> None:
        """Write the outputs, secrets included, for the owner's eyes alone; there is never half a file to be read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # A temporary file is born with mode 600.
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}-", delete=False) as file:
            try:
                file.write(json.dumps(self.outputs, indent=2) + "\n")
                file.flush()
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
            self._written = path, os.fstat(file.fileno())

    def wait(self) -> None:
        """Return when the emulator has ended, which it does by itself only if it crashed."""
        self._emulator.wait()

    def stop(self) -> None:
        """End everything and remove the outputs file."""
        self._remove_outputs()
        if not self._guest:
            self._emulator.stop()

    def _remove_outputs(self) -> None:
        """Unless somebody has put another file in its place."""
        if self._written is not None:
            path, ours = self._written
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), ours):
                    path.unlink()
            self._written = None


def _deploy(emulator: Emulator, project: Path, config: stack_config.StackConfig, progress: Progress) -> Deployment:
    watcher = _Watcher()
    with progress.step(f"Deploy stack {config.stack}") as step:
        watcher.step = step
        deployment = deploy(
            project,
            config,
            Providers(emulator),
            # The program builds for the interpreter that will run it, and its scratch goes with the emulator's.
            environment={TARGET_VARIABLE: HOST, "TMPDIR": str(emulator.directory)},
            on_event=watcher.watch,
        )
        step.note(f"{len(deployment.resources)} resources")
    for warning in watcher.warnings:
        progress.say(f"Warning: {warning}")
    return deployment


class _Watcher:
    """Tells a step what the deployment is doing, and keeps the warnings for after it."""

    def __init__(self) -> None:
        self.step: Step | None = None
        self.warnings: list[str] = []
        self._created = 0

    def watch(self, kind: str, message: str) -> None:
        if kind == "warning":
            self.warnings.append(message)
            return
        self._created += kind == "created"
        if self.step is not None:
            self.step.update(message if kind == "info" else f"{self._created} resources")
