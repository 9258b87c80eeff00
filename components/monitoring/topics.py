"""Where alarms send notifications: one topic per severity, and its subscribers."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.monitoring.signals import Severity
from components.policies import KEY_POLICY_RESOURCE, Statement, key_administration, policy_document

DELETION_WINDOW_DAYS = 7


@dataclass(frozen=True, kw_only=True)
class AlertTopicsArgs:
    """What `AlertTopics` needs."""

    physical_prefix: str
    """`{project}-{stack}`: topics append `-alerts-p1`, and only alarms whose names begin with it can publish."""
    account_id: pulumi.Input[str]
    region: str
    email: str
    """Address that receives everything that does not page; empty for none."""
    page_endpoint: str
    """https endpoint that pages and confirms SNS subscriptions itself; empty sends pages to `email`."""


class AlertTopics(pulumi.ComponentResource):
    """Only alarms of this stack can publish; a key that CloudWatch can use encrypts the messages.

    Always with its own key: CloudWatch cannot use the AWS-owned key of SNS, and alarms would be lost silently.
    """

    arns: Mapping[Severity, pulumi.Output[str]]

    def __init__(self, name: str, args: AlertTopicsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("event-processing:monitoring:AlertTopics", name, {}, opts)
        self._name, self._args = name, args
        self._from_our_alarms = {
            "StringEquals": {"aws:SourceAccount": args.account_id},
            "ArnLike": {
                "aws:SourceArn": pulumi.Output.concat(
                    "arn:aws:cloudwatch:", args.region, ":", args.account_id, f":alarm:{args.physical_prefix}-*"
                )
            },
        }
        key = self._make_key()
        self.arns = {severity: self._make_topic(severity, key) for severity in Severity}
        self.register_outputs({"arns": {severity.value: arn for severity, arn in self.arns.items()}})

    def _make_key(self) -> aws.kms.Key:
        use = Statement(
            sid="AlarmsEncrypt",
            principals={"Service": "cloudwatch.amazonaws.com"},
            actions=("kms:Decrypt", "kms:GenerateDataKey*"),
            resources=("*",),
            conditions=self._from_our_alarms,
            wildcard_reason=f"{KEY_POLICY_RESOURCE}; CloudWatch is documented to need the GenerateDataKey family",
        )
        return aws.kms.Key(
            f"{self._name}-key",
            description=f"Alerts of {self._args.physical_prefix}",
            enable_key_rotation=True,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=policy_document(key_administration(self._args.account_id), use),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _make_topic(self, severity: Severity, key: aws.kms.Key) -> pulumi.Output[str]:
        child = pulumi.ResourceOptions(parent=self)
        topic = aws.sns.Topic(
            f"{self._name}-{severity}",
            name=topic_name(self._args.physical_prefix, severity),
            kms_master_key_id=key.arn,
            opts=child,
        )
        publish = Statement(
            sid="AlarmsPublish",
            principals={"Service": "cloudwatch.amazonaws.com"},
            actions=("sns:Publish",),
            resources=(topic.arn,),
            conditions=self._from_our_alarms,
        )
        aws.sns.TopicPolicy(
            f"{self._name}-{severity}-access", arn=topic.arn, policy=policy_document(publish), opts=child
        )
        for protocol, endpoint in listeners(severity, email=self._args.email, page_endpoint=self._args.page_endpoint):
            aws.sns.TopicSubscription(
                f"{self._name}-{severity}-{protocol}",
                topic=topic.arn,
                protocol=protocol,
                # The URL of a pager holds the key with which anybody can page.
                endpoint=pulumi.Output.secret(endpoint) if protocol == "https" else endpoint,
                # Pagers confirm by themselves; without this, Pulumi would not wait for the confirmation.
                endpoint_auto_confirms=protocol == "https",
                opts=child,
            )
        return topic.arn


def topic_name(physical_prefix: str, severity: Severity) -> str:
    """Return the physical name of a topic."""
    return f"{physical_prefix}-alerts-{severity}"


def listeners(severity: Severity, *, email: str, page_endpoint: str) -> tuple[tuple[str, str], ...]:
    """Return the subscribers of a severity as (protocol, endpoint): P1 pages, or sends mail without a page endpoint."""
    mail = (("email", email),) if email else ()
    page = (("https", page_endpoint),) if page_endpoint else ()
    return {Severity.P1: page or mail, Severity.P2: page + mail, Severity.P3: mail}[severity]
