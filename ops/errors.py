"""Errors that an operator can cause, explained in a sentence or two."""

import errno

import requests
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

EXPIRED = "The AWS credentials have expired. Log in again."
NOT_FOUND = "{operation} found no such resource. Does the stack still exist in this account and region?"
UNKNOWN_CREDENTIALS = "AWS does not know these credentials. Log in again, to the account of the stack."
NOT_ALLOWED = "These credentials may not call {operation} on the stack. Use a role that may."
THROTTLED = "AWS throttled {operation} ({code}). Wait a moment, then run the command again."
REJECTED = "{operation} failed with {code}."

SENTENCE_BY_CODE = {
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "RequestExpired": EXPIRED,
    "InvalidClientTokenId": UNKNOWN_CREDENTIALS,
    "UnrecognizedClientException": UNKNOWN_CREDENTIALS,
    "InvalidAccessKeyId": UNKNOWN_CREDENTIALS,
    "SignatureDoesNotMatch": UNKNOWN_CREDENTIALS,
    "InvalidSignatureException": UNKNOWN_CREDENTIALS,
    "AuthFailure": UNKNOWN_CREDENTIALS,
    "AccessDenied": NOT_ALLOWED,
    "AccessDeniedException": NOT_ALLOWED,
    "UnauthorizedOperation": NOT_ALLOWED,
    "AuthorizationError": NOT_ALLOWED,
    "KmsAccessDenied": NOT_ALLOWED,
    "KMS.AccessDeniedException": NOT_ALLOWED,
    "AWS.SimpleQueueService.NonExistentQueue": NOT_FOUND,
    "QueueDoesNotExist": NOT_FOUND,
    "ResourceNotFound": NOT_FOUND,
    "ResourceNotFoundException": NOT_FOUND,
    "Throttling": THROTTLED,
    "ThrottlingException": THROTTLED,
    "RequestThrottled": THROTTLED,
    "RequestLimitExceeded": THROTTLED,
    "TooManyRequestsException": THROTTLED,
}
# The first type that fits; {error} is botocore's own sentence, where that contains what the operator needs to know.
SENTENCE_BY_TYPE: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (NoCredentialsError, PartialCredentialsError),
        "No complete AWS credentials were found. Log in (aws sso login) or set AWS_PROFILE.",
    ),
    ((SSOError, SSOTokenLoadError, TokenRetrievalError), EXPIRED),
    ((ProfileNotFound,), "{error}. Set AWS_PROFILE to a profile of your AWS configuration."),
    (
        (EndpointConnectionError,),
        "{error} Is the stack still there (`python -m localcloud up` running, or the right region)?",
    ),
    ((requests.ConnectionError,), "The address in the stack's outputs does not respond. Is the stack still there?"),
    ((requests.RequestException, BotoCoreError), "The request failed: {name}."),
    ((UnicodeEncodeError,), "An argument is not text in the encoding of this terminal."),
)
CANNOT_BE_WRITTEN = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


class OperatorError(Exception):
    """An error that the operator can fix. Its text says what was found, what is expected and what to do."""


def explain(error: Exception) -> str | None:
    """Return a sentence for an error that an operator can cause, None for a defect of this program."""
    if isinstance(error, OperatorError):
        return str(error)
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "unknown")
        return SENTENCE_BY_CODE.get(code, REJECTED).format(operation=error.operation_name, code=code)
    for types, sentence in SENTENCE_BY_TYPE:
        if isinstance(error, types):
            return sentence.format(error=error, name=type(error).__name__)
    if isinstance(error, OSError) and error.errno in CANNOT_BE_WRITTEN:
        return f"The output could not be written: {error.strerror}."
    return None
