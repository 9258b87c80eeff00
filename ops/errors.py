"""What an operator reads: errors explained in a sentence or two, and counts with their nouns."""

import errno
import sys

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

EXPIRED = "The AWS credentials have expired. Log in again."
NOT_FOUND = "{operation} found no such resource. Does the stack still exist in this account and region?"
UNKNOWN_CREDENTIALS = "AWS does not know these credentials. Log in again, to the account of the stack."
NOT_ALLOWED = "These credentials may not call {operation} on the stack. Use a role that may."
THROTTLED = "AWS throttled {operation} ({code}). Wait a moment, then run the command again."
REQUEST_FAILED = "The request to AWS failed: {name}."
REJECTED = "{operation} failed with {code}."
CODES_BY_SENTENCE = {
    EXPIRED: "ExpiredToken ExpiredTokenException RequestExpired",
    UNKNOWN_CREDENTIALS: "InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId SignatureDoesNotMatch "
    "InvalidSignatureException AuthFailure",
    NOT_ALLOWED: "AccessDenied AccessDeniedException UnauthorizedOperation AuthorizationError KmsAccessDenied "
    "KMS.AccessDeniedException",
    NOT_FOUND: "AWS.SimpleQueueService.NonExistentQueue QueueDoesNotExist ResourceNotFound ResourceNotFoundException",
    THROTTLED: "Throttling ThrottlingException RequestThrottled RequestLimitExceeded TooManyRequestsException",
}
SENTENCE_BY_CODE = {code: sentence for sentence, codes in CODES_BY_SENTENCE.items() for code in codes.split()}
# The first type that fits; {error} is botocore's own sentence, where that contains what the operator needs to know.
SENTENCE_BY_TYPE: dict[type[Exception] | tuple[type[Exception], ...], str] = {
    (exceptions.NoCredentialsError, exceptions.PartialCredentialsError): (
        "No complete AWS credentials were found. Log in (aws sso login) or set AWS_PROFILE."
    ),
    (exceptions.SSOError, exceptions.SSOTokenLoadError, exceptions.TokenRetrievalError): EXPIRED,
    exceptions.ProfileNotFound: "{error} Set AWS_PROFILE to a profile of your AWS configuration.",
    (
        exceptions.ConfigParseError,
        exceptions.InvalidConfigError,
        exceptions.InvalidDefaultsMode,
        exceptions.InvalidMaxRetryAttemptsError,
        exceptions.InvalidRegionError,
        exceptions.InvalidRetryModeError,
        exceptions.InvalidSTSRegionalEndpointsConfigError,
    ): "{error} Correct your AWS configuration: the file, or the AWS_ variable.",
    (
        exceptions.ConnectionClosedError,
        exceptions.ConnectTimeoutError,
        exceptions.EndpointConnectionError,
        exceptions.ReadTimeoutError,
    ): "{error} Is the stack still there (`python -m localcloud up` running, or the right region)?",
    # Without {error}, which can quote the proxy's password.
    (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.InvalidProxiesConfigError): (
        "AWS cannot be reached ({name}). Check https_proxy, no_proxy, AWS_CA_BUNDLE and the network."
    ),
    BotoCoreError: REQUEST_FAILED,
    UnicodeEncodeError: "An argument is not text in the encoding of this terminal.",
}
CANNOT_BE_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


class OperatorError(Exception):
    """An error that the operator can fix. Its text says what was found, what is expected and what to do."""


def explain(error: Exception) -> str | None:
    """Return a sentence for an error that an operator can cause, None for a defect of this program."""
    if isinstance(error, OperatorError):
        return str(error)
    if isinstance(error, ClientError):
        code = code_of(error)
        return SENTENCE_BY_CODE.get(code, REJECTED).format(operation=error.operation_name, code=code)
    parsers = sys.modules.get("botocore.parsers")  # slow to import; a command that has sent a request has imported it
    if parsers and isinstance(error, parsers.ResponseParserError):
        return REQUEST_FAILED.format(name=type(error).__name__)
    for types, sentence in SENTENCE_BY_TYPE.items():
        if isinstance(error, types):
            return sentence.format(error=f"{str(error).rstrip('.')}.", name=type(error).__name__)
    if isinstance(error, OSError) and error.errno in CANNOT_BE_WRITTEN:
        return f"The output could not be written: {error.strerror}."
    return None


def is_denied(error: ClientError) -> bool:
    """Whether AWS rejected the call because these credentials have no permission for it."""
    return SENTENCE_BY_CODE.get(code_of(error)) == NOT_ALLOWED


def concerns_every_call(error: Exception) -> bool:
    """Whether AWS rejected the credentials themselves, so that it would reject every other call too."""
    return isinstance(error, ClientError) and SENTENCE_BY_CODE.get(code_of(error)) in (EXPIRED, UNKNOWN_CREDENTIALS)


def code_of(error: ClientError) -> str:
    """Return the code of an error of AWS."""
    return error.response.get("Error", {}).get("Code", "unknown")


def pluralize(count: int, noun: str) -> str:
    """Return the count with its noun: `1 message`, `2 messages`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def count_of(part: int, total: int, noun: str) -> str:
    """Return the part of a total: `3 of 5 events`, or `5 events` when it is all of them."""
    return pluralize(total, noun) if part == total else f"{part} of {pluralize(total, noun)}"
