"""Durations that several parts of the program compute with."""

SECONDS_PER_DAY = 86_400


def visibility_timeout_seconds(*, consumer_timeout_seconds: int, batch_window_seconds: int) -> int:
    """Return how long SQS hides a received message from other consumers, as AWS recommends it for Lambda."""
    return 6 * consumer_timeout_seconds + batch_window_seconds
