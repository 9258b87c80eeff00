"""What is worth watching about the queues: whether events wait, whether anybody fetches them, and what was given up."""

from functools import partial

from components.durations import SECONDS_PER_DAY
from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import Metric, SqsMetric, Statistic, queue_metrics
from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    Alarm,
    Board,
    Comparison,
    CompositeAlarm,
    MissingData,
    Section,
    Severity,
    Signal,
)

_of_events = partial(Signal, section=Section.INGEST, boards=(Board.INGEST,))
_of_dead_letters = partial(Signal, section=Section.DEAD_LETTERS, boards=(Board.INGEST,))

QUEUE_COMPOSITES = (
    CompositeAlarm(
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
    queue = queue_metrics(queue_name)
    # Named, because SQS knows no source of messages that were quarantined: those were sent.
    command = f"aws sqs start-message-move-task --source-arn {dead_letter_arn} --destination-arn {source_arn}"
    return (
        _of_dead_letters(
            title="Dead letters looked at, and taken out",
            metrics=(
                queue.sum(SqsMetric.RECEIVED, "received", label="looked at"),
                queue.sum(SqsMetric.DELETED, "deleted", label="taken out"),
            ),
            unit="messages",
            period_seconds=300,
            note=f"When the cause is mended, send all of them back: `{command}`",
        ),
    )


def _source_signals(queue_name: str, visibility_timeout_seconds: int) -> tuple[Signal, ...]:
    queue = queue_metrics(queue_name)
    return (
        Signal(
            title="Age of the oldest event",
            metrics=(queue.maximum(SqsMetric.AGE_OF_OLDEST, "age"),),
            unit="seconds",
            section=Section.INGEST,
            boards=(Board.OVERVIEW, Board.INGEST),
            note="An event received three times without success no longer counts: poison does not show here.",
            alarms=(
                Alarm(
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
        _of_events(
            title="Events wait and nobody fetches them (1 = so)",
            metrics=(
                queue.maximum(SqsMetric.VISIBLE, "visible", label="waiting"),
                queue.sum(SqsMetric.RECEIVED, "received"),
            ),
            expression="IF(visible > 0 AND FILL(received, 0) < 1, 1, 0)",
            unit="yes or no",
            alarms=(
                Alarm(
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
        _of_events(
            title="Events in and out",
            metrics=(
                queue.sum(SqsMetric.SENT, "sent"),
                queue.sum(SqsMetric.RECEIVED, "received", label="received, retries too"),
                queue.sum(SqsMetric.DELETED, "deleted", label="done"),
            ),
            unit="events a minute",
            alarms=(
                Alarm(
                    id=AlarmId.QUEUE_SILENT,
                    metric_id="sent",
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
        _of_events(
            title="Events waiting",
            metrics=(
                queue.maximum(SqsMetric.VISIBLE, "waiting"),
                queue.maximum(SqsMetric.NOT_VISIBLE, "in_flight", label="being handled, or to be retried"),
            ),
            unit="events",
        ),
        _of_events(
            title="Minutes until the queue is empty",
            metrics=(
                queue.of(SqsMetric.VISIBLE, Statistic.AVERAGE, "waiting"),
                queue.sum(SqsMetric.DELETED, "deleted", label="done"),
                queue.sum(SqsMetric.SENT, "sent"),
            ),
            expression="IF(FILL(deleted, 0) > sent, waiting / ((deleted - sent) / 5))",
            unit="minutes",
            period_seconds=300,
            note="No line where the queue does not shrink: it is empty, or never will be.",
        ),
    )


def _dead_letter_signals(queue_name: str, shortest_life_seconds: int) -> tuple[Signal, ...]:
    queue = queue_metrics(queue_name)

    def held(statistic: Statistic) -> tuple[Metric, ...]:
        return (
            queue.of(SqsMetric.VISIBLE, statistic, "visible"),
            # Counted too, or looking at a message would clear the alarm for as long as it is looked at.
            queue.of(SqsMetric.NOT_VISIBLE, statistic, "held", label="being looked at"),
        )

    return (
        Signal(
            title="Dead letters",
            metrics=held(Statistic.MAXIMUM),
            expression="visible + held",
            unit="messages",
            section=Section.DEAD_LETTERS,
            boards=(Board.OVERVIEW, Board.INGEST),
            alarms=(
                Alarm(
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
        _of_dead_letters(
            title="Age of the oldest dead letter, since it became one",
            metrics=(queue.maximum(SqsMetric.AGE_OF_OLDEST, "age"),),
            unit="seconds",
            period_seconds=300,
            note="It expires by the age since it was first sent, which this one leaves out.",
            alarms=(
                Alarm(
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
            metrics=held(Statistic.MINIMUM),
            expression="visible + held",
            unit="messages",
            period_seconds=SECONDS_PER_DAY,
            section=Section.DEAD_LETTERS,
            alarms=(
                Alarm(
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
