"""A deployment of the program into an emulator, shown as a step."""

from collections import defaultdict
from pathlib import Path

from localcloud.deployer import stack_config
from localcloud.deployer.engine import Deployment, Event, deploy
from localcloud.deployer.program import ProgramProcess
from localcloud.emulator.process import Emulator
from localcloud.progress import Progress
from localcloud.providers import Providers


def deploy_into(
    emulator: Emulator,
    project: Path,
    config: stack_config.StackConfig,
    progress: Progress,
    process: ProgramProcess,
) -> Deployment:
    """Return the finished deployment of a stack, whose program runs in `process`; raises DeploymentFailed."""
    reported = defaultdict[Event, list[str]](list)
    with progress.step(f"Deploy stack {config.stack}") as step:

        def show(event: Event, message: str) -> None:
            reported[event].append(message)
            if event is not Event.WARNING:
                step.update(message if event is Event.INFO else f"{len(reported[Event.CREATED])} resources")

        deployment = deploy(project, config, Providers(emulator), process=process, on_event=show)
        step.note(f"{len(deployment.resources)} resources")
    for warning in reported[Event.WARNING]:
        progress.say(f"Warning: {warning}")
    return deployment
