"""Queues and topics."""

from localcloud.emulator.process import Emulator
from localcloud.providers.inputs import Inputs, Made, as_attributes, provides

QUEUE_ATTRIBUTES = {
    "delaySeconds": "DelaySeconds",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}
TOPIC_ATTRIBUTES = {"displayName": "DisplayName", "kmsMasterKeyId": "KmsMasterKeyId", "policy": "Policy"}
SUBSCRIPTION_ATTRIBUTES = {
    "filterPolicy": "FilterPolicy",
    "filterPolicyScope": "FilterPolicyScope",
    "rawMessageDelivery": "RawMessageDelivery",
    "redrivePolicy": "RedrivePolicy",
}


@provides("aws:sqs/queue:Queue")
def _queue(cloud: Emulator, given: Inputs) -> Made:
    sqs, name = cloud.client("sqs"), given.take_name()
    attributes = as_attributes(given.take_mapped(QUEUE_ATTRIBUTES))
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, {"arn": arn, "url": url, "name": name}


@provides("aws:sqs/queuePolicy:QueuePolicy")
@provides("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
def _queue_attribute(cloud: Emulator, given: Inputs) -> Made:
    url = given.take("queueUrl")
    attributes = as_attributes(given.take_mapped(QUEUE_ATTRIBUTES))
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return url, {}


@provides("aws:sns/topic:Topic")
def _topic(cloud: Emulator, given: Inputs) -> Made:
    name = given.take_name()
    attributes = as_attributes(given.take_mapped(TOPIC_ATTRIBUTES))
    arn = cloud.client("sns").create_topic(Name=name, Attributes=attributes)["TopicArn"]
    return arn, {"arn": arn, "name": name, "owner": cloud.account_id}


@provides("aws:sns/topicPolicy:TopicPolicy")
def _topic_policy(cloud: Emulator, given: Inputs) -> Made:
    arn, policy = given.take("arn"), given.take("policy")
    cloud.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return arn, {"owner": cloud.account_id}


@provides(
    "aws:sns/topicSubscription:TopicSubscription",
    ignoring="confirmationTimeoutInMinutes deliveryPolicy endpointAutoConfirms",
)
def _topic_subscription(cloud: Emulator, given: Inputs) -> Made:
    topic_arn, protocol, endpoint = given.take("topic"), given.take("protocol"), given.take("endpoint")
    attributes = as_attributes(given.take_mapped(SUBSCRIPTION_ATTRIBUTES))
    if protocol not in {"sqs", "lambda"}:
        # People are outside this machine, and the emulator would post to a real paging endpoint.
        return f"{topic_arn}:never-confirmed", {"arn": "PendingConfirmation", "pendingConfirmation": True}
    arn = cloud.client("sns").subscribe(
        TopicArn=topic_arn, Protocol=protocol, Endpoint=endpoint, Attributes=attributes, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    return arn, {"arn": arn, "pendingConfirmation": False}
