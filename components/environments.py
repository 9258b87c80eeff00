"""The environment variables of the functions: exactly those that `handlers.settings` reads, checked by a test."""

import pulumi

from handlers.vocabulary import EVENT_HANDLER_SERVICE, METRICS_NAMESPACE, QUERY_SERVICE, Environment

Variables = dict[str, pulumi.Input[str]]


def event_handler_environment(
    *,
    table_name: pulumi.Input[str],
    dead_letter_queue_url: pulumi.Input[str],
    max_receive_count: int,
    stack: str,
    version: str,
) -> Variables:
    """Return the environment of the event handler."""
    return {
        Environment.TABLE_NAME: table_name,
        Environment.DEAD_LETTER_QUEUE_URL: dead_letter_queue_url,
        Environment.MAX_RECEIVE_COUNT: str(max_receive_count),
        **_shared(EVENT_HANDLER_SERVICE, stack, version),
    }


def query_environment(*, table_name: pulumi.Input[str], stack: str, version: str) -> Variables:
    """Return the environment of the query function."""
    return {Environment.TABLE_NAME: table_name, **_shared(QUERY_SERVICE, stack, version)}


def _shared(service: str, stack: str, version: str) -> Variables:
    return {
        Environment.STACK: stack,
        Environment.VERSION: version,
        Environment.SERVICE: service,
        Environment.METRICS_NAMESPACE: METRICS_NAMESPACE,
        Environment.LOG_LEVEL: "INFO",
    }
