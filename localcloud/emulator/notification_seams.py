"""Who hears of an alarm: whether CloudWatch can notify a topic, and which subscriptions of it are confirmed.

A message that the policies of topic or key reject was never published, so no metric of SNS counts it. Only the history
of the alarm says so. https://repost.aws/knowledge-center/cloudwatch-receive-sns-for-alarm-trigger
"""

from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_region
from ministack.services import kms, sns

from localcloud.emulator.seams import SeamChangedError, seam

CLOUDWATCH = "cloudwatch.amazonaws.com"
# What CloudWatch is documented to need, of the family GenerateDataKey* the one call that it makes.
KEY_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")

Response = tuple[int, dict[str, str], bytes]


def observe_subscriptions() -> None:
    """Show as AWS does which subscriptions are not confirmed, and return the ARN of a new one to who asks for it."""
    subscribe = seam(sns, "_subscribe", "params")
    list_by_topic = seam(sns, "_list_subscriptions_by_topic", "params")

    def subscribe_seen(params: Any) -> Response:
        status, headers, body = subscribe(params)
        wanted = [sns._p(params, name) for name in ("Protocol", "Endpoint")]
        for held in _subscriptions(params) if sns._p(params, "ReturnSubscriptionArn") == "true" else ():
            if [held["protocol"], held["endpoint"]] == wanted:
                body = body.replace(b">pending confirmation<", f">{held['arn']}<".encode())
        return status, headers, body

    def list_seen(params: Any) -> Response:
        status, headers, body = list_by_topic(params)
        for held in _subscriptions(params):
            if not held["confirmed"]:
                body = body.replace(f">{held['arn']}<".encode(), b">PendingConfirmation<")
        return status, headers, body

    sns._subscribe, sns._list_subscriptions_by_topic = subscribe_seen, list_seen


def _subscriptions(params: Any) -> list[dict[str, Any]]:
    return (sns._topic_by_arn_any_scope(sns._p(params, "TopicArn")) or {}).get("subscriptions", [])


def check_policies() -> None:
    """Raise SeamChangedError unless ministack evaluates policies as `why_rejected` expects."""
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
