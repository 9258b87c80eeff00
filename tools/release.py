"""Make a release: check a tag, print the release's text, write its files. CONTRIBUTING.md has the steps.

`check` and `notes` need the standard library only, so that a wrong tag is found before anything is installed.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tools import changelog
from tools.changelog import ROOT, Entry


def project_version() -> str:
    """The version of this project, whose only place is pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def tag_problems(tag: str, text: str, version: str) -> Iterator[str]:
    """Yield a sentence for each reason not to release this changelog and this version under a tag."""
    yield from changelog.problems(text, version)
    if tag != f"v{version}":
        yield f"The tag is {tag}, and pyproject.toml says {version}: the tag must be v{version}."
    unreleased = [entry for entry in changelog.entries(text) if not entry.released and entry.text]
    if unreleased:
        yield f'What is under "{unreleased[0].title}" would be released without a version: move it to {version}.'
    for entry in changelog.releases(text):
        if entry.commit:
            yield from _source_problems(entry)


def _source_problems(entry: Entry) -> Iterator[str]:
    """Yield a sentence unless the commit of a release states its version."""
    command = ["git", "-C", ROOT, "show", f"{entry.commit}:pyproject.toml"]
    shown = subprocess.run(command, capture_output=True, text=True, check=False)
    if shown.returncode:
        yield f"{entry.version}: git has no commit {entry.commit} with a pyproject.toml (is the clone a shallow one?)."
    elif (stated := tomllib.loads(shown.stdout)["project"]["version"]) != entry.version:
        yield f"{entry.version}: the commit {entry.commit} says that it is {stated}."


def notes(text: str, version: str, links: str) -> str:
    """The entry of a version, with links to files of this project that also work elsewhere."""
    (entry,) = (entry for entry in changelog.releases(text) if entry.version == version)
    return re.sub(r"\]\((?!https?:|#)", f"]({links.rstrip('/')}/" if links else "](", entry.text) + "\n"


def main(arguments: argparse.Namespace) -> str | None:
    """Run the command; returns the reason why it failed."""
    text, version = changelog.CHANGELOG.read_text(encoding="utf-8"), project_version()
    if arguments.command == "check":
        found = list(tag_problems(arguments.tag, text, version))
        if not found:
            print(f"{arguments.tag} can be released.")
        return "\n".join(found) or None
    if arguments.command == "notes":
        print(notes(text, version, arguments.links), end="")
        return None
    from tools.release_files import ReleaseError, write_files

    try:
        write_files(version, arguments.directory, arguments.python)
    except ReleaseError as error:
        return str(error)
    return None


def parser() -> argparse.ArgumentParser:
    """The command line, which a test gives what the workflow runs."""
    made = argparse.ArgumentParser(
        prog="python -m tools.release", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = made.add_subparsers(dest="command", required=True)
    check = commands.add_parser("check", help="compare a tag with the version and with CHANGELOG.md")
    check.add_argument("tag", help="for example v0.2.0")
    shown = commands.add_parser("notes", help="print the entry of this version")
    shown.add_argument("--links", default="", help="address of the files at the tag, put before relative links")
    files = commands.add_parser("files", help="write what is published, and SHA256SUMS")
    files.add_argument("directory", type=Path, help="a new folder")
    files.add_argument("--python", action="append", help="only for this version of Python; can be repeated")
    return made


if __name__ == "__main__":
    sys.exit(main(parser().parse_args()))
