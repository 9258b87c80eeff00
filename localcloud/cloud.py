"""A stack of this project, deployed into an emulator of its own, with the outputs that its users need."""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from components.packaging.artifact import HOST, TARGET_VARIABLE
from localcloud.deployer import stack_config
from localcloud.deployer.lean_imports import lean
from localcloud.deployer.outcome import Deployment
from localcloud.deployer.program import ProgramProcess
from localcloud.emulator.connection import TOKEN_PATH
from localcloud.emulator.process import KEY_ID_PREFIX, Emulator
from localcloud.observatory.faults import Faults
from localcloud.plugin import STACK, environment
from localcloud.progress import Progress
from localcloud.reload.release import Releases
from localcloud.reload.reloader import Notice, Reloader

START_STEPS = 2
"""How many steps of a `Progress` a start has."""


class LocalCloud:
    """A deployed stack, which ends with its processes and files when this object or its process ends."""

    def __init__(self, emulator: Emulator, deployment: Deployment):
        self._emulator = emulator
        self._written: tuple[Path, os.stat_result] | None = None
        self.directory = emulator.directory
        self.resources = len(deployment.resources)
        self.secret_outputs = deployment.secret_outputs | {"secretAccessKey"}
        self.outputs: dict[str, Any] = deployment.outputs | {
            "tokenUrl": f"{emulator.endpoint}{TOKEN_PATH}",  # the emulator finds the user pool by the client ID
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
        usual_port: int | None = None,
        options: Sequence[str] = (),
        config_overrides: Mapping[str, Any] | None = None,
    ) -> "LocalCloud":
        """Return the deployed stack, or raise ConfigError, EmulatorError or DeploymentFailed and leave nothing.

        The options are the emulator's.
        """
        config = stack_config.read(project, stack, config_overrides)
        with contextlib.ExitStack() as started:
            with progress.step("Start the emulator") as step:
                region = config.values["aws:region"]
                emulator = Emulator.starting(port, usual_port=usual_port, region=region, options=options)
                started.callback(emulator.stop)
                # Before the imports, so that all three processes import at the same time.
                process = started.enter_context(_program_process(emulator))
                deploy_into = _import_deployer()
                emulator.wait_until_ready()
                started.enter_context(emulator)
                step.note(emulator.endpoint)
            deployment = deploy_into(emulator, project, config, progress, process)
            cloud = cls(emulator, deployment)
            emulator.show_stack(project.absolute(), cloud.outputs)
            started.pop_all()
        return cloud

    @classmethod
    def start_empty(
        cls, project: Path, *, progress: Progress, port: int | None = None, usual_port: int | None = None
    ) -> "LocalCloud":
        """Return a cloud into which the Pulumi CLI deploys stack local; raises ConfigError or EmulatorError."""
        config = stack_config.read(project, STACK)
        with contextlib.ExitStack() as started:
            with progress.step("Start the emulator") as step:
                emulator = started.enter_context(
                    Emulator.start(port, usual_port=usual_port, region=config.values["aws:region"])
                )
                step.note(emulator.endpoint)
            environment.prepare(emulator, project, config.project)
            cloud = cls(emulator, Deployment([], {}, set()))
            cloud.outputs |= {"pulumiStack": STACK, "directory": str(emulator.directory)}
            started.pop_all()
        return cloud

    def deploy_beside(
        self, project: Path, stack: str, *, progress: Progress, config_overrides: Mapping[str, Any]
    ) -> "LocalCloud":
        """Return another stack in the same account, to be ended by ending this one; raises as `start` does."""
        config = stack_config.read(project, stack, config_overrides)
        process = _program_process(self._emulator)
        return LocalCloud(self._emulator, _import_deployer()(self._emulator, project, config, progress, process))

    def __enter__(self) -> "LocalCloud":
        return self

    def __exit__(self, *raised: Any) -> None:
        """Stop the emulator and remove the outputs file, unless another cloud has replaced it."""
        if self._written is not None:
            path, ours = self._written
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(path.lstat(), ours):
                    path.unlink()
        self._emulator.__exit__(*raised)

    def client(self, service: str) -> Any:
        """Return a boto3 client of this cloud with an administrator's rights."""
        return self._emulator.client(service)

    def write_outputs(self, path: Path) -> None:
        """Write the outputs, secrets included, to a file that only its owner can read; it is never half-written."""
        # A temporary file is created with mode 600.
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".outputs-", delete=False) as file:
            try:
                file.write(json.dumps(self.outputs, indent=2) + "\n")
                file.flush()
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
            self._written = path, os.fstat(file.fileno())

    def reloading(self, project: Path, tell: Callable[[Notice], object]) -> Reloader:
        """Return what makes edits of the project's handlers run here while it is entered; tell the console too."""
        outputs = self.outputs
        releases = Releases(
            self.client("lambda"),
            self.client("cloudwatch"),
            outputs["functions"],
            kept=outputs["versionsKept"],
            # With another setting, a deployment leaves the aliases to the operator, and so does an edit.
            moves_alias=outputs["release"] == "immediate",
            connection={
                "AWS_REGION": outputs["region"],
                "AWS_DEFAULT_REGION": outputs["region"],
                "AWS_ENDPOINT_URL": outputs["endpoint"],
                "AWS_ACCESS_KEY_ID": outputs["accessKeyId"],
                "AWS_SECRET_ACCESS_KEY": outputs["secretAccessKey"],
            },
        )

        def tell_both(notice: Notice) -> None:
            # The console first: whoever has read it here finds it there.
            with contextlib.suppress(OSError):  # an emulator that has ended is reported by `wait`
                self._emulator.show_code_notice(asdict(notice))
            tell(notice)

        # The program builds what is beside its own components, also where those are a link.
        return Reloader((project / "components").resolve().parent, releases, self.directory, tell_both)

    def advance(self, seconds: float) -> None:
        """Let time pass in a cloud whose clock is stepped."""
        self._emulator.advance(seconds)

    def inject(self, faults: Faults) -> None:
        """Let these faults happen from now on, and no others."""
        self._emulator.inject(faults)

    def wait(self) -> None:
        """Return when the emulator has ended by itself, that is crashed."""
        self._emulator.wait()


def is_outputs(text: str) -> bool:
    """Whether this is the content of a file that `write_outputs` wrote, by this process or another."""
    try:
        outputs = json.loads(text)
        return outputs["endpoint"].startswith("http://127.0.0.1:") and outputs["accessKeyId"].startswith(KEY_ID_PREFIX)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def _program_process(emulator: Emulator) -> ProgramProcess:
    # The artifact is built for this interpreter, which runs it, in a directory that ends with the emulator.
    return ProgramProcess({TARGET_VARIABLE: HOST, "TMPDIR": str(emulator.directory)})


def _import_deployer() -> Callable[[Emulator, Path, stack_config.StackConfig, Progress, ProgramProcess], Deployment]:
    """Return what deploys. gRPC and botocore are imported while the emulator starts, in a process of its own."""
    with lean():
        import localcloud.emulator.sdk_session  # noqa: F401 (its clients would be the first to import it)
        from localcloud.deployment import deploy_into

    return deploy_into
