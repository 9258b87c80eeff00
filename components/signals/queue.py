"""What is worth monitoring about the queues: whether events wait, whether they are received, and the dead letters."""

from functools import partial

from components.durations import SECONDS_PER_DAY
from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import Metric, SqsMetric, Statistic, metrics_of
from components.monitoring.signals import (
    UNPUBLISHED_MINUTES,
    Alarm,
    Board,
    Comparison,
    CompositeAlarm,
    Drawing,
    MissingData,
    Section,
    Severity,
    Signal,
    Versions,
    above,
    at_least,
)

_of_events = partial(Signal, section=Section.INGEST, boards=(Board.INGEST,))
_of_dead_letters = partial(Signal, section=Section.DEAD_LETTERS, boards=(Board.INGEST,))

QUEUE_COMPOSITES = (
    CompositeAlarm(
        id=AlarmId.CONSUMER_DOWN,
        any_of=(AlarmId.QUEUE_AGE, AlarmId.CONSUMER_STALLED),
        severity=None,
        meaning="Events are not processed, or far too slowly: they wait, and the answers of the API become stale.",
        first_step="On the ingest board: are events received from the queue, and does the event handler fail?",
    ),
)


def queue_signals(
    queue_name: str,
    dead_letter_queue_name: str,
    *,
    consumer_versions: Versions,
    real_events: tuple[Metric, ...] = (),
    visibility_timeout_seconds: int,
    retention_days: int,
    dead_letter_retention_days: int,
) -> tuple[Signal, ...]:
    """Return the signals of the source queue, then of its dead-letter queue.

    `real_events` are the consumer's own counts `real` and `probed`, where a probe sends an event each minute. SQS
    counts both kinds as sent, so its queue would never be silent.
    """
    return (
        *_source_signals(queue_name, consumer_versions, visibility_timeout_seconds, real_events),
        *_dead_letter_signals(dead_letter_queue_name, (dead_letter_retention_days - retention_days) * SECONDS_PER_DAY),
    )


def redrive_signals(queue_name: str, dead_letter_arn: str, source_arn: str) -> tuple[Signal, ...]:
    """Return the signal of handling dead letters: drawn only, because AWS makes up the ARNs in its note."""
    queue = metrics_of(SqsMetric, QueueName=queue_name)
    # With a destination, because SQS knows no source queue of quarantined messages: the event handler sent them.
    command = f"aws sqs start-message-move-task --source-arn {dead_letter_arn} --destination-arn {source_arn}"
    return (
        _of_dead_letters(
            title="Dead letters received and deleted",
            metrics=(queue.sum(SqsMetric.RECEIVED, "received"), queue.sum(SqsMetric.DELETED, "deleted")),
            unit="messages",
            period_seconds=300,
            note=f"After you fixed the cause, redrive all dead letters: `{command}`",
        ),
    )


def _silence(metric_id: str, *, datapoints: int, missing: MissingData) -> Alarm:
    return Alarm(
        id=AlarmId.QUEUE_SILENT,
        metric_id=metric_id,
        threshold=0,
        comparison=Comparison.AT_MOST,
        datapoints=datapoints,
        periods=datapoints,
        severity=Severity.P2,
        missing=missing,
        opt_in=True,
        warm_up_minutes=1_440,
        meaning="No event was sent for 15 minutes: the producer is down, or is not allowed to send.",
        first_step="Ask the team that runs the producer; look for denied calls of sqs:SendMessage.",
    )


# In five minutes a probe sends five events, six by the edges of the minutes, or one more if its schedule repeats a run.
_PROBED_IN_FIVE_MINUTES = 7


def _silence_beside_a_probe(sent: Metric, real_events: tuple[Metric, ...]) -> Signal:
    """Nothing but the probe's events is handled, and no more than those are sent.

    A stopped consumer handles none, and counts no real event that crashes it: neither says anything of the producer. In
    periods of five minutes, because a probe's event can be handled in the minute after it was sent.
    """
    return _of_events(
        title="Real events, while those of the probe are handled",
        metrics=(*real_events, sent),
        expression=f"IF(FILL(probed, 0) > 0 AND FILL(sent, 0) <= {_PROBED_IN_FIVE_MINUTES}, FILL(real, 0), 1)",
        unit="events",
        period_seconds=300,
        drawn=Drawing(expression="FILL(real, 0)", unit="events in 5 minutes"),
        alarm=_silence("", datapoints=3, missing=MissingData.NOT_BREACHING),
    )


