"""What is worth watching about the queues: whether events wait, whether anybody fetches them, and what was given up."""

from components.durations import SECONDS_PER_DAY
from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    AlarmId,
    AlarmRule,
    Board,
    Comparison,
    CompositeRule,
    MissingData,
    Section,
    Severity,
    Signal,
    metrics_of,
)

QUEUE_COMPOSITES = (
    CompositeRule(
        id=AlarmId.CONSUMER_DOWN,
        any_of=(AlarmId.QUEUE_AGE, AlarmId.CONSUMER_STALLED),
        severity=None,
        meaning="Nothing is being processed, or far too slowly: events wait, and answers of the API grow stale.",
        first_step="On the ingest board: is anything received from the queue, and does the event handler fail?",
    ),
)


def queue_signals(
    queue_name: str,
    dead_letter_queue_name: str,
    *,
    visibility_timeout_seconds: int,
    retention_days: int,
    dead_letter_retention_days: int,
) -> tuple[Signal, ...]:
    """Signals of the source queue, then of its dead-letter queue."""
    return (
        *_source_signals(queue_name, visibility_timeout_seconds),
        *_dead_letter_signals(dead_letter_queue_name, (dead_letter_retention_days - retention_days) * SECONDS_PER_DAY),
    )


def redrive_signals(queue_name: str, dead_letter_arn: str, source_arn: str) -> tuple[Signal, ...]:
    """What people do about dead letters; drawn only, because its ARNs are known no earlier than AWS has the queues."""
    metric = metrics_of("AWS/SQS", {"QueueName": queue_name})
    # Named, because SQS knows no source of messages that were quarantined: those were sent.
    command = f"aws sqs start-message-move-task --source-arn {dead_letter_arn} --destination-arn {source_arn}"
    return (
        Signal(
            title="Dead letters looked at, and taken out",
            metrics=(
                metric("received", "NumberOfMessagesReceived", "Sum", "looked at"),
                metric("deleted", "NumberOfMessagesDeleted", "Sum", "taken out"),
            ),
            unit="messages",
            period_seconds=300,
            section=Section.DEAD_LETTERS,
            boards=(Board.INGEST,),
            note=f"When the cause is mended, send all of them back: `{command}`",
        ),
    )


def _source_signals(queue_name: str, visibility_timeout_seconds: int) -> tuple[Signal, ...]:
    metric = metrics_of("AWS/SQS", {"QueueName": queue_name})
    return (
        Signal(
            title="Age of the oldest event",
            metrics=(metric("age", "ApproximateAgeOfOldestMessage", "Maximum", "age"),),
            unit="seconds",
            section=Section.INGEST,
            boards=(Board.OVERVIEW, Board.INGEST),
            note="An event received three times without success no longer counts: poison does not show here.",
            alarms=(
                AlarmRule(
                    id=AlarmId.QUEUE_AGE,
                    # Three visibility timeouts: an event that failed twice and then succeeded stays quiet.
                    threshold=3 * visibility_timeout_seconds + 60,
                    datapoints=3,
                    periods=3 + UNPUBLISHED_MINUTES,
                    severity=None,
                    meaning="Events wait longer than retries explain: the consumer is stopped, failing or too slow.",
                    first_step="On the ingest board: does the event handler run, does it fail? Then its last errors.",
                ),
            ),
        ),
        Signal(
            title="Events wait and nobody fetches them (1 = so)",
            metrics=(
                metric("visible", "ApproximateNumberOfMessagesVisible", "Maximum", "waiting"),
                metric("received", "NumberOfMessagesReceived", "Sum", "received"),
            ),
            expression="IF(visible > 0 AND FILL(received, 0) < 1, 1, 0)",
            unit="yes or no",
            section=Section.INGEST,
            boards=(Board.INGEST,),
            alarms=(
                AlarmRule(
                    id=AlarmId.CONSUMER_STALLED,
                    threshold=1,
                    comparison=Comparison.AT_LEAST,
                    # The newest minutes may also lack what was received and be taken for a stall: fewer than fire it.
                    datapoints=4,
                    periods=4 + UNPUBLISHED_MINUTES,
                    severity=None,
                    meaning="Events wait and none is fetched: the event source mapping is disabled, or lost its"
                    " permission or the key.",
                    first_step="Look at the state of the event source mapping, then at the last change of the role.",
                ),
            ),
        ),
        Signal(
            title="Events in and out",
            metrics=(
                metric("sent", "NumberOfMessagesSent", "Sum", "sent"),
                metric("received", "NumberOfMessagesReceived", "Sum", "received, retries too"),
                metric("deleted", "NumberOfMessagesDeleted", "Sum", "done"),
            ),
            unit="events a minute",
            section=Section.INGEST,
            boards=(Board.INGEST,),
            alarms=(
                AlarmRule(
                    id=AlarmId.QUEUE_SILENT,
                    watches="sent",
                    threshold=0,
                    comparison=Comparison.AT_MOST,
                    datapoints=15,
                    periods=15,
                    missing=MissingData.BREACHING,
                    severity=Severity.P2,
                    opt_in=True,
                    warm_up_minutes=1_440,
                    meaning="No event was sent for a quarter of an hour: the producer is dead, or may not send.",
                    first_step="Ask whoever runs the producer; look for refused calls of sqs:SendMessage.",
                ),
            ),
        ),
        Signal(
            title="Events waiting",
            metrics=(
                metric("waiting", "ApproximateNumberOfMessagesVisible", "Maximum", "waiting"),
                metric(
                    "in_flight", "ApproximateNumberOfMessagesNotVisible", "Maximum", "being handled, or to be retried"
                ),
            ),
            unit="events",
            section=Section.INGEST,
            boards=(Board.INGEST,),
        ),
        Signal(
            title="Minutes until the queue is empty",
            metrics=(
                metric("waiting", "ApproximateNumberOfMessagesVisible", "Average", "waiting"),
                metric("deleted", "NumberOfMessagesDeleted", "Sum", "done"),
                metric("sent", "NumberOfMessagesSent", "Sum", "sent"),
            ),
            expression="IF(FILL(deleted, 0) > sent, waiting / ((deleted - sent) / 5))",
            unit="minutes",
            period_seconds=300,
            section=Section.INGEST,
            boards=(Board.INGEST,),
            note="No line where the queue does not shrink: it is empty, or never will be.",
        ),
    )


