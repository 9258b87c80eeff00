"""A terminal that has evaluated `localcloud env --pulumi`, in a checkout whose files a test may change."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from localcloud import samples
from localcloud.emulator.connection import Account, Connection
from tools.documents import ROOT

# What the engine reports but does not do to a resource.
UNCHANGED = ("same", "read", "refresh")


@dataclass(frozen=True, order=True)
class Step:
    """An operation that the engine plans."""

    operation: str
    """As the engine names it, or `leave`: taken out of the state, but not deleted."""
    type: str
    name: str


class PulumiFailedError(Exception):
    """What a command of the CLI printed when it failed."""


@dataclass(frozen=True)
class Terminal:
    """Runs the Pulumi CLI in a checkout."""

    checkout: Path
    directory: Path
    variables: Mapping[str, str]

    @property
    def account(self) -> Account:
        """The cloud, reached as its administrator."""
        return Account(Connection(**json.loads((self.directory / "connection.json").read_text())))

    @property
    def state(self) -> Path:
        """The file in which the engine keeps the stack's state."""
        (file,) = self.directory.glob("pulumi/.pulumi/stacks/*/local.json")
        return file

    def in_checkout(self, checkout: Path) -> "Terminal":
        """Return the same terminal in another folder."""
        return Terminal(checkout, self.directory, self.variables)

    def start(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        """Start a command for stack local."""
        words = ["pulumi", *command.split(), "--stack", "local", "--non-interactive", "--color", "never", *arguments]
        return subprocess.Popen(
            words,
            cwd=self.checkout,
            env=dict(self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def pulumi(self, command: str, *arguments: str) -> str:
        """Return what a command printed, or raise PulumiFailedError with it."""
        with self.start(command, *arguments) as process:
            printed, errors = process.communicate()
        if process.returncode:
            raise PulumiFailedError(printed + errors)
        return printed

    def up(self, *arguments: str) -> Counter[str]:
        """Deploy, and return how many resources had which operation."""
        self.pulumi("up", "--yes", "--skip-preview", *arguments)
        (last,) = json.loads(self.pulumi("stack history", "--json", "--page-size", "1"))
        changes = last.get("resourceChanges") or {}
        return Counter({operation: number for operation, number in changes.items() if operation not in UNCHANGED})

    def plan(self, *arguments: str) -> list[Step]:
        """Return the operations of a preview, without what stays the same."""
        steps = json.loads(self.pulumi("preview", "--json", *arguments)).get("steps", [])
        return sorted(
            Step(_operation(step), step["urn"].split("::")[2].rpartition("$")[2], step["urn"].split("::")[3])
            for step in steps
            if step["op"] not in UNCHANGED
        )

    @contextmanager
    def settings(self, **values: Any) -> Iterator[None]:
        """Deploy with other settings in this context."""
        file = self.checkout / "Pulumi.local.yaml"
        before = file.read_text()
        content = yaml.safe_load(before)
        content["config"] |= {f"event-processing:{key}": value for key, value in values.items()}
        file.write_text(yaml.safe_dump(content))
        try:
            yield
        finally:
            file.write_text(before)

    @contextmanager
    def edited(self, file: str, old: str, new: str) -> Iterator[None]:
        """Deploy with another text in a file of the checkout in this context."""
        path = self.checkout / file
        before = path.read_text()
        assert old in before
        path.write_text(before.replace(old, new, 1))
        try:
            yield
        finally:
            path.write_text(before)


def _operation(step: Mapping[str, Any]) -> str:
    left = step["op"] == "delete" and step.get("oldState", {}).get("retainOnDelete")
    return "leave" if left else step["op"]


def make_checkout(folder: Path) -> Path:
    """Return a checkout with the sample stack files, whose program and handlers can be changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in ROOT.iterdir():
        if entry.name in ("components", "handlers"):
            shutil.copytree(entry, folder / entry.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif entry.name == "__main__.py":
            shutil.copy(entry, folder / entry.name)
        # Other names that begin with a dot belong to git, a cache, or a running cloud.
        elif entry.name == ".venv" or not entry.name.startswith((".", "Pulumi.")):
            (folder / entry.name).symlink_to(entry)
    samples.write(ROOT, folder)
    return folder


@contextmanager
def a_terminal(folder: Path) -> Iterator[Terminal]:
    """Yield a terminal in a new checkout, beside an empty cloud that ends with it."""
    checkout = make_checkout(folder / "checkout")
    localcloud = [sys.executable, "-m", "localcloud"]
    with subprocess.Popen([*localcloud, "up", "--empty"], cwd=checkout, stdout=subprocess.PIPE, text=True) as cloud:
        assert cloud.stdout is not None
        assert any("pulumi up --stack local" in line for line in cloud.stdout)
        command = [*localcloud, "env", "--pulumi"]
        shown = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True).stdout
        outputs = json.loads((checkout / ".localcloud" / "outputs.json").read_text())
        try:
            yield Terminal(checkout, Path(outputs["directory"]), _variables(shown, folder))
        finally:
            cloud.terminate()
            cloud.stdout.read()


def _variables(exports: str, folder: Path) -> dict[str, str]:
    """Return the environment of a shell that has evaluated the exports, with a home of the CLI's own."""
    shell = f'{exports}\nexec {shlex.quote(sys.executable)} -c "import json, os; print(json.dumps(dict(os.environ)))"'
    kept = {name: value for name, value in os.environ.items() if not re.match("PULUMI_|AWS_", name)}
    shown = subprocess.run(["/bin/sh", "-c", shell], env=kept, capture_output=True, text=True, check=True).stdout
    return json.loads(shown) | {"PULUMI_HOME": str(folder / "home"), "PULUMI_SKIP_UPDATE_CHECK": "true"}
