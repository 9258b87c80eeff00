"""How an operator's command ends when it cannot do what was asked: one sentence, no traceback."""

import sys
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import requests
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, NoCredentialsError

P = ParamSpec("P")
R = TypeVar("R")

EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
REFUSED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


class OperatorError(Exception):
    """Something the operator can mend; its text says what was found, what is expected and what to do."""


def explain(error: Exception) -> str | None:
    """One sentence for an error a user can cause, or None for one that is our own defect."""
    if isinstance(error, OperatorError):
        return str(error)
    if isinstance(error, NoCredentialsError):
        return "No AWS credentials were found: log in (aws sso login) or set AWS_PROFILE."
    if isinstance(error, EndpointConnectionError):
        # botocore's own sentence names the endpoint, which is what one needs to know.
        return f"{error} Is the stack still there (`python -m localcloud up` running, or the right region)?"
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "unknown")
        if code in EXPIRED:
            return "The AWS credentials have expired: log in again."
        if code in REFUSED:
            return f"These credentials may not call {error.operation_name} on the stack: use a role that may."
        return f"{error.operation_name} was refused with {code}."
    if isinstance(error, requests.ConnectionError):
        return "The address in the stack's outputs does not answer: is the stack still there?"
    if isinstance(error, requests.RequestException | BotoCoreError):
        return f"The request failed: {type(error).__name__}."
    return None


def ends_in_one_sentence(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what a user can cause into one sentence on stderr and exit code 1; Ctrl-C is 130, a closed pipe 0."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except KeyboardInterrupt:
            print("Interrupted.", file=sys.stderr)
            sys.exit(130)
        except BrokenPipeError:
            # The reader (head, less) has what it wanted. Python would complain once more while flushing at exit.
            sys.stderr.close()
            sys.exit(0)
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            print(sentence, file=sys.stderr)
            sys.exit(1)

    return run
