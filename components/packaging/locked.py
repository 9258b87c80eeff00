"""How installed packages differ from what their lock file pins, read from what lies on the disk.

Needs only pip, whose copy of `packaging` reads markers and tags: it also runs, as a script, in an environment that
holds nothing else yet, and compares that with the union of the lock files it is given.
"""

import sys
import sysconfig
import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement
from pip._vendor.packaging.tags import Tag, compatible_tags, cpython_tags, parse_tag, sys_tags
from pip._vendor.packaging.utils import canonicalize_name, canonicalize_version

RECORDS = ".dist-info"
BROUGHT_BY_PYTHON = frozenset({"pip", "setuptools"})
"""What an environment may hold although no lock names it: `python -m venv` puts it there."""


def pins(locks: Iterable[str]) -> dict[str, str]:
    """The version of each package that these lock files demand of the interpreter that is running, by its name."""
    found: dict[str, str] = {}
    for line in "\n".join(locks).splitlines():
        text = line.partition("#")[0].partition("--hash=")[0].rstrip(" \\")
        if text and not text.startswith((" ", "-")):
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate():
                found[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return found


def tags_of(platform: str | None, python_version: str) -> set[Tag]:
    """The tags of the wheels that CPython of this version can use on a platform; None is the running interpreter."""
    if platform is None:
        return set(sys_tags())
    version = [int(part) for part in python_version.split(".")]
    nickname = f"cp{version[0]}{version[1]}"
    # The same promise by its name and by its number: a wheel may bear either.
    platforms = [platform, platform.replace("manylinux2014", "manylinux_2_17")]
    return {
        *cpython_tags(version, abis=[nickname], platforms=platforms),
        *compatible_tags(version, interpreter=nickname, platforms=platforms),
    }


def differences(
    locked: Mapping[str, str], packages: "Path | zipfile.Path", usable: Collection[Tag], ignored: Collection[str] = ()
) -> list[str]:
    """Sentences without a full stop: each package of a folder that is missing, another, too many or not usable."""
    found: dict[str, str] = {}
    said: list[str] = []
    for records in packages.iterdir() if packages.is_dir() else ():
        if not records.name.endswith(RECORDS):
            continue
        name, _, version = records.name.removesuffix(RECORDS).partition("-")
        name = canonicalize_name(name)
        found[name] = version
        if name not in locked:
            if name not in ignored:
                said.append(f"{name} {version} is not in the lock")
        elif canonicalize_version(locked[name]) != canonicalize_version(version):
            said.append(f"{name} is {version} and not {locked[name]}")
        elif not (tags := _wheel_tags(records)) & set(usable):
            said.append(f"{name} {version} is for {', '.join(sorted(map(str, tags))) or 'nothing known'}")
    said += [f"{name} {version} is missing" for name, version in locked.items() if name not in found]
    return sorted(said)


def _wheel_tags(records: "Path | zipfile.Path") -> set[Tag]:
    """The tags a wheel was built for, of which the file name showed a shorter form."""
    wheel = records / "WHEEL"
    lines = wheel.read_text(encoding="utf-8").splitlines() if wheel.is_file() else []
    return {tag for line in lines if line.startswith("Tag: ") for tag in parse_tag(line.removeprefix("Tag: "))}


def main(*locks: str) -> str | None:
    """How the running interpreter's packages differ from these lock files, a line each; None when they do not."""
    locked = pins(Path(lock).read_text(encoding="utf-8") for lock in locks)
    packages = Path(sysconfig.get_path("purelib"))
    return "\n".join(differences(locked, packages, set(sys_tags()), BROUGHT_BY_PYTHON)) or None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
