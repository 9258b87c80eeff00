"""Whether CloudWatch can notify a topic: what the policies of the topic and of its key allow.

A message that they reject was never published, so no metric of SNS counts it. Only the history of the alarm says so.
https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
"""

from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import kms, sns

from localcloud.emulator.seams import SeamChangedError, seam

CLOUDWATCH = "cloudwatch.amazonaws.com"
KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")


def check_seams() -> None:
    """Raise SeamChangedError unless ministack has what is used here."""
    seam(sns, "topic_policy_allows", "topic_arn", "service", "source_arn", "source_account")
    seam(sns, "_topic_by_arn_any_scope", "topic_arn")
    seam(kms, "_resolve_key", "key_id_or_arn")
    seam(iam_evaluator, "evaluate_resource_policy", "doc", "ctx", "service", "named_only", "direct_only")
    if not callable(getattr(iam_evaluator, "EvalContext", None)):
        raise SeamChangedError("iam_evaluator has no EvalContext. Install the pinned ministack")


def why_rejected(topic_arn: str, alarm_arn: str, account: str) -> str | None:
    """Return the error that the alarm's history gets in place of a notification; None if CloudWatch can notify."""
    topic = sns._topic_by_arn_any_scope(topic_arn)
    if topic is None:
        return f"Topic {topic_arn} does not exist"
    if not sns.topic_policy_allows(topic_arn, CLOUDWATCH, alarm_arn, account):
        return f"CloudWatch Alarms is not authorized to perform: SNS:Publish on resource: {topic_arn}"
    if key_id := topic["attributes"].get("KmsMasterKeyId"):
        return _why_key_rejects(key_id, alarm_arn, account)
    return None


def _why_key_rejects(key_id: str, alarm_arn: str, account: str) -> str | None:
    key = kms._resolve_key(key_id)
    if key and key["KeyState"] != "Enabled":
        return f"The SNS topic encryption key {key['Arn']} is {key['KeyState']}"
    # The keys that AWS manages, such as alias/aws/sns, are none that CloudWatch can use.
    if key and all(_allows(key, action, alarm_arn, account) for action in KEY_ACTIONS):
        return None
    return "CloudWatch Alarms does not have authorization to access the SNS topic encryption key."


def _allows(key: dict[str, Any], action: str, alarm_arn: str, account: str) -> bool:
    context = iam_evaluator.EvalContext(
        # The service itself, which is no principal of an account.
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=key["Arn"],
        region=get_region(),
        service_context={"aws:sourcearn": alarm_arn, "aws:sourceaccount": account},
    )
    decision = iam_evaluator.evaluate_resource_policy(key.get("Policy"), context, service=CLOUDWATCH).decision
    return decision == "Allow"
