"""How an operator's command ends when it cannot do what was asked: one sentence, no traceback."""

import errno
import io
import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import requests
import typer
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    SSOTokenLoadError,
    TokenRetrievalError,
)

P = ParamSpec("P")
R = TypeVar("R")

HAVE_EXPIRED = "The AWS credentials have expired: log in again."
IS_GONE = "{operation} found nothing of that name: is the stack still there, in this account and region?"
ARE_UNKNOWN = "AWS does not know these credentials: log in again, and mind which account the stack is in."
MAY_NOT = "These credentials may not call {operation} on the stack: use a role that may."
TOO_FAST = "AWS asks to slow down ({operation}, {code}): wait a little, then run the same again."
REFUSED = "{operation} was refused with {code}."

SENTENCE_BY_CODE = {
    "ExpiredToken": HAVE_EXPIRED,
    "ExpiredTokenException": HAVE_EXPIRED,
    "RequestExpired": HAVE_EXPIRED,
    "InvalidClientTokenId": ARE_UNKNOWN,
    "UnrecognizedClientException": ARE_UNKNOWN,
    "InvalidAccessKeyId": ARE_UNKNOWN,
    "SignatureDoesNotMatch": ARE_UNKNOWN,
    "InvalidSignatureException": ARE_UNKNOWN,
    "AuthFailure": ARE_UNKNOWN,
    "AccessDenied": MAY_NOT,
    "AccessDeniedException": MAY_NOT,
    "UnauthorizedOperation": MAY_NOT,
    "AuthorizationError": MAY_NOT,
    "KmsAccessDenied": MAY_NOT,
    "KMS.AccessDeniedException": MAY_NOT,
    "AWS.SimpleQueueService.NonExistentQueue": IS_GONE,
    "QueueDoesNotExist": IS_GONE,
    "ResourceNotFound": IS_GONE,
    "ResourceNotFoundException": IS_GONE,
    "Throttling": TOO_FAST,
    "ThrottlingException": TOO_FAST,
    "RequestThrottled": TOO_FAST,
    "RequestLimitExceeded": TOO_FAST,
    "TooManyRequestsException": TOO_FAST,
}
# By type, the first that fits; {error} is botocore's own sentence, where that names what one needs to know.
SENTENCE_BY_TYPE: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (NoCredentialsError, PartialCredentialsError),
        "No AWS credentials were found, or only half of them: log in (aws sso login) or set AWS_PROFILE.",
    ),
    ((SSOError, SSOTokenLoadError, TokenRetrievalError), HAVE_EXPIRED),
    ((ProfileNotFound,), "{error}: set AWS_PROFILE to one that your AWS configuration has."),
    (
        (EndpointConnectionError,),
        "{error} Is the stack still there (`python -m localcloud up` running, or the right region)?",
    ),
    ((requests.ConnectionError,), "The address in the stack's outputs does not answer: is the stack still there?"),
    ((requests.RequestException, BotoCoreError), "The request failed: {name}."),
    ((UnicodeEncodeError,), "What was given is not text in the encoding of this terminal."),
)
CANNOT_BE_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


class OperatorError(Exception):
    """Something the operator can mend; its text says what was found, what is expected and what to do."""


def explain(error: Exception) -> str | None:
    """One sentence for an error a user can cause, or None for one that is our own defect."""
    if isinstance(error, OperatorError):
        return str(error)
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "unknown")
        return SENTENCE_BY_CODE.get(code, REFUSED).format(operation=error.operation_name, code=code)
    for types, sentence in SENTENCE_BY_TYPE:
        if isinstance(error, types):
            return sentence.format(error=error, name=type(error).__name__)
    if isinstance(error, OSError) and error.errno in CANNOT_BE_WRITTEN:
        return f"What there was to write could not be written: {error.strerror}."
    return None


def _make_output_safe() -> None:
    """Let no character and no closed stream end a command."""
    # Closed (>&-): what is printed goes nowhere, and is not taken for what the next opened file is.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: PTH123, SIM115 (a device, open until the end)
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: PTH123, SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _abandon_stdout() -> None:
    """What is still in the buffer goes nowhere at exit, and is not complained of again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def ends_in_one_sentence(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what a user can cause into one sentence on stderr and exit code 1; Ctrl-C is 130, a closed pipe 0."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        _make_output_safe()
        try:
            result = command(*args, **kwargs)
            # What waits in the buffer fails here, where it is understood, rather than when Python exits.
            sys.stdout.flush()
        except (KeyboardInterrupt, typer.Abort):
            # Abort is what a question makes of Ctrl-C, and of the end of input.
            print("Interrupted.", file=sys.stderr)
            sys.exit(130)
        except BrokenPipeError:
            # The reader (head, less) has what it wanted.
            _abandon_stdout()
            sys.exit(0)
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            print(sentence, file=sys.stderr)
            if isinstance(error, OSError) and error.errno in CANNOT_BE_WRITTEN:
                _abandon_stdout()
            sys.exit(1)
        return result

    return run
