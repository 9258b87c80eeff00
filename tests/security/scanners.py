"""Run third-party scanners from their own environment, and match their findings with the skips."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from localcloud.deployer.recorder import ROOT
from tests.fakes.waiting import HANG_SECONDS
from tests.security.skips import Skip

SCANNERS = ROOT / ".venv-security" / "bin"
# Checkov without garbage collection, which is a third of its processor time: the process ends with its scan.
CHECKOV = "import gc, sys; gc.disable(); from checkov.main import Checkov; sys.exit(Checkov().run())"


class ScanFailed(Exception):  # noqa: N818 (an outcome)
    """A scan that did not see its input; the message says what to do."""


@dataclass(frozen=True)
class Finding:
    """A rule that a resource breaks."""

    rule: str
    resource: str
    words: str

    def __str__(self) -> str:
        return f"{self.resource} breaks {self.rule}: {self.words}"


@dataclass(frozen=True)
class Scan:
    """Checkov's results for one plan."""

    findings: list[Finding]
    passed: set[tuple[str, str]]
    """Pairs of rule and resource."""

    @property
    def rules(self) -> set[str]:
        """Every rule that was applied to a resource."""
        return {rule for rule, _ in self.passed} | {finding.rule for finding in self.findings}


def scan_plans(plans: Mapping[str, Mapping[str, Any]], directory: Path) -> dict[str, Scan]:
    """Return checkov's findings by plan; raises `ScanFailed` unless checkov saw every resource of every plan."""
    for name, plan in plans.items():
        if not plan["resource_changes"]:
            raise ScanFailed(f"the plan {name} holds no resource, and what is not there breaks no rule")
        (directory / f"{name}.json").write_text(json.dumps(plan, indent=1))
    files = [argument for name in plans for argument in ("-f", f"{name}.json")]
    arguments = ["--framework", "terraform_plan", "--skip-download", "--compact", "--soft-fail", "-o", "json"]
    report = json.loads(_run(["python", "-W", "ignore::SyntaxWarning", "-c", CHECKOV, *files, *arguments], directory))
    # Without a single resource, checkov returns only a summary, and succeeds.
    summary = report.get("summary", report)
    planned = sum(len(plan["resource_changes"]) for plan in plans.values())
    if summary["resource_count"] != planned or summary["parsing_errors"]:
        raise ScanFailed(f"checkov saw {summary['resource_count']} of {planned} resources: is the plan what it reads?")
    return {name: _scan(report["results"], f"/{name}.json") for name in plans}


def lint_policies(documents: Mapping[str, str]) -> list[Finding]:
    """Return parliament's findings in policy documents, by the name of their holder."""
    if not documents:
        raise ScanFailed("there is no policy to look at, and what is not there breaks no rule")
    script = Path(__file__).with_name("lint_policies.py")
    # pkg_resources, which parliament imports, warns of its deprecation.
    answer = json.loads(_run(["python", "-W", "ignore", str(script)], ROOT, json.dumps(documents)))
    if answer.keys() != documents.keys():
        raise ScanFailed(f"parliament saw {len(answer)} of {len(documents)} policies")
    return [
        Finding(finding["rule"], name, f"{finding['title']}: {finding['detail']}")
        for name in answer
        for finding in answer[name]
    ]


def unexplained(found: Iterable[Finding], skips: Sequence[Skip], stack: str) -> list[str]:
    """Return the findings of a stack that match no skip."""
    return [str(finding) for finding in found if not any(_covers(skip, finding, stack) for skip in skips)]


def useless(found: Mapping[str, Iterable[Finding]], skips: Iterable[Skip]) -> list[str]:
    """Return the skips that match no finding, for each stack they name."""
    return [
        f"{skip.rule} of {skip.resources} is skipped in {stack} and not found there: remove the skip"
        for skip in skips
        for stack in skip.stacks
        if not any(_covers(skip, finding, stack) for finding in found[stack])
    ]


def _covers(skip: Skip, finding: Finding, stack: str) -> bool:
    return stack in skip.stacks and skip.rule == finding.rule and fnmatchcase(finding.resource, skip.resources)


def _scan(results: dict[str, Any], file: str) -> Scan:
    passed, failed = (
        [check for check in results[f"{outcome}_checks"] if check["file_path"] == file]
        for outcome in ("passed", "failed")
    )
    return Scan(
        [Finding(check["check_id"], check["resource"], check["check_name"]) for check in failed],
        {(check["check_id"], check["resource"]) for check in passed},
    )


def _run(command: list[str], directory: Path, text: str = "") -> str:
    program, *arguments = command
    if not (SCANNERS / program).exists():
        raise ScanFailed(f"{SCANNERS.parent.name} has no {program}; run: make test")
    # The caller's Python must not affect the other environment, and checkov must not look for a newer version.
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV"))}
    environment["CKV_SKIP_PACKAGE_UPDATE_CHECK"] = "true"
    done = subprocess.run(
        [SCANNERS / program, *arguments],
        cwd=directory,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
        check=False,
    )
    if done.returncode:
        raise ScanFailed(f"{program} ended with exit code {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout
