"""Who is notified of alarms."""

from dataclasses import dataclass

from ops.stack import StackOutputs


@dataclass(frozen=True, kw_only=True)
class Topic:
    """Who is notified of a severity, by protocol only: addresses are personal data, and a pager's URL is a secret."""

    severity: str
    confirmed: tuple[str, ...]
    unconfirmed: tuple[str, ...]


def read_topics(outputs: StackOutputs) -> tuple[Topic, ...]:
    """Return who is notified of each severity, the most urgent first."""
    pages = outputs.client("sns").get_paginator("list_subscriptions_by_topic")
    found = []
    for severity, arn in sorted(outputs.alarm_topics.items()):
        confirmed, unconfirmed = [], []
        for page in pages.paginate(TopicArn=arn):
            for subscription in page["Subscriptions"]:
                # Until it is confirmed, a subscription has a word in place of its ARN.
                is_confirmed = subscription["SubscriptionArn"].startswith("arn:")
                (confirmed if is_confirmed else unconfirmed).append(subscription["Protocol"])
        found.append(Topic(severity=severity, confirmed=tuple(confirmed), unconfirmed=tuple(unconfirmed)))
    return tuple(found)
