"""An error that a user can cause ends in a sentence that says what to do, and an exit code for scripts."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from botocore import exceptions
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from ops.commands.command import handle_errors
from ops.errors import OperatorError, explain
from ops.signals import Stopped
from tests.fakes.checkout import ROOT


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "of user ada"}}, "ReceiveMessage")


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OperatorError("Fix it."), "Fix it."),
        (exceptions.NoCredentialsError(), "aws sso login"),
        (exceptions.PartialCredentialsError(provider="env", cred_var="key"), "No complete AWS credentials"),
        (exceptions.UnauthorizedSSOTokenError(), "have expired"),
        (exceptions.SSOTokenLoadError(error_msg="gone"), "have expired"),
        (exceptions.TokenRetrievalError(provider="sso", error_msg="gone"), "have expired"),
        (exceptions.ProfileNotFound(profile="work"), "(work)"),
        (exceptions.EndpointConnectionError(endpoint_url="http://sqs"), "still there"),
        (exceptions.ReadTimeoutError(endpoint_url="http://sqs"), 'timeout on endpoint URL: "http://sqs". Is'),
        (exceptions.ProxyConnectionError(proxy_url="socks5://ada:b@p"), "(ProxyConnectionError). Check https_proxy"),
        (exceptions.HTTPClientError(error="http://ada:b@p:port"), "(HTTPClientError). Check https_proxy"),
        (exceptions.ConfigParseError(path="/home/.aws/config"), "/home/.aws/config. Correct your AWS configuration"),
        (ResponseParserError("of user ada"), "ResponseParserError"),
        (client_error("ExpiredToken"), "have expired"),
        (client_error("InvalidClientTokenId"), "does not know these credentials"),
        (client_error("AccessDenied"), "may not call ReceiveMessage"),
        (client_error("AWS.SimpleQueueService.NonExistentQueue"), "Does the stack still exist"),
        (client_error("ThrottlingException"), "throttled ReceiveMessage"),
        (client_error("SomethingNew"), "failed with SomethingNew"),
        (UnicodeEncodeError("utf-8", "ada", 0, 1, "surrogates"), "encoding of this terminal"),
        (OSError(errno.ENOSPC, "No space left on device"), "could not be written: No space"),
    ],
)
def test_error_sentence_omits_text_from_aws(error: Exception, sentence: str):
    explained = explain(error)
    assert explained is not None
    assert sentence in explained
    assert explained.endswith((".", "?"))
    assert "\n" not in explained
    assert "ada" not in explained


def test_defects_keep_their_traceback():
    assert explain(ValueError()) is None
    with pytest.raises(ValueError, match="a defect"):
        handle_errors(fail_with(ValueError("a defect")))()


def fail_with(error: BaseException) -> Any:
    def command() -> None:
        """Fail."""
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"), [(KeyboardInterrupt(), 130), (typer.Abort(), 130), (OperatorError("No."), 1)]
)
def test_exit_codes(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        handle_errors(fail_with(error))()
    assert ended.value.code == code
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(("size", "flushed"), [(10, False), (1_000_000, False), (10, True)])
def test_closed_pipe_is_not_an_error(size: int, flushed: bool):
    reader, writer = os.pipe()
    os.close(reader)
    ended = run(f"print('x' * {size}, flush={flushed})", f">&{writer}", pass_fds=[writer])
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


FAIL = "print('x'); from ops.errors import OperatorError; raise OperatorError('No.')"
LINES = "from ops.commands.output import print_line; print_line('x'); print_line('y'); print('z')"


@pytest.mark.parametrize(
    ("program", "code", "sentence"),
    [
        (FAIL, 1, b"No.\n"),
        ("print('x'); import signal; signal.raise_signal(15)", 143, b"Interrupted (SIGTERM).\n"),
        (f"{LINES}; raise SystemExit(3)", 3, b""),
    ],
)
def test_closed_pipe_does_not_change_the_exit_code(program: str, code: int, sentence: bytes):
    reader, writer = os.pipe()
    os.close(reader)
    ended = run(program, f">&{writer}", pass_fds=[writer], PYTHONUNBUFFERED="")
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (code, sentence)


def test_signal_that_was_ignored_stays_ignored():
    signals, raise_all = ("HUP", "INT", "TERM"), "[signal.raise_signal(number) for number in (1, 2, 15)]"
    ignored = run(f"import signal; {raise_all}; print('done')", "", trap=signals)
    assert (ignored.returncode, ignored.stdout) == (0, b"done\n")


def run(
    program: str, redirection: str, *, pass_fds: Sequence[int] = (), trap: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run a command with this body, its output redirected and signals ignored by a shell."""
    script = f"from ops.commands.command import handle_errors\n@handle_errors\ndef command():\n    {program}\ncommand()"
    shell = ["bash", "-c", f'trap "" {" ".join(trap) or "PIPE"}; "$0" -c "$1" {redirection}', sys.executable, script]
    environ = os.environ | environment
    return subprocess.run(shell, cwd=ROOT, env=environ, pass_fds=pass_fds, capture_output=True, check=False)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_full_disk_prints_one_sentence(size: int):
    ended = run(f"print('x' * {size})", "> /dev/full")
    sentence = b"The output could not be written: No space left on device.\n"
    assert (ended.returncode, ended.stderr) == (1, sentence)


def test_unencodable_characters_are_escaped():
    ended = run("print('caf\u00e9')", "", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"caf\\xe9\n", b"")


@pytest.mark.parametrize(
    ("error", "code"),
    [(Stopped(signal.SIGTERM), 143), (Stopped(signal.SIGINT), 130), (typer.Abort(), 130), (OperatorError("Fix."), 1)],
    ids=["SIGTERM", "SIGINT", "abort", "operator"],
)
def test_full_standard_error_changes_no_exit_code(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int):
    @handle_errors
    def command() -> None:
        raise error

    def fail(text: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(sys.stderr, "write", fail)
        with pytest.raises(SystemExit) as exit_:
            command()
    assert exit_.value.code == code
