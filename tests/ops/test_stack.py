"""Outputs become a stack that the commands can use, or a sentence that says what is wrong with them."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.__main__ import app
from ops.errors import OperatorError
from ops.stack import load_outputs, parse_outputs, short_stack_name
from tests.fakes import pulumi_cli
from tests.fakes.command_lines import CommandLine, walk
from tests.fakes.outputs import OUTPUTS, outputs_file
from tests.fakes.strangers import outputs_at, recording
from tests.ops.simulated_stack import assert_fails


def test_aws_stack_uses_region_of_its_arns_and_own_credentials():
    outputs = parse_outputs(json.dumps(OUTPUTS), "stack dev")
    assert (outputs.region, outputs.endpoint, outputs.access_key_id) == ("eu-west-1", None, None)
    assert outputs.api_client(None).client_id == "the-id"


def test_embedded_cloud_has_endpoint_region_and_credentials():
    local = {"endpoint": "http://127.0.0.1:4566", "region": "eu-north-1", "accessKeyId": "k", "secretAccessKey": "s"}
    outputs = parse_outputs(json.dumps(OUTPUTS | local), "a file")
    assert outputs.client("sqs").meta.endpoint_url == "http://127.0.0.1:4566"
    assert outputs.region == "eu-north-1"


def test_repr_omits_secrets():
    outputs = parse_outputs(json.dumps(OUTPUTS | {"secretAccessKey": "the-key"}), "a file")
    assert "the-id" in repr(outputs)  # the control: the repr contains the clients
    assert "the-secret" not in repr(outputs)
    assert "the-key" not in repr(outputs)


# What only some commands need: a stack from before them is operated as it is.
OPTIONAL = {"release", "versionsKept", "userPoolId", "probeFunction"}
INCOMPLETE = {name: {key: value for key, value in OUTPUTS.items() if key != name} for name in OUTPUTS.keys() - OPTIONAL}
INCOMPLETE["event-handler"] = OUTPUTS | {"functions": {"query": "q"}}


def test_stack_without_versions_can_be_read():
    outputs = parse_outputs(json.dumps({key: OUTPUTS[key] for key in OUTPUTS.keys() - OPTIONAL}), "stack dev")
    assert (outputs.release, outputs.versions_kept, outputs.user_pool_id) == (None, None, None)
    assert outputs.all_functions == outputs.functions


@pytest.mark.parametrize("missing", sorted(INCOMPLETE))
def test_missing_output_is_named(missing: str):
    with pytest.raises(OperatorError, match=f"stack dev has no output '{missing}'"):
        parse_outputs(json.dumps(INCOMPLETE[missing]), "stack dev")


CHANGES = ({"apiClients": []}, {"queueUrl": 5}, {"endpoint": "nonsense"}, {"tokenUrl": ""})


@pytest.mark.parametrize("text", ["", "not json", "[]", "7", *[json.dumps(OUTPUTS | change) for change in CHANGES]])
def test_invalid_outputs_are_rejected_in_one_sentence(text: str):
    with pytest.raises(OperatorError) as error:
        parse_outputs(text, "the file")
    assert str(error.value) == "the file does not contain the outputs of a stack (a JSON object)."


def test_several_api_clients_need_a_choice():
    two = {"one": {"clientId": "1", "clientSecret": "a"}, "two": {"clientId": "2", "clientSecret": "b"}}
    outputs = parse_outputs(json.dumps(OUTPUTS | {"apiClients": two}), "a file")
    with pytest.raises(OperatorError, match="--client: one, two"):
        outputs.api_client(None)
    with pytest.raises(OperatorError, match=r"'three'\. It has: one, two"):
        outputs.api_client("three")
    assert outputs.api_client("two").client_id == "2"


@pytest.mark.parametrize(
    ("stack", "outputs", "sentence"),
    [
        (None, None, "python -m localcloud up"),
        (None, "missing.json", r"missing\.json"),
        ("dev", "missing.json", "Use one of them"),
        ("dev", None, "the Pulumi CLI is not on PATH"),
    ],
)
def test_missing_outputs_error_says_how_to_get_them(
    stack: str | None, outputs: str | None, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("ops.stack.PROJECT", tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OperatorError, match=sentence):
        load_outputs(stack, Path(outputs) if outputs else None)


def test_cloud_of_this_folder_comes_before_that_of_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    here, program = tmp_path / "here", tmp_path / "program"
    for folder in (program, here):
        (folder / ".localcloud").mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.setattr("ops.stack.PROJECT", program)
    outputs_file(program / ".localcloud", tableName="of-the-program")
    assert load_outputs(None, None).table_name == "of-the-program"
    outputs_file(here / ".localcloud", tableName="here")
    assert load_outputs(None, None).table_name == "here"


@pytest.mark.parametrize("name", ["acme/dev", "acme/event-processing/dev"])
@pytest.mark.parametrize("line", [line for line in walk("ops") if "--outputs" in line.options], ids=str)
def test_every_command_passes_the_name_of_a_stack_to_the_cli_unchanged(
    line: CommandLine, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with recording() as cloud:
        arguments = f"stack output --json --show-secrets --stack {name}"
        pulumi_cli.install(tmp_path, {arguments: json.dumps(outputs_at(cloud.url))})
        result = CliRunner().invoke(app, line.words("--stack", name)[1:])
    assert cloud.received, result.stderr


@pytest.mark.parametrize("line", [line for line in walk("ops") if "--stack" in line.options], ids=str)
def test_every_command_rejects_a_name_that_is_no_stack_of_this_project(
    line: CommandLine, checkout: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ops.stack.PROJECT", checkout)
    for name, sentence in {
        "acme/other/dev": "is in project other, and this program is project event-processing. Write acme/event-proc",
        "-x": "--stack '-x' is not a stack's name",
        "": "--stack '' is not a stack's name. Write STACK, ORG/STACK or ORG/PROJECT/STACK.",
    }.items():
        result = CliRunner().invoke(app, line.words("--stack", name)[1:])
        assert_fails(result, sentence)
        assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "name",
    [
        *("/", "a/", "/dev", "a//b", "a/b/c/d", "de v", "dev\n", "d\u00e9v", "\udcff"),
        *("../dev", "./dev", ".", "..", ".dev", "-o/dev", "acme/-x", "d" * 101),
    ],
)
def test_text_that_cannot_be_the_name_of_a_stack_is_rejected(name: str):
    with pytest.raises(OperatorError, match=re.escape(f"--stack {name!r} is not a stack's name")):
        short_stack_name(name)


def test_failing_cli_is_reported_without_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "pulumi").write_bytes(b"\x7fELF of another machine")
    (tmp_path / "pulumi").chmod(0o755)
    with pytest.raises(OperatorError, match=r"pulumi cannot be run: Exec format error"):
        load_outputs("dev", None)


def test_stack_is_read_through_the_pulumi_cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    pulumi_cli.install(tmp_path, {"stack output --json --show-secrets --stack dev": json.dumps(OUTPUTS)})
    assert load_outputs("dev", None).table_name == OUTPUTS["tableName"]
    with pytest.raises(OperatorError, match=r"outputs of stack other cannot be read: .* error: no stack named that"):
        load_outputs("other", None)
