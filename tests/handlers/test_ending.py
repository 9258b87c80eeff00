"""Nothing is lost when Lambda ends an environment, because Lambda tells a process that has registered an extension."""

import os
import subprocess
import sys

from tests.fakes.checkout import ROOT
from tests.fakes.emf import read_output
from tests.fakes.lambda_service import LambdaService

INVOCATIONS = 150
END = "{}\n"
# Invokes a function so often that it holds what it measured, then waits as the runtime does.
PROGRAM = f"""
import sys
from handlers.telemetry import Telemetry
from handlers.vocabulary import MetricName
from simulation.lambda_events import LambdaContext

telemetry = Telemetry("query", "dev", "1")
handler = telemetry.entry_point(lambda event, context: telemetry.measure(MetricName.QUERY_SUCCESS, 1))
for _ in range({INVOCATIONS}):
    handler({{}}, LambdaContext())
print("{{}}", flush=True)
sys.stdin.read()
"""


def run_until_ended(service, **environment):
    """What a function has written when its environment has ended, and what of that before."""
    variables = {"PATH": os.environ["PATH"], "AWS_LAMBDA_FUNCTION_NAME": "query", "POWERTOOLS_TRACE_DISABLED": "true"}
    with (
        service.running(),
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            cwd=ROOT,
            env=variables | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        before = list(iter(process.stdout.readline, END))
        service.end(process)
        after = process.stdout.read()
    return read_output("".join(before) + after), read_output("".join(before))


def test_process_that_lambda_ends_writes_what_it_holds():
    service = LambdaService()
    output, before = run_until_ended(service, AWS_LAMBDA_RUNTIME_API=service.address)
    assert before.metrics["QuerySuccess"] < INVOCATIONS
    assert output.metrics["QuerySuccess"] == INVOCATIONS
    # It waits for no event, so no invocation waits for it.
    assert service.registered == [("write-held-metrics", [])]


def test_control_process_without_an_extension_loses_what_it_holds():
    service = LambdaService()
    output, _ = run_until_ended(service)
    assert service.registered == []
    assert output.metrics["QuerySuccess"] < INVOCATIONS


def test_function_starts_although_it_cannot_register():
    output, _ = run_until_ended(LambdaService(), AWS_LAMBDA_RUNTIME_API="127.0.0.1:9")
    assert output.logs[0]["level"] == "WARNING"
    assert output.metrics["QuerySuccess"]
