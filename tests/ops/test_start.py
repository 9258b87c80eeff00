"""A command starts without the packages that it does not use, which take longer to import than most commands run.

Counted in modules: seconds depend on the machine.
"""

import json
import subprocess
import sys

import pytest

from tests.fakes.command_lines import CommandLine, walk

SLOW = {"boto3", "botocore.client", "grpc", "moto", "pulumi", "requests", "urllib3", "yaml"}
RICH = {"rich"}
"""Only help and errors of Typer, tables and progress bars of a terminal need it."""
PYDANTIC = {"pydantic"}
"""Only values that are neither texts, numbers nor paths need it."""
LINES = {
    "--help": SLOW,
    "status --help": SLOW,
    "nonsense": SLOW,
    "status --nonsense": SLOW,
    "--version": SLOW | RICH | PYDANTIC,
}
COMMANDS = [line for line in walk("ops") if "--outputs" in line.options]
USED = {
    "dead-letters": ["ops.commands.dead_letters"],  # the group
    "release": ["ops.commands.rollback"],
    "status": ["ops.commands.logs"],
}
"""What a command uses of other commands' modules."""
READ_STATUS = {"release", "smoke", "status"}
"""What imports everything that reads the state of a stack."""
# Runs each line in a child of one process, which has imported what all commands share.
IN_CHILDREN = """
import json, os, sys
from ops.command_line import app
for line in json.loads(sys.argv[1]):
    sys.stdout.flush()
    if child := os.fork():
        os.waitpid(child, 0)
        continue
    try:
        app(line)
    except SystemExit as end:
        print(json.dumps([end.code, *sys.modules]))
    sys.stdout.flush()
    os._exit(0)
"""

# Prints how often Python looked for garbage, how much it leaves out of its last look, and how often it will look.
LOOKS = """
import atexit, gc, importlib.util, sys
looks = []
gc.callbacks.append(lambda phase, _: looks.append(phase))
atexit.register(lambda: print(len(looks), gc.get_freeze_count(), gc.isenabled() * gc.get_threshold()[0]))
_, form, *sys.argv = sys.argv
if form == "control":
    gc.set_threshold = gc.freeze = gc.disable = lambda *_: None
module = sys.argv[0] if "." in sys.argv[0] else sys.argv[0] + ".__main__"
code = importlib.util.find_spec(module).loader.get_code(module)
# In a fresh clone, the module has just been compiled, before its first line could forbid to look.
gc.collect()
looks.clear()
exec(code, {"__name__": "__main__"})
"""
STARTS = {
    "ops query alice --outputs missing.json": True,
    "localcloud env --outputs missing.json": True,
    "localcloud.deployer.language_host": False,
}
"""What starts, and whether it can run for hours, in which it must look for garbage."""


def imported(*arguments: str) -> set[str]:
    """Return the modules that `python ARGUMENTS` imports."""
    command = [sys.executable, "-X", "importtime", *arguments]
    report = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    return {line.rpartition("|")[2].strip() for line in report.splitlines() if line.startswith("import time:")}


@pytest.fixture(scope="module")
def modules() -> dict[tuple[str, ...], set[str]]:
    """The modules that each command has imported when it reports that its stack is unknown."""
    lines = [line.words("--outputs", "missing.json")[1:] for line in COMMANDS]
    command = [sys.executable, "-c", IN_CHILDREN, json.dumps(lines)]
    reports = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL).stdout
    found = [json.loads(report) for report in reports.splitlines()]
    assert [code for code, *_ in found] == [1] * len(COMMANDS)
    return {line.names: set(imports) for line, (_, *imports) in zip(COMMANDS, found, strict=True)}


def place(line: CommandLine) -> str:
    return line.command.callback.__module__


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: "-".join(line.names))
def test_command_imports_neither_other_commands_nor_a_slow_package(line: CommandLine, modules: dict):
    found = modules[line.names]
    assert place(line) in found
    assert found & {place(other) for other in COMMANDS} <= {place(line), *USED.get(line.names[0], ())}
    assert found & (SLOW | RICH | PYDANTIC) == set()
    assert ("ops.status" in found) is (line.names[0] in READ_STATUS)


@pytest.mark.parametrize("line", LINES)
def test_command_imports_no_slow_package_that_it_does_not_use(line: str):
    found = imported("-m", "ops", *line.split())
    assert "ops.command_line" in found
    assert found & LINES[line] == set()


def test_embedded_cloud_is_started_before_pulumi_and_boto3_are_imported():
    found = imported("-m", "localcloud", "env", "--outputs", "missing.json")
    assert "localcloud.command_line" in found
    assert found & (PYDANTIC | SLOW - {"yaml"}) == set()


def test_control_a_client_imports_what_the_commands_avoid():
    program = "import ops.clients, ops.api; ops.clients.aws_client('sqs', 'eu-west-1'); import requests"
    assert imported("-c", program) >= {"boto3", "requests", "urllib3"}


def test_clients_of_the_embedded_cloud_share_a_session_and_need_no_boto3():
    program = (
        "from ops.clients import embedded_client; import botocore.session; made = botocore.session.Session.__init__\n"
        "def make(*a, **k): print('session'); made(*a, **k)\n"
        "botocore.session.Session.__init__ = make\n"
        "for service in ('sqs', 'sns', 'logs'): embedded_client(service, 'eu-west-1', 'http://127.0.0.1:9', 'k', 's')\n"
        "import sys; print('boto3' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.split() == ["session", "False"]


def looks(line: str, form: str = "") -> list[int]:
    command = [sys.executable, "-c", LOOKS, form, *line.split()]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert ended.returncode == 1, ended.stderr
    return [int(word) for word in ended.stdout.split()]


@pytest.mark.parametrize("line", STARTS)
def test_start_looks_for_no_garbage_among_what_was_imported(line: str):
    count, left_out, threshold = looks(line)
    assert count == 0
    assert left_out > 10_000
    assert 0 < threshold <= 100_000 if STARTS[line] else threshold == 0


@pytest.mark.parametrize("line", STARTS)
def test_control_python_itself_looks_for_garbage_often(line: str):
    count, left_out, threshold = looks(line, "control")
    assert count > 10
    assert left_out < 1_000  # Python 3.12 leaves out some of its own
    assert threshold == (2000 if sys.version_info >= (3, 13) else 700)
