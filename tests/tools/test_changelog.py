"""CHANGELOG.md has what a release needs, and the tests of an upgrade begin at the newest release."""

import pytest

from tests.engine.upgrade_steps import UPGRADES
from tools import changelog
from tools.changelog import CHANGELOG, IN_A_RUNNING_STACK, problems, upgraded_from
from tools.release import project_version
from tools.release_graph import RELEASES, STACKS

SECTION = f"### {IN_A_RUNNING_STACK}\n\nNothing.\n"
RELEASED = f"## 0.2.0 - 2030-02-01\n\n{SECTION}\n## 0.1.0 - 2030-01-31\n\nIts source is commit abc1234.\n\n{SECTION}"
NEXT = f"## Unreleased\n\n{SECTION}\n" + RELEASED.replace("02-01\n", "02-01\n\nIts source is commit def5678.\n")


def test_changelog_has_what_a_release_needs() -> None:
    assert list(problems(CHANGELOG.read_text(), project_version())) == []


@pytest.mark.parametrize("text", [RELEASED, f"## Unreleased\n\n{RELEASED}", NEXT], ids=["release", "empty", "next"])
def test_changelog_is_accepted_before_and_after_a_release(text: str) -> None:
    assert list(problems(f"# Changelog\n\n{text}", "0.2.0")) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        (f"{SECTION}\n## 0.1.0", "Text.\n\n## 0.1.0", f'0.2.0 - 2030-02-01 has no section "{IN_A_RUNNING_STACK}".'),
        (f"## Unreleased\n\n{SECTION}", "## Unreleased\n\n### Added\n\n- A.\n", "Unreleased has no section"),
        (f"## Unreleased\n\n{SECTION}", f"## Unreleased\n\n### {IN_A_RUNNING_STACK}\n\n### Added\n", "has no section"),
        ("0.2.0 -", "0.3.0 -", "The newest release is 0.3.0, and pyproject.toml says 0.2.0."),
        ("## 0.1.0 -", "## 0.10.0 -", "0.2.0 is above 0.10.0 and not newer."),
        ("## 0.1.0 -", "## 0.2.0 -", "0.2.0 is above 0.2.0 and not newer."),
        ("2030-01-31", "2030-01-32", "0.1.0 is of 2030-01-32, which is no day."),
        ("2030-02-01", "2030-01-30", "0.2.0 is of 2030-01-30, before 0.1.0."),
        ("## 0.1.0 - 2030", "## v0.1.0 - 2030", 'The heading "v0.1.0 - 2030-01-31" is not'),
        ("## Unreleased", "## Soon", 'The heading "Soon" is not'),
        ("Its source is commit abc1234.", "", "0.1.0 does not name its source"),
        ("Its source is commit def5678.", "", "0.2.0 does not name its source"),
    ],
)
def test_control_each_omission_is_a_problem(old: str, new: str, problem: str) -> None:
    assert NEXT.count(old) == 1
    assert [found for found in problems(f"# Changelog\n\n{NEXT.replace(old, new)}", "0.2.0") if problem in found]


def test_upgrade_begins_at_the_newest_release_that_names_its_commit() -> None:
    # A release cannot contain its own commit, so until the next change it is tested against the release before.
    assert upgraded_from(f"# Changelog\n\n{RELEASED}").version == "0.1.0"
    assert upgraded_from(f"# Changelog\n\n{NEXT}").version == "0.2.0"


def test_everything_is_ready_for_an_upgrade_from_each_release() -> None:
    versions = [entry.version for entry in changelog.releases(CHANGELOG.read_text()) if entry.commit]
    recorded = {file.relative_to(RELEASES).as_posix() for file in RELEASES.rglob("*.jsonl")}
    assert recorded == {f"{version}/{stack}.jsonl" for version in versions for stack in STACKS}
    assert upgraded_from(CHANGELOG.read_text()).version in UPGRADES
