"""The workflows for stacks that stay: who gets a role, and in which order things happen."""

from typing import Any

import yaml

from tests.docs.test_documentation import ROOT, in_order, unpinned

GITHUB = ROOT / ".github"


def jobs(workflow: str) -> dict[str, Any]:
    return yaml.safe_load((GITHUB / "workflows" / workflow).read_text())["jobs"]


def exposed(found: dict[str, Any]) -> list[str]:
    """Return the jobs that a pull request from a fork would run with a role."""
    own = "github.event.pull_request.head.repo.full_name == github.repository"
    other = ("github.event_name == 'push'", "github.event_name == 'schedule'")
    return [
        name
        for name, job in found.items()
        if "id-token" in job["permissions"]
        and "needs" not in job
        and not any(condition in job.get("if", "") for condition in (own, *other))
    ]


def test_no_job_of_a_fork_has_a_role():
    found = jobs("stacks.yml")
    assert exposed(found) == []
    del found["preview"]["if"]
    assert exposed(found) == ["preview"], "the control"
    assert "pull_request_target" not in (GITHUB / "workflows" / "stacks.yml").read_text()


def test_every_job_waits_for_the_switch():
    waiting = {name for name, job in jobs("stacks.yml").items() if "vars.STACKS_ENABLED == 'true'" in job.get("if", "")}
    assert waiting | {"prod"} == jobs("stacks.yml").keys()
    assert jobs("stacks.yml")["prod"]["needs"] == "dev", "a skipped job skips what needs it"


def test_approval_and_roles_are_those_of_the_stack():
    assert jobs("stack.yml")["deploy"]["environment"] == "${{ inputs.stack }}"
    assert {jobs("stacks.yml")[name]["environment"] for name in ("preview", "drift")} == {"preview"}


def test_deployment_is_tried_and_taken_back():
    steps = jobs("stack.yml")["deploy"]["steps"]
    commands = [step.get("run", "") for step in steps]
    wanted = ["ops preflight", "pulumi up", "ops smoke", "ops rollback", "ops logs --errors", "ops versions --prune"]
    assert in_order(wanted, commands)
    assert not in_order(wanted[::-1], commands), "the control"
    (back,) = (step for step in steps if "ops rollback" in step.get("run", ""))
    assert back["if"] == "failure() && steps.smoke.outcome == 'failure'"
    assert next(step for step in steps if "ops smoke" in step.get("run", ""))["id"] == "smoke"


def test_own_action_pins_the_actions_that_it_uses():
    assert unpinned((GITHUB / "actions" / "deployer" / "action.yml").read_text()) == []
