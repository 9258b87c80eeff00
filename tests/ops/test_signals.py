"""A signal ends every command with a sentence and 128 + its number, and nothing that it has read is lost."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.checkout import ROOT
from tests.fakes.command_lines import CommandLine, walk
from tests.fakes.processes import heard
from tests.fakes.strangers import Recorder, outputs_at, recording
from tests.fakes.waiting import eventually

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A command that reads, one that sends and one that changes get every signal; the others SIGTERM, by the same handler.
GETS_EVERY_SIGNAL = {("query",), ("send",), ("dead-letters", "discard")}
# Runs each command in a fork of a process that has imported what commands import, and read the models of the services.
FORKS = """
import contextlib, functools, gc, io, json, os, sys
import boto3, botocore.session, requests, rich.progress, rich.table
import ops.preflight, ops.smoke_page
from ops.__main__ import app

botocore.session.create_loader = functools.cache(botocore.session.create_loader)
for service in "apigateway", "cloudwatch", "cognito-idp", "dynamodb", "lambda", "logs", "sns", "sqs", "xray":
    boto3.client(service, region_name="us-east-1")
with contextlib.suppress(SystemExit), contextlib.redirect_stderr(io.StringIO()):
    app(["query", "ada", "--outputs", "missing.json"])  # imports what reads options

gc.freeze()  # for otherwise the end of each fork looks for garbage in all that was imported
for line in sys.stdin:
    if not (child := os.fork()):
        for descriptor, name in enumerate((os.devnull, "stdout", "stderr")):
            os.dup2(os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC), descriptor)
        app(json.loads(line))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Forks:
    """Commands in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pulumi = folder / "bin" / "pulumi"
        self.pulumi.parent.mkdir()
        paths = {"PATH": f"{self.pulumi.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
        with heard(*SIGNALS):
            self.process = subprocess.Popen(
                [sys.executable, "-c", FORKS],
                cwd=folder,
                env=os.environ | paths | {"XDG_CACHE_HOME": str(folder / "bin")},
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )

    def connect(self, url: str) -> None:
        """Let the commands, and the Pulumi CLI that they run, send their requests to a server."""
        (self.folder / "outputs.json").write_text(json.dumps(outputs_at(url)))
        address = url.removeprefix("http://").replace(":", "/")
        request = f"exec 3<>/dev/tcp/{address}\necho $'GET / HTTP/1.0\\r\\n\\r' >&3\nexec cat <&3\n"
        self.pulumi.write_text(f"#!/bin/bash\n{request}")
        self.pulumi.chmod(0o755)

    def interrupt(self, line: CommandLine, number: int, server: Recorder) -> tuple[int, str]:
        """Run the command, send the signal when its first request has arrived; return exit code and stderr."""
        assert self.process.stdin
        assert self.process.stdout
        before = len(server.received)
        where = ("--outputs", "outputs.json") if "--outputs" in line.options else ()
        print(json.dumps(line.words(*where)[1:]), file=self.process.stdin, flush=True)
        child = int(self.process.stdout.readline())
        eventually(lambda: len(server.received) > before)
        os.kill(child, number)
        return int(self.process.stdout.readline()), (self.folder / "stderr").read_text()


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("forks"))
    with forks.process as process:
        yield forks
        assert process.stdin
        process.stdin.close()


@pytest.mark.parametrize("line", walk("ops"), ids=str)
def test_every_command_ends_in_one_sentence_and_leaves_no_file(forks: Forks, line: CommandLine):
    with recording(None) as server:
        forks.connect(server.url)
        for number in SIGNALS if line.names in GETS_EVERY_SIGNAL else [signal.SIGTERM]:
            assert forks.interrupt(line, number, server) == (128 + number, f"Interrupted ({number.name}).\n")
    assert {path.name for path in forks.folder.iterdir()} == {"outputs.json", "bin", "stdout", "stderr"}
