"""What a function logged before it responded is in its log, however late a thread reads it."""

import os
import subprocess
import sys
import threading

from localcloud.emulator.log_pipe import LogPipe

INVOCATION = """
import io, threading, zipfile
from ministack.core import lambda_runtime
from localcloud.emulator.seams import make_app

make_app()
lambda_runtime.Worker._read_stderr = lambda self: threading.Event().wait()  # a thread that never gets to run
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("code.py", "def handler(event, context):\\n    for n in range(300): print('line', n)")
arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"
config = {"FunctionName": "f", "FunctionArn": arn, "Runtime": "python3.13", "Handler": "code.handler"}
worker = lambda_runtime.Worker("f", config, code.getvalue())
for _ in range(2):
    lines = worker.invoke({}, "id")["log"].splitlines()
    assert [line for line in lines if line.startswith("line")] == [f"line {n}" for n in range(300)], lines
worker.kill()
"""


def test_lines_are_complete_without_a_reader():
    reader, writer = os.pipe()
    with os.fdopen(reader) as stream, os.fdopen(writer, "wb", buffering=0) as process:
        pipe = LogPipe(stream)
        process.write(b"first\nse")
        assert pipe.take_lines() == ["first"]
        process.write(b"cond \xff\n\n")
        assert pipe.take_lines() == ["second \ufffd", ""]
        assert pipe.take_lines() == []


def test_process_never_waits_for_whoever_takes_the_lines():
    reader, writer = os.pipe()
    lines = [f"line {number} {'x' * 100}" for number in range(20_000)]  # more than a pipe holds
    with os.fdopen(reader) as stream:
        pipe = LogPipe(stream)
        follower = threading.Thread(target=pipe.follow)
        follower.start()
        with os.fdopen(writer, "wb") as process:
            process.write("\n".join([*lines, ""]).encode())
        assert pipe.take_lines() == lines
        follower.join()


def test_invocation_returns_all_that_it_logged():
    subprocess.run([sys.executable, "-c", INVOCATION], check=True, env=os.environ | {"GATEWAY_PORT": "1"})
