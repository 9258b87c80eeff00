"""Queues and topics."""

from localcloud.emulator.connection import Account
from localcloud.providers.inputs import Created, Inputs, creates

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


def queue_attributes(inputs: Inputs) -> dict[str, str]:
    """Take the inputs that are attributes of a queue, and return them under AWS's names."""
    return inputs.take_attributes(**QUEUE_ATTRIBUTES)


@creates("aws:sqs/queue:Queue")
def _queue(cloud: Account, inputs: Inputs) -> Created:
    sqs, name = cloud.client("sqs"), inputs.take_name()
    url = sqs.create_queue(QueueName=name, Attributes=queue_attributes(inputs))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return Created(url, {"arn": arn, "url": url, "name": name})


@creates("aws:sqs/queuePolicy:QueuePolicy")
@creates("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")
def _queue_attribute(cloud: Account, inputs: Inputs) -> Created:
    url = inputs.take("queueUrl")
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=queue_attributes(inputs))
    return Created(url)


@creates("aws:sns/topic:Topic")
def _topic(cloud: Account, inputs: Inputs) -> Created:
    name = inputs.take_name()
    attributes = inputs.take_attributes("displayName", "kmsMasterKeyId", "policy")
    arn = cloud.client("sns").create_topic(Name=name, Attributes=attributes)["TopicArn"]
    return Created(arn, {"arn": arn, "name": name, "owner": cloud.account_id})


@creates("aws:sns/topicPolicy:TopicPolicy")
def _topic_policy(cloud: Account, inputs: Inputs) -> Created:
    arn, policy = inputs.take("arn"), inputs.take("policy")
    cloud.client("sns").set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    return Created(arn, {"owner": cloud.account_id})


@creates(
    "aws:sns/topicSubscription:TopicSubscription",
    ignoring="confirmationTimeoutInMinutes deliveryPolicy endpointAutoConfirms",
)
def _topic_subscription(cloud: Account, inputs: Inputs) -> Created:
    topic_arn, protocol, endpoint = inputs.take("topic"), inputs.take("protocol"), inputs.take("endpoint")
    attributes = inputs.take_attributes("filterPolicy", "filterPolicyScope", "rawMessageDelivery", "redrivePolicy")
    arn = cloud.client("sns").subscribe(
        TopicArn=topic_arn, Protocol=protocol, Endpoint=endpoint, Attributes=attributes, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    # The pager of the embedded cloud confirms at once, and stands for every endpoint and mailbox.
    return Created(arn, {"arn": arn, "pendingConfirmation": False})
