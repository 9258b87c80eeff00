"""Every policy statement, in exactly one list: statements the embedded cloud can prove, and all others.

A statement is identified by the resource that holds it and its sid. A statement that the embedded cloud enforces is
proven by removing it. For every other statement, the list holds what AWS documents, and the recorded statement must
equal it. Documented actions that the stack does not need (making a log group, making a grant) are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EVENT_HANDLER = "event-handler-permissions"
QUERY = "query-permissions"
PROBE = "probe-permissions"
SOURCE_QUEUE = "events-source-access"
DEAD_LETTER_QUEUE = "events-dead-letters-access"
DATA_KEY = "encryption-data"
ALERTS_KEY = "monitoring-alerts-key"
TOPICS = tuple(f"monitoring-alerts-{severity}-access" for severity in ("p1", "p2", "p3"))

_LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg"
_SQS_KEYS = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html"
_TABLE_KEYS = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html"
_PARAMETER_KEYS = "https://docs.aws.amazon.com/kms/latest/developerguide/services-parameter-store.html"
_KMS = "https://docs.aws.amazon.com/kms/latest/developerguide"
_SNS = "https://docs.aws.amazon.com/sns/latest/dg"


@dataclass(frozen=True)
class Enforced:
    """A statement without which the story fails in the embedded cloud."""

    holder: str
    sid: str
    without_it: str
    """What fails, or is no longer rejected, without the statement."""


@dataclass(frozen=True)
class Documented:
    """A statement the embedded cloud does not enforce, as AWS documents it."""

    holder: str
    sid: str
    reason: str
    """Why the embedded cloud cannot prove it."""
    source: str
    actions: tuple[str, ...]
    resource: str
    """`*`, or the name of the resource whose ARN it is, then what follows the ARN."""
    condition: Mapping[str, Any] = field(default_factory=dict)
    principal: Any = None


ENFORCED = (
    Enforced(EVENT_HANDLER, "FoldRecords", "no event reaches the table, and the queue gives each one up"),
    Enforced(
        EVENT_HANDLER, "QuarantineEvents", "an invalid event is retried to its end instead of quarantined at once"
    ),
    Enforced(QUERY, "ReadRecord", "the API answers 500 to a valid token"),
    Enforced(PROBE, "SendEvents", "the probe cannot send its login, and pages"),
    Enforced(PROBE, "ReadOwnSecret", "the probe gets no token, and pages"),
    Enforced(SOURCE_QUEUE, "ProducersSend", "a named producer without permissions of its own cannot send"),
    Enforced(SOURCE_QUEUE, "DenyWithoutTls", "an event sent over plain http is accepted"),
    Enforced(DEAD_LETTER_QUEUE, "DenyWithoutTls", "a dead letter can be read over plain http"),
)


_NO_KMS = "data is not encrypted there, so nothing asks for the key"
_NO_ALARMS = "no alarm fires in the story"
_OWN_RIGHTS = "the event source mapping polls with the emulator's own rights"
_OWN_LOGS = "the emulator writes the logs of its functions itself"
_ALARMS = {"Service": "cloudwatch.amazonaws.com"}
_ALARMS_OF_THE_STACK = {
    "StringEquals": {"aws:SourceAccount": "123456789012"},
    "ArnLike": {"aws:SourceArn": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{prefix}-*"},
}
_GROUPS_OF_THE_STACK = [
    "arn:aws:logs:eu-west-1:123456789012:log-group:/event-processing/{stack}/*",
    "arn:aws:logs:eu-west-1:123456789012:log-group:API-Gateway-Execution-Logs_*",
]
_CRYPTOGRAPHY = (
    *("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"),
    *("kms:ReEncryptFrom", "kms:ReEncryptTo"),
)


def _uses_key(holder: str, sid: str, service: str, source: str, *actions: str) -> Documented:
    """A function's use of the data key, through one service."""
    condition = {"StringLike": {"kms:ViaService": f"{service}.*.amazonaws.com"}}
    return Documented(holder, sid, _NO_KMS, source, actions, DATA_KEY, condition)


