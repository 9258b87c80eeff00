"""`query` never prints a partial answer as if it were complete."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from ops.__main__ import app
from ops.api import ApiResponse
from tests.fakes.outputs import outputs_file

LOGIN = {"service_id": "mail", "service_name": "Mail", "last_accessed": "2024-03-01T00:00:00Z"}
ROW = "Mail\tmail\t2024-03-01T00:00:00Z\n"
HEADER = "Service\tID\tLast login (UTC)\n"
DAMAGED = (
    ": a part of this user's record is damaged, so logins can be missing. The runbook says how to repair it, under"
    " record-damaged.\n"
)
# Services, and what is printed on standard output and standard error with which exit code.
ANSWERS = {
    "complete": ({"services": [LOGIN]}, (HEADER + ROW, "", 0)),
    "complete and empty": ({"services": []}, ("No login of this user is recorded.\n", "", 0)),
    "complete, in so many words": ({"services": [], "partial": False}, ("No login of this user is recorded.\n", "", 0)),
    "partial": ({"services": [LOGIN], "partial": True}, (HEADER + ROW, f"The answer is partial{DAMAGED}", 4)),
    "partial and empty": ({"services": [], "partial": True}, ("", f"No login can be read{DAMAGED}", 4)),
}


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, body: dict[str, Any], *options: str) -> Result:
    monkeypatch.setattr("ops.commands.api.query_with_cached_token", lambda *_: ApiResponse(200, body))
    return CliRunner().invoke(app, ["query", "ada", "--outputs", str(outputs_file(folder)), *options])


@pytest.mark.parametrize("answer", ANSWERS)
def test_partial_answer_is_printed_as_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str) -> None:
    body, printed = ANSWERS[answer]
    result = run(monkeypatch, tmp_path, body)
    assert (result.stdout, result.stderr, result.exit_code) == printed


@pytest.mark.parametrize("answer", ANSWERS)
def test_json_is_the_body_of_the_api_with_the_same_exit_code(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str
) -> None:
    body, (_, note, code) = ANSWERS[answer]
    result = run(monkeypatch, tmp_path, body, "--json")
    assert (json.loads(result.stdout), result.stderr, result.exit_code) == (body, note, code)
