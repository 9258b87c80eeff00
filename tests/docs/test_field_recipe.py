"""The recipe for another field in docs/make-it-yours.md, followed in a copy of the sources, whole or without a step."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.waiting import HANG_SECONDS
from tests.graph.changes import Edit

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "make-it-yours.md").read_text()
COPIED = ("handlers", "docs", "ops", "tests")
MESSAGES, LOGINS, STORED, QUERY = (f"handlers/{name}.py" for name in ("messages", "logins", "stored", "query"))
SEND = "ops/commands/send.py"

_NAME_OF_EVENT = "service_name=event.service_name, last_accessed"
_NAME_OF_ENTRY = '"service_name": {"S": service.service_name},'
_NAME_OF_ANSWER = '"service_name": service.service_name,'
_OPTION = "    timestamp: Annotated[str | None, typer.Option("
STEPS: dict[str, tuple[Edit, ...]] = {
    "Parse it": (
        (MESSAGES, '"service_name", "timestamp"}', '"service_name", "timestamp", "device"}'),
        (
            MESSAGES,
            "        occurred_at=_valid_timestamp(",
            '        device=_valid_name("device", _string(fields, "device")) if "device" in fields else "",\n'
            "        occurred_at=_valid_timestamp(",
        ),
    ),
    "Give it to the domain": (
        (LOGINS, "    occurred_at: datetime\n", '    occurred_at: datetime\n    device: str = ""\n'),
        (LOGINS, "    last_accessed: datetime\n", '    last_accessed: datetime\n    device: str = ""\n'),
        (LOGINS, _NAME_OF_EVENT, f"device=event.device, {_NAME_OF_EVENT}"),
    ),
    "Order it": (
        (LOGINS, "tuple[datetime, str]:", "tuple[datetime, str, str]:"),
        (LOGINS, "service.service_name\n\n\ndef parse", "service.service_name, service.device\n\n\ndef parse"),
    ),
    "Store it": ((STORED, _NAME_OF_ENTRY, f'{_NAME_OF_ENTRY} "device": {{"S": service.device}},'),),
    "Read it": (
        (
            STORED,
            "            last_accessed=parse_instant(",
            '            device=fields.get("device", {"S": ""})["S"],\n            last_accessed=parse_instant(',
        ),
    ),
    "Return it": ((QUERY, _NAME_OF_ANSWER, f'{_NAME_OF_ANSWER} "device": service.device,'),),
    "Describe it to producers": (
        ("docs/event.schema.json", '    "timestamp": {', '    "device": {"type": "string"},\n    "timestamp": {'),
        ("docs/events.md", "| `timestamp` | string |", "| `device` | string | any |\n| `timestamp` | string |"),
    ),
    "Describe it to clients": (
        ("docs/openapi.yaml", "service_name, last_accessed]", "service_name, last_accessed, device]"),
        ("docs/openapi.yaml", "        last_accessed:\n", "        device: {type: string}\n        last_accessed:\n"),
        ("docs/api.md", '"service_name": "Web mail",', '"service_name": "Web mail", "device": "phone",'),
    ),
    "Send it": (
        (SEND, _OPTION, f"    device: Annotated[str | None, typer.Option()] = None,\n{_OPTION}"),
        (SEND, "timestamp: str | None) -> Event", "timestamp: str | None, device: str | None) -> Event"),
        (SEND, "service_name, timestamp)]", "service_name, timestamp, device)]"),
        (
            SEND,
            '        "timestamp": timestamp if',
            '        **({"device": device} if device is not None else {}),\n        "timestamp": timestamp if',
        ),
    ),
    "Use it in the tests": (
        ("tests/fakes/events.py", '"service_name": service_name,', '"service_name": service_name, "device": "phone",'),
    ),
}  # fmt: skip


def failures(folder: Path, *left_out: str) -> set[str]:
    """The tests of fields that fail after the recipe without these steps."""
    folder.mkdir()
    for entry in ROOT.iterdir():
        if entry.name in COPIED:
            ignored = shutil.ignore_patterns("__pycache__", "releases", "images")
            shutil.copytree(entry, folder / entry.name, ignore=ignored)
        elif not entry.name.startswith("."):
            (folder / entry.name).symlink_to(entry)
    steps = [edits for name, edits in STEPS.items() if name not in left_out]
    for name, old, new in (edit for edits in steps for edit in edits):
        text = (folder / name).read_text()
        assert old in text, f"{old} is not in {name}"
        (folder / name).write_text(text.replace(old, new, 1))
    pytest_ = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--noconftest",
        "tests/docs/test_fields.py",
    ]
    ran = subprocess.run(pytest_, cwd=folder, capture_output=True, text=True, timeout=HANG_SECONDS, check=False)
    assert ran.returncode in (0, 1), ran.stdout
    return set(re.findall(r"^FAILED \S+::(\w+)", ran.stdout, re.MULTILINE))


def test_page_has_the_steps() -> None:
    assert re.findall(r"^\d+\. \*\*(.+)\*\*: ", PAGE, re.MULTILINE) == list(STEPS)


def test_whole_recipe_is_green(tmp_path: Path) -> None:
    assert failures(tmp_path / "copy") == set()


@pytest.mark.soak
@pytest.mark.parametrize("step", STEPS)
def test_step_that_is_left_out_fails_the_test_that_the_page_names(step: str, tmp_path: Path) -> None:
    text = PAGE.partition(f"**{step}**")[2].partition("\n\n")[0]
    (named, *_) = re.findall(r"Without[^:]*: `(\w+)`", text)
    assert named in failures(tmp_path / "copy", step)