DOCUMENTED = (
    Documented(
        EVENT_HANDLER, "ConsumeEvents", _OWN_RIGHTS, f"{_LAMBDA}/services-sqs-configure.html",
        ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), "events-source",
    ),
    *(
        statement
        for holder, log_group in ((EVENT_HANDLER, "event-handler-log"), (QUERY, "query-log"), (PROBE, "probe-log"))
        for statement in (
            Documented(
                holder, "WriteOwnLog", _OWN_LOGS, f"{_LAMBDA}/monitoring-cloudwatchlogs.html",
                ("logs:CreateLogStream", "logs:PutLogEvents"), f"{log_group}:log-stream:*",
            ),
            Documented(
                holder, "SendTraces", "there is no X-Ray", f"{_LAMBDA}/services-xray.html",
                ("xray:PutTraceSegments", "xray:PutTelemetryRecords"), "*",
            ),
            # AWS documents this action for functions that decrypt by themselves. Otherwise Lambda makes a grant by the
            # deploying user's rights. The grant ends with its role; this statement is in the next role too.
            _uses_key(
                holder, "DecryptEnvironment", "lambda",
                f"{_LAMBDA}/configuration-envvars-encryption.html", "kms:Decrypt",
            ),
        )
    ),
    _uses_key(EVENT_HANDLER, "DecryptEvents", "sqs", _SQS_KEYS, "kms:Decrypt"),
    _uses_key(EVENT_HANDLER, "EncryptQuarantined", "sqs", _SQS_KEYS, "kms:Decrypt", "kms:GenerateDataKey"),
    _uses_key(EVENT_HANDLER, "EncryptRecords", "dynamodb", _TABLE_KEYS, *_CRYPTOGRAPHY, "kms:DescribeKey"),
    _uses_key(QUERY, "DecryptRecords", "dynamodb", _TABLE_KEYS, "kms:Decrypt", "kms:DescribeKey"),
    _uses_key(PROBE, "EncryptSent", "sqs", _SQS_KEYS, "kms:Decrypt", "kms:GenerateDataKey"),
    _uses_key(PROBE, "DecryptOwnSecret", "ssm", _PARAMETER_KEYS, "kms:Decrypt"),
    # As the policies of AWS's own keys for SQS and DynamoDB do.
    Documented(
        DATA_KEY, "AccountUsesQueuesAndTable", _NO_KMS, f"{_KMS}/conditions-kms.html",
        (*_CRYPTOGRAPHY, "kms:DescribeKey"), "*",
        {"StringEquals": {
            "kms:CallerAccount": "123456789012",
            "kms:ViaService": ["sqs.eu-west-1.amazonaws.com", "dynamodb.eu-west-1.amazonaws.com"],
        }},
        {"AWS": "*"},
    ),
    Documented(
        DATA_KEY, "ProducersSendEncrypted", _NO_KMS, _SQS_KEYS, ("kms:Decrypt", "kms:GenerateDataKey"), "*",
        {"StringEquals": {"kms:ViaService": "sqs.eu-west-1.amazonaws.com"}},
        {"AWS": ["arn:aws:iam::210987654321:role/identity-provider"]},
    ),
    Documented(
        DATA_KEY, "CloudWatchLogsEncryptsOurGroups", _NO_KMS,
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
        _CRYPTOGRAPHY,  # without kms:Describe*, which the condition on an encryption context never allows
        "*", {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": _GROUPS_OF_THE_STACK}},
        {"Service": "logs.eu-west-1.amazonaws.com"},
    ),
    *(
        Documented(
            key, "AccountAdministersThroughIam", "keys are not managed there", f"{_KMS}/key-policy-default.html",
            ("kms:*",), "*", principal={"AWS": "arn:aws:iam::123456789012:root"},
        )
        for key in (DATA_KEY, ALERTS_KEY)
    ),
    Documented(
        ALERTS_KEY, "AlarmsEncrypt", _NO_ALARMS, f"{_SNS}/sns-key-management.html",
        ("kms:Decrypt", "kms:GenerateDataKey*"), "*", _ALARMS_OF_THE_STACK, _ALARMS,
    ),
    *(
        Documented(
            topic, "AlarmsPublish", _NO_ALARMS, f"{_SNS}/sns-access-policy-use-cases.html",
            ("sns:Publish",), topic.removesuffix("-access"), _ALARMS_OF_THE_STACK, _ALARMS,
        )
        for topic in TOPICS
    ),
)  # fmt: skip
