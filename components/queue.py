"""The source queue and its dead-letter queue."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.durations import SECONDS_PER_DAY, visibility_timeout_seconds
from components.monitoring.coverage import to_be_monitored
from components.monitoring.metrics import Metric
from components.monitoring.signals import Versions
from components.policies import (
    READ_ENCRYPTED,
    SEND_ENCRYPTED,
    Statement,
    deny_plain_http,
    key_statements,
    policy_document,
)
from components.signals.queue import QUEUE_COMPOSITES, queue_signals, redrive_signals

LONG_POLLING_SECONDS = 20
KEY_REUSE_SECONDS = 300
# Body and attributes together. Without a limit both queues would accept the same size, and an invalid message near it
# would not fit into the dead-letter queue with the attributes that the quarantine adds.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
MESSAGE_BYTES_MAX = 64 * 1024
DEAD_LETTER_BYTES_MAX = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class EventQueueArgs:
    """Arguments of `EventQueue`."""

    physical_name: str
    """Name of the source queue; the name of the dead-letter queue appends `-dead-letters`."""
    consumer_versions: Versions
    """Which versions of its consumer run, drawn beside the age of the events that wait."""
    real_events: tuple[Metric, ...] = ()
    """What its consumer counts of real and of probed events, if a probe sends events: see `queue_signals`."""
    consumer_timeout_seconds: int
    batch_window_seconds: int
    max_receive_count: int
    """Receives after which a message moves to the dead-letter queue."""
    retention_days: int
    dead_letter_retention_days: int
    kms_key_arn: pulumi.Input[str] | None
    """Customer key; None encrypts with the key that SQS owns."""
    producer_principals: tuple[str, ...]
    """IAM principals that can send, in addition to what IAM of this account allows."""
    protect: bool

    def __post_init__(self) -> None:
        if self.dead_letter_retention_days <= self.retention_days:
            raise ValueError(
                f"dead_letter_retention_days is {self.dead_letter_retention_days}, retention_days is "
                f"{self.retention_days}: a message keeps the age it had when it moves, so the dead-letter queue must "
                "retain longer or it loses messages on arrival"
            )

    @property
    def dead_letter_physical_name(self) -> str:
        """Name of the dead-letter queue."""
        return f"{self.physical_name}-dead-letters"


class EventQueue(pulumi.ComponentResource):
    """A message is delivered until it is deleted or in the dead-letter queue, and every access requires TLS.

    SQS rejects a message of more than 64 KiB when the producer sends it. The dead-letter queue accepts every message
    that the source queue accepted, with the reason added.

    The visibility timeout is derived from the consumer's timeout: with a shorter one, a second consumer would receive a
    message while the first still processes it. The resource policy only adds producers; other identities of the
    account can send too if IAM allows it.
    """

    def __init__(self, name: str, args: EventQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:queue:EventQueue", name, {}, opts)
        self._kms_key_arn = args.kms_key_arn
        visibility_seconds = visibility_timeout_seconds(
            consumer_timeout_seconds=args.consumer_timeout_seconds, batch_window_seconds=args.batch_window_seconds
        )
        dead_letters = self._make_queue(
            f"{name}-dead-letters",
            args,
            args.dead_letter_physical_name,
            args.dead_letter_retention_days,
            max_message_size=DEAD_LETTER_BYTES_MAX,
        )
        source = self._make_queue(
            f"{name}-source",
            args,
            args.physical_name,
            args.retention_days,
            max_message_size=MESSAGE_BYTES_MAX,
            visibility_timeout_seconds=visibility_seconds,
            redrive_policy=pulumi.Output.json_dumps(
                {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": args.max_receive_count}
            ),
        )
        aws.sqs.RedriveAllowPolicy(
            f"{name}-dead-letters-allow",
            queue_url=dead_letters.url,
            redrive_allow_policy=pulumi.Output.json_dumps(
                {"redrivePermission": "byQueue", "sourceQueueArns": [source.arn]}
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._attach_policy(f"{name}-source", source, *_producer_statements(source.arn, args.producer_principals))
        self._attach_policy(f"{name}-dead-letters", dead_letters)

        self.url, self.arn = source.url, source.arn
        self.dead_letter_url, self.dead_letter_arn = dead_letters.url, dead_letters.arn
        self.signals = to_be_monitored(
            name,
            queue_signals(
                args.physical_name,
                args.dead_letter_physical_name,
                consumer_versions=args.consumer_versions,
                real_events=args.real_events,
                visibility_timeout_seconds=visibility_seconds,
                retention_days=args.retention_days,
                dead_letter_retention_days=args.dead_letter_retention_days,
            ),
        )
        self.drawn = pulumi.Output.all(dead_letters.arn, source.arn).apply(
            lambda arns: redrive_signals(args.dead_letter_physical_name, *arns)
        )
        self.composites = QUEUE_COMPOSITES
        self.register_outputs({"url": self.url, "dead_letter_url": self.dead_letter_url})

    def consume_statements(self) -> tuple[Statement, ...]:
        """Return the permissions an event source mapping needs to read from the source queue."""
        return (
            Statement(
                sid="ConsumeEvents",
                actions=("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
                resources=(self.arn,),
            ),
            *key_statements(self._kms_key_arn, sid="DecryptEvents", service="sqs", actions=READ_ENCRYPTED),
        )

    def quarantine_statements(self) -> tuple[Statement, ...]:
        """Return the permissions to put a message that can never succeed into the dead-letter queue."""
        return (
            Statement(sid="QuarantineEvents", actions=("sqs:SendMessage",), resources=(self.dead_letter_arn,)),
            *key_statements(self._kms_key_arn, sid="EncryptQuarantined", service="sqs", actions=SEND_ENCRYPTED),
        )

    def send_statements(self) -> tuple[Statement, ...]:
        """Return the permissions to send an event to the source queue."""
        return (
            Statement(sid="SendEvents", actions=("sqs:SendMessage",), resources=(self.arn,)),
            *key_statements(self._kms_key_arn, sid="EncryptSent", service="sqs", actions=SEND_ENCRYPTED),
        )

    def _make_queue(
        self, name: str, args: EventQueueArgs, physical_name: str, retention_days: int, **settings: Any
    ) -> aws.sqs.Queue:
        encryption: dict[str, Any] = (
            {"sqs_managed_sse_enabled": True}
            if args.kms_key_arn is None
            else {"kms_master_key_id": args.kms_key_arn, "kms_data_key_reuse_period_seconds": KEY_REUSE_SECONDS}
        )
        return aws.sqs.Queue(
            name,
            aws.sqs.QueueArgs(
                name=physical_name,
                message_retention_seconds=retention_days * SECONDS_PER_DAY,
                receive_wait_time_seconds=LONG_POLLING_SECONDS,
                **encryption,
                **settings,
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )

    def _attach_policy(self, name: str, queue: aws.sqs.Queue, *statements: Statement) -> None:
        aws.sqs.QueuePolicy(
            f"{name}-access",
            queue_url=queue.url,
            policy=policy_document(deny_plain_http(queue.arn), *statements),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _producer_statements(queue_arn: pulumi.Input[str], principals: tuple[str, ...]) -> tuple[Statement, ...]:
    if not principals:
        return ()
    return (
        Statement(
            sid="ProducersSend",
            principals={"AWS": list(principals)},
            actions=("sqs:SendMessage",),
            resources=(queue_arn,),
        ),
    )
