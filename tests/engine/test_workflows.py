"""The commands of the workflows for stacks that stay, run by bash as GitHub does, with stack local."""

import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.fakes.checkout import ROOT
from tools.terminal import Terminal

WORKFLOWS = ROOT / ".github" / "workflows"
# Instead of GitHub's command line: keeps what it is given.
GH = """#!/bin/sh
echo "$@" >gh-arguments.txt
"""


class Job:
    """The `run` steps of a job, by name or command."""

    def __init__(self, terminal: Terminal, workflow: str, job: str) -> None:
        self._terminal = terminal
        steps = yaml.safe_load((WORKFLOWS / workflow).read_text())["jobs"][job]["steps"]
        self.steps = {step.get("name", step.get("run")): step["run"] for step in steps if "run" in step}

    def run(self, step: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the step that has this text in its name."""
        (command,) = (run for name, run in self.steps.items() if step in name)
        environment = {**self._terminal.variables, "STACK": "local", **variables}
        return subprocess.run(
            ["bash", "-e", "-c", command],
            cwd=self._terminal.checkout,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def succeeds(self, step: str, **variables: str) -> str:
        ended = self.run(step, **variables)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout


@pytest.fixture(scope="module")
def deploying(terminal: Terminal) -> Job:
    """A job that has deployed stack local twice."""
    job = Job(terminal, "stack.yml", "deploy")
    for memory in (512, 640):
        with terminal.settings(consumerMemoryMb=memory):
            job.succeeds("pulumi up")
    job.succeeds("ops preflight")
    job.succeeds("Try it")
    return job


def test_deployment_can_be_tried_taken_back_and_pruned(deploying: Job, terminal: Terminal):
    assert "640" not in deploying.succeeds("Show errors")
    with terminal.settings(consumerMemoryMb=640):
        deploying.succeeds("Go back when the trial fails")
        deploying.succeeds("Try it")
        deploying.succeeds("pulumi up")
        deploying.succeeds("Delete versions")


def test_preview_becomes_a_comment(deploying: Job, terminal: Terminal, tmp_path: Path):
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(stat.S_IRWXU)
    path = f"{tmp_path}:{terminal.variables['PATH']}"
    preview = Job(terminal, "stacks.yml", "preview")
    with terminal.settings(consumerMemoryMb=700):
        preview.succeeds("Preview")
    preview.succeeds("Comment", PATH=path, PULL_REQUEST="7")
    comment = (terminal.checkout / "comment.md").read_text()
    assert "memorySize" in comment
    assert "700" in comment
    arguments = (terminal.checkout / "gh-arguments.txt").read_text()
    assert arguments.split() == ["pr", "comment", "7", "--edit-last", "--create-if-none", "--body-file", "comment.md"]
    with terminal.settings(consumerMemoryMb="many"):
        assert preview.run("Preview").returncode != 0, "a failed preview fails the job, although tee succeeds"


def test_drift_fails_the_night(deploying: Job, terminal: Terminal):
    night = Job(terminal, "stacks.yml", "drift")
    with terminal.settings(consumerMemoryMb=768):
        deploying.succeeds("pulumi up")
        # The alias that a rollback has moved is a difference too.
        assert night.run("Compare").returncode == 0
        sqs = terminal.account.client("sqs")
        url = next(url for url in sqs.list_queues()["QueueUrls"] if url.endswith("-events"))
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
        found = night.run("Compare")
    assert found.returncode != 0
    assert "events-source" in found.stdout