def _dead_letter_signals(queue_name: str, shortest_life_seconds: int) -> tuple[Signal, ...]:
    metric = metrics_of("AWS/SQS", {"QueueName": queue_name})

    def held(statistic: str) -> tuple:
        return (
            metric("visible", "ApproximateNumberOfMessagesVisible", statistic, "visible"),
            # Counted too, or looking at a message would clear the alarm for as long as it is looked at.
            metric("held", "ApproximateNumberOfMessagesNotVisible", statistic, "being looked at"),
        )

    return (
        Signal(
            title="Dead letters",
            metrics=held("Maximum"),
            expression="visible + held",
            unit="messages",
            section=Section.DEAD_LETTERS,
            boards=(Board.OVERVIEW, Board.INGEST),
            alarms=(
                AlarmRule(
                    id=AlarmId.DLQ_NOT_EMPTY,
                    threshold=0,
                    datapoints=1,
                    periods=1 + UNPUBLISHED_MINUTES,
                    # Invalid events die on a normal day too; those given up while valid have tickets of their own.
                    severity=Severity.P3,
                    meaning="Events were given up: invalid ones with the reason as a message attribute, the others"
                    " after their last retry. They are lost when their retention ends.",
                    first_step="Read the messages and their error_code attribute; mend the cause; redrive them.",
                ),
            ),
        ),
        Signal(
            title="Age of the oldest dead letter, since it became one",
            metrics=(metric("age", "ApproximateAgeOfOldestMessage", "Maximum", "age"),),
            unit="seconds",
            period_seconds=300,
            section=Section.DEAD_LETTERS,
            boards=(Board.INGEST,),
            note="It expires by the age since it was first sent, which this one leaves out.",
            alarms=(
                AlarmRule(
                    id=AlarmId.DLQ_EXPIRING,
                    threshold=shortest_life_seconds // 2,
                    comparison=Comparison.AT_LEAST,
                    datapoints=1,
                    periods=1,
                    severity=Severity.P1,
                    meaning="Dead letters have used up half of the shortest time they may have: data is lost soon.",
                    first_step="Redrive what can be processed now, save the rest; both commands are in the runbook.",
                ),
            ),
        ),
        Signal(
            title="Dead letters nobody touched, per day",
            # The least of a whole day: emptying the queue, or looking at all of it, is not neglect.
            metrics=held("Minimum"),
            expression="visible + held",
            unit="messages",
            period_seconds=SECONDS_PER_DAY,
            section=Section.DEAD_LETTERS,
            alarms=(
                AlarmRule(
                    id=AlarmId.DLQ_NEGLECTED,
                    threshold=0,
                    datapoints=3,
                    periods=3,
                    severity=Severity.P2,
                    meaning="For three days the dead-letter queue was never empty. Messages that were looked at three"
                    " times no longer show in its age, so nothing else may remind of them.",
                    first_step="Read the messages and decide: redrive, or save and delete.",
                ),
            ),
        ),
    )