def _source_signals(
    queue_name: str, consumer_versions: Versions, visibility_timeout_seconds: int, real_events: tuple[Metric, ...]
) -> tuple[Signal, ...]:
    queue = metrics_of(SqsMetric, QueueName=queue_name)
    return (
        *([_silence_beside_a_probe(queue.sum(SqsMetric.SENT, "sent"), real_events)] if real_events else []),
        Signal(
            title="Age of the oldest event",
            metrics=(queue.maximum(SqsMetric.AGE_OF_OLDEST, "age"),),
            unit="seconds",
            drawn=Drawing(divisor=60, unit="minutes"),
            section=Section.INGEST,
            overview_section=Section.FAILURES,
            boards=(Board.OVERVIEW, Board.INGEST),
            versions=consumer_versions,
            note="SQS leaves out an event received three times without success, so an event that always fails is not"
            " shown.",
            # Three visibility timeouts: an event that fails twice and then succeeds does not fire the alarm.
            alarm=above(3 * visibility_timeout_seconds + 60, 3, of=3 + UNPUBLISHED_MINUTES, severity=None)(
                id=AlarmId.QUEUE_AGE,
                meaning="Events wait longer than retries explain: the event handler is stopped, fails or is too slow.",
                first_step="On the ingest board: does the event handler run, and does it fail? Then read its last"
                " errors.",
            ),
        ),
        _of_events(
            title="Events wait and none is received (1 = yes)",
            metrics=(
                queue.maximum(SqsMetric.VISIBLE, "visible", label="waiting"),
                queue.sum(SqsMetric.RECEIVED, "received"),
            ),
            expression="IF(visible > 0 AND FILL(received, 0) < 1, 1, 0)",
            unit="yes or no",
            # The newest minutes may lack their receives and look like a stall: they must be fewer than fire the alarm.
            alarm=at_least(1, 4, of=4 + UNPUBLISHED_MINUTES, severity=None)(
                id=AlarmId.CONSUMER_STALLED,
                meaning="Events wait and none is received: the event source mapping is disabled, or has lost its"
                " permission or its access to the key.",
                first_step="Check the state of the event source mapping, then the last change of the event handler's"
                " role.",
            ),
        ),
        _of_events(
            title="Events sent, received and deleted",
            metrics=(
                queue.sum(SqsMetric.SENT, "sent"),
                queue.sum(SqsMetric.RECEIVED, "received", label="received, with retries"),
                queue.sum(SqsMetric.DELETED, "deleted"),
            ),
            unit="events a minute",
            alarm=None if real_events else _silence("sent", datapoints=15, missing=MissingData.BREACHING),
        ),
        _of_events(
            title="Events waiting",
            metrics=(
                queue.maximum(SqsMetric.VISIBLE, "waiting"),
                queue.maximum(SqsMetric.NOT_VISIBLE, "in_flight", label="in flight, or before a retry"),
            ),
            unit="events",
        ),
        _of_events(
            title="Minutes until the queue is empty",
            metrics=(
                queue.of(SqsMetric.VISIBLE, Statistic.AVERAGE, "waiting"),
                queue.sum(SqsMetric.DELETED, "deleted"),
                queue.sum(SqsMetric.SENT, "sent"),
            ),
            expression="IF(FILL(deleted, 0) > sent, waiting / ((deleted - sent) / 5))",
            unit="minutes",
            period_seconds=300,
            note="No line means that the queue does not shrink: it is empty, or more events arrive than are processed.",
        ),
    )


def _dead_letter_signals(queue_name: str, shortest_life_seconds: int) -> tuple[Signal, ...]:
    queue = metrics_of(SqsMetric, QueueName=queue_name)

    def held(statistic: Statistic) -> tuple[Metric, ...]:
        return (
            queue.of(SqsMetric.VISIBLE, statistic, "visible"),
            # Counted too, or receiving a message would clear the alarm for the visibility timeout.
            queue.of(SqsMetric.NOT_VISIBLE, statistic, "held", label="in flight"),
        )

    return (
        Signal(
            title="Dead letters",
            metrics=held(Statistic.MAXIMUM),
            expression="visible + held",
            unit="messages",
            section=Section.DEAD_LETTERS,
            boards=(Board.OVERVIEW, Board.INGEST),
            # Invalid events are normal; valid events that are given up have an alarm of their own.
            alarm=above(0, 1, of=1 + UNPUBLISHED_MINUTES, severity=Severity.P3)(
                id=AlarmId.DLQ_NOT_EMPTY,
                meaning="Events are in the dead-letter queue: invalid events with the reason as a message attribute,"
                " other events after their last retry. They are lost when their retention ends.",
                first_step="List the messages with their error_code, fix the cause, then redrive them.",
            ),
        ),
        _of_dead_letters(
            title="Age of the oldest dead letter since it was moved",
            metrics=(queue.maximum(SqsMetric.AGE_OF_OLDEST, "age"),),
            unit="seconds",
            drawn=Drawing(divisor=SECONDS_PER_DAY, unit="days"),
            period_seconds=300,
            note="A dead letter expires by its age since it was first sent, which is higher.",
            alarm=at_least(shortest_life_seconds // 2, 1, of=1, severity=Severity.P1)(
                id=AlarmId.DLQ_EXPIRING,
                meaning="Logins are soon lost for good: the oldest dead letter has used up half of the shortest time it"
                " can have.",
                first_step="Redrive the messages that can be processed now, save the others; the runbook has both"
                " commands.",
            ),
        ),
        Signal(
            title="Fewest dead letters of each day",
            # The minimum of a whole day: a queue that was emptied, or received as a whole, is not neglected.
            metrics=held(Statistic.MINIMUM),
            expression="visible + held",
            unit="messages",
            period_seconds=SECONDS_PER_DAY,
            section=Section.DEAD_LETTERS,
            alarm=above(0, 3, of=3, severity=Severity.P2)(
                id=AlarmId.DLQ_NEGLECTED,
                meaning="The dead-letter queue has not been empty for three days. SQS leaves messages that were"
                " received three times out of its age, so no other alarm may report them.",
                first_step="Read the messages, then redrive them, or save and delete them.",
            ),
        ),
    )
