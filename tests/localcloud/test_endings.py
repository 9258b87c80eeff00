"""What a function writes when its process is ended is in its log, and every process that was idle for long is ended."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import io, sys, time, zipfile
from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc
from localcloud.emulator.observed import make_observed_app, observatory_for

observatory, without = observatory_for(sys.argv[1:])
make_observed_app(observatory, without=without)
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("code.py", '''
import os, signal

def end(*_):
    print("last")
    os._exit(0)

signal.signal(signal.SIGTERM, end)

def handler(event, context):
    print(os.environ.get("METRICS_HOLD_SECONDS"))
''')
arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"
logging = {"LogFormat": "JSON", "LogGroup": "g"}
config = {"FunctionName": "f", "FunctionArn": arn, "Runtime": "python3.13", "Handler": "code.handler"}
config["LoggingConfig"] = logging
cloudwatch_logs._log_groups["g"] = {"streams": {}}
worker, _ = lambda_runtime.acquire_worker("f", config, code.getvalue())
held = worker.invoke({}, "id")["log"]
lambda_runtime.release_worker(worker)
assert lambda_svc.reap_idle_workers(60) == 0
worker.last_used -= 61
reaped = lambda_svc.reap_idle_workers(60)
streams = cloudwatch_logs._log_groups["g"]["streams"].values()
logged = [event["message"] for stream in streams for event in stream["events"]]
print([held, reaped, logged])
lambda_runtime.reset()
"""


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--paused"], "['None', 1, ['last']]"),
        (["--minute=2"], "['0', 1, ['last']]"),
        (["--paused", "--unplugged=log_what_ends"], "['None', 0, []]"),
    ],
    ids=["as on AWS", "faster", "control"],
)
def test_process_that_is_ended_has_its_last_lines_logged(arguments, expected):
    environment = {**os.environ, "GATEWAY_PORT": "1", "AWS_SECRET_ACCESS_KEY": "test"}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.stdout.strip() == expected, finished.stderr[-2000:]
