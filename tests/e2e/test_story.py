"""`make demo` as a whole, and the operator's commands as processes against a deployed stack."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from localcloud import demo
from localcloud.progress import Progress
from tests.e2e.conftest import ROOT, Stack
from tests.fakes.waiting import eventually


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", *command], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def outputs(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The outputs file of the deployed stack."""
    file = tmp_path_factory.mktemp("outputs") / "outputs.json"
    stack.cloud.write_outputs(file)
    return file


def test_outputs_file_is_complete_and_private(outputs: Path):
    assert outputs.stat().st_mode & 0o777 == 0o600
    exports = {"queueUrl", "deadLetterQueueUrl", "tableName", "apiUrl", "tokenUrl", "apiScope", "apiClients"}
    exports |= {"functions", "alarmTopics", "dashboardUrls"}
    assert exports | {"endpoint", "region", "accessKeyId", "secretAccessKey"} <= json.loads(outputs.read_text()).keys()


def test_demo_passes(checkout: Path):
    demo_run = run("localcloud", "demo", cwd=checkout)
    assert (demo_run.returncode, demo_run.stderr) == (0, "")
    assert '"user_id": "ada"' in demo_run.stdout
    assert "All checks passed" in demo_run.stdout


def test_demo_notices_an_unexpected_record(
    stack: Stack, outputs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The control: the table of a stack that did not start empty contains more than the story expects."""
    stack.send(json.dumps({"user_id": "stranger", "service_id": "s", "service_name": "S",
                           "timestamp": "2024-01-01T00:00:00Z"}))  # fmt: skip
    eventually(lambda: stack.record("stranger"), bool)
    monkeypatch.setattr(demo, "DEADLINE_SECONDS", 0)
    with pytest.raises(demo.UnexpectedAnswerError, match="the table"):
        demo.run_story(stack.cloud, outputs, Progress(demo.STORY_STEPS, Console(quiet=True)))


def test_operator_sends_and_queries_a_login(outputs: Path, user: str):
    sent = run("ops", "send", "--user-id", user, "--service-id", "mail", "--service-name", "[bold]Mail",
               "--outputs", str(outputs))  # fmt: skip
    assert (sent.returncode, sent.stdout) == (0, "Sent 1 event.\n"), sent.stderr
    ask = ("ops", "query", user, "--outputs", str(outputs))
    found = eventually(lambda: json.loads(run(*ask, "--json").stdout), lambda answer: answer["services"])
    assert [service["service_name"] for service in found["services"]] == ["[bold]Mail"]
    assert "[bold]Mail" in run(*ask).stdout  # a name is not markup


def test_operator_sees_why_the_api_rejects_a_query(outputs: Path):
    answer = run("ops", "query", "x" * 256, "--outputs", str(outputs))
    assert answer.returncode == 1
    assert answer.stderr.startswith("The API returned 400: user_id has 256 characters")
    assert len(answer.stderr.splitlines()) == 1
