"""Every file, heading, command, option and make target that a document or workflow names exists."""

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

import localcloud.__main__ as localcloud
import ops.__main__ as ops

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
COMMANDS = {module: typer.main.get_group(app) for module, app in (("ops", ops.app), ("localcloud", localcloud.app))}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def link_problems(text: str, folder: Path) -> Iterator[str]:
    """Yield links to files or headings that do not exist."""
    # Code holds no links.
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)\s]+)\)", text):
        name, _, heading = target.partition("#")
        file = (folder / name) if name else None
        if file is not None and not file.exists():
            yield f"{target}: no such file"
        elif heading and heading not in headings(text if file is None else file.read_text()):
            yield f"{target}: no such heading"


def headings(text: str) -> set[str]:
    """Return the anchors of all headings, by GitHub's rule."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def command_problems(text: str) -> Iterator[str]:
    """Yield our own commands and options that do not exist."""
    for module, rest in re.findall(r"python -m (ops|localcloud)(?![.\w])([^\n`;&|#)]*)", text):
        words = shlex.split(rest.replace("'", ""))
        command: Any = COMMANDS[module]
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            word = words.pop(0)
            if not re.fullmatch(r"[a-z][a-z-]*", word):
                break
            if word not in command.commands:
                yield f"python -m {module}{rest}: no such command {word}"
                return
            command = command.commands[word]
        known = {"--help"} | {option for parameter in command.params for option in parameter.opts}
        for word in words:
            option = re.match(r"--[a-z-]+", word)
            if option and option[0] not in known:
                yield f"python -m {module}{rest}: no such option {option[0]}"


def target_problems(text: str) -> Iterator[str]:
    """Yield targets that the Makefile does not have."""
    named = re.findall(r"(?:^ {4,}|`|^- run: |run: )make (?:\w+=\S+ )?([a-z-]+)", text, re.MULTILINE)
    yield from (f"make {target}" for target in named if target not in TARGETS)


def problems(file: Path, text: str) -> list[str]:
    links = [] if file.suffix == ".yml" else link_problems(text, file.parent)
    return [f"{file.name}: {problem}" for problem in (*links, *command_problems(text), *target_problems(text))]


@pytest.mark.parametrize("file", [*DOCUMENTS, *WORKFLOWS], ids=lambda file: str(file.relative_to(ROOT)))
def test_document_names_only_what_exists(file: Path):
    assert problems(file, file.read_text()) == []


@pytest.mark.parametrize(
    "sabotage",
    [
        *("[gone](docs/gone.md)", "[nowhere](docs/runbook.md#no-such-alarm)", "[here](#no-such-heading)"),
        *("`python -m ops explode`", "`python -m ops status --loudly`", "    python -m localcloud down"),
        "\n    make believe\n",
    ],
)
def test_missing_target_is_noticed(sabotage: str):
    readme = ROOT / "README.md"
    assert len(problems(readme, f"{readme.read_text()}\n{sabotage}\n")) == 1


def test_readme_leads_to_every_document():
    reached, ahead = set[Path](), [ROOT / "README.md"]
    while ahead:
        file = ahead.pop()
        if file in reached or file.suffix != ".md":
            continue
        reached.add(file)
        links = re.findall(r"\]\((?!https?:)([^)#\s]+)", file.read_text())
        for path in ((file.parent / link).resolve() for link in links):
            ahead += sorted(path.glob("*.md")) if path.is_dir() else [path] if path.exists() else []
    assert set(DOCUMENTS) - reached == set()


def unpinned(text: str) -> list[str]:
    """Return third-party actions that are pinned to no commit, unless the line above gives the reason."""
    pairs = pairwise(["", *text.splitlines()])
    used = [line.strip() for above, line in pairs if "uses:" in line and not above.strip().startswith("# By tag: ")]
    # `./` is this repository.
    return [line for line in used if not re.search(r"uses: \./|@[0-9a-f]{40} # v\d", line)]


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda file: file.name)
def test_workflow_pins_its_actions_and_only_reads_the_repository(workflow: Path):
    assert unpinned(workflow.read_text()) == []
    content = yaml.safe_load(workflow.read_text())
    assert content["permissions"] == {"contents": "read"}


def test_action_by_tag_is_noticed():
    assert unpinned("steps:\n  - uses: actions/checkout@v5\n") == ["- uses: actions/checkout@v5"]
    assert unpinned("  # By tag: no commit known.\n  - uses: actions/checkout@v5\n") == []


def steps(workflow: str) -> list[str]:
    (job,) = yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text())["jobs"].values()
    return [step.get("run", step.get("uses", "")) for step in job["steps"]]


def in_order(wanted: list[str], found: list[str]) -> bool:
    remaining = iter(found)
    return all(any(part in step for step in remaining) for part in wanted)


def test_deploy_workflow_deploys_twice_tests_and_destroys():
    wanted = ["ops preflight", "pulumi preview", "pulumi up", "--expect-no-changes", "--dead-letter"]
    wanted += ["pulumi up", "ops smoke", "ops rollback", "ops smoke", "ops versions --prune", "pulumi destroy"]
    assert in_order(wanted, steps("deploy.yml"))
    assert not in_order(wanted[::-1], steps("deploy.yml"))  # the control


def test_deploy_workflow_goes_back_when_a_smoke_test_fails():
    (job,) = yaml.safe_load((ROOT / ".github" / "workflows" / "deploy.yml").read_text())["jobs"].values()
    tried = {step["id"] for step in job["steps"] if "id" in step and "ops smoke" in step["run"]}
    back = [step for step in job["steps"] if "if" in step and "ops rollback" in step.get("run", "")]
    assert [step["if"] for step in back] == [f"failure() && steps.{name}.outcome == 'failure'" for name in tried]
    assert tried


def test_test_workflow_runs_make_test():
    assert steps("test.yml")[-1] == "make test"
