"""What is worth monitoring in the metrics that the handlers count: the outcome of every event and every query."""

from functools import partial

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import LambdaMetric, Metrics, Statistic, filled_sum
from components.monitoring.signals import Board, Drawing, Section, Severity, Signal, Versions, View, above, at_least
from handlers.vocabulary import MetricName

_of_events = partial(Signal, section=Section.OUTCOMES, boards=(Board.INGEST,))
_of_dead_letters = partial(Signal, section=Section.DEAD_LETTERS, boards=(Board.INGEST,))
_of_queries = partial(Signal, section=Section.QUERY, boards=(Board.API,))


def event_outcomes(events: Metrics[MetricName], runs: Metrics[LambdaMetric], versions: Versions) -> tuple[Signal, ...]:
    """Return the signals of the outcomes of events, as the event handler counts them."""
    # An invocation that crashes or times out counts none of its events.
    crashed = runs.sum(LambdaMetric.ERRORS, "crashed", label="failed invocations")
    received = events.sum(MetricName.EVENT_RECEIVED, "received")
    invalid = events.sum(MetricName.EVENT_INVALID, "invalid")
    failed = events.sum(MetricName.EVENT_FAILED, "failed")
    exhausted = events.sum(MetricName.EVENT_EXHAUSTED, "exhausted", label="given up")
    persisted = events.sum(MetricName.EVENT_PERSISTED, "persisted", label="stored")
    return (
        Signal(
            title="Nearly all events fail (1 = yes)",
            metrics=(crashed, failed, exhausted, persisted),
            # Not "none stored": a duplicate of a stored event counts as stored without a write.
            expression=f"IF({filled_sum((crashed, failed, exhausted))} > 9 * FILL(persisted, 0), 1, 0)",
            unit="yes or no",
            section=Section.INGEST,
            boards=(Board.INGEST,),
            # At low traffic the same few events come back after each visibility timeout, with quiet minutes between.
            alarm=at_least(1, 3, of=60, severity=None)(
                id=AlarmId.INGEST_DOWN,
                meaning="Nearly all events fail and are not stored. Events that are given up move to the dead-letter"
                " queue.",
                first_step="On the ingest board: did it begin with a deployment, or does the table reject requests?",
            ),
        ),
        Signal(
            title="Events that fail",
            metrics=(
                events.sum(MetricName.EVENT_FAILED, "failed", label="failed, will be retried"),
                exhausted,
                events.sum(MetricName.EVENT_INVALID, "invalid", label="invalid, quarantined"),
                crashed,
            ),
            unit="a minute",
            section=Section.FAILURES,
            boards=(Board.OVERVIEW,),
            versions=versions,
        ),
        _of_events(
            title="Events that failed, will be retried",
            metrics=(received, failed, exhausted),
            expression="100 * (failed + exhausted) / received",
            unit="percent",
            # Among few events one failure is a high percentage, and quiet minutes are not the end of the fault.
            alarm=above(5, 5, of=60, severity=Severity.P2)(
                id=AlarmId.INGEST_FAILURES,
                meaning="More than one event in twenty fails and is retried: logins are stored late, some may be given"
                " up.",
                first_step="Group the last failures by error_code with saved query 02.",
            ),
        ),
        _of_dead_letters(
            title="Events given up after their last retry",
            metrics=(exhausted,),
            unit="events",
            period_seconds=300,
            alarm=above(0, 1, of=12, severity=Severity.P2)(
                id=AlarmId.INGEST_EXHAUSTED,
                meaning="Valid events failed on their last retry and are dead letters now: their logins are missing.",
                first_step="Find their error_code with saved query 05, fix the cause, then redrive them.",
            ),
        ),
        _of_events(
            title="Events that violate the contract",
            metrics=(received, invalid),
            expression="IF(received >= 20, 100 * invalid / received, 0)",
            unit="percent",
            drawn=Drawing(
                expression="100 * invalid / received", unit="percent", condition="at 20 events in 5 minutes or more"
            ),
            period_seconds=300,
            alarm=above(20, 1, of=12, severity=Severity.P2)(
                id=AlarmId.INGEST_CONTRACT,
                meaning="A producer sends events that violate the contract: more than one in five is quarantined.",
                first_step="Group them by error_code with saved query 14, then tell the producer.",
            ),
        ),
        _of_dead_letters(
            title="Invalid events",
            metrics=(received, invalid),
            # A share, or one invalid event in ten thousand would send mail without end at high traffic; over an hour,
            # or the alarm would come and go with a few invalid events at low traffic.
            expression="IF(invalid >= 3, 100 * invalid / received, 0)",
            unit="percent",
            drawn=Drawing(expression="100 * invalid / received", unit="percent", condition="if 3 or more"),
            period_seconds=3_600,
            alarm=above(0.1, 1, of=1, severity=Severity.P3)(
                id=AlarmId.INGEST_INVALID,
                meaning="Some events violate the contract and were quarantined, with the reason as a message"
                " attribute.",
                first_step="Read error_code and error_detail of the dead letters, then tell the producer.",
            ),
        ),
        Signal(
            # Not as lines: stored events would hide the received events, which are as many.
            title="Events by outcome",
            metrics=(
                persisted,
                events.sum(MetricName.EVENT_INVALID, "invalid", label="invalid, quarantined"),
                events.sum(MetricName.EVENT_FAILED, "failed", label="failed, will be retried"),
                exhausted,
            ),
            unit="events a minute",
            view=View.STACKED,
            section=Section.OUTCOMES,
            overview_section=Section.TRAFFIC,
            boards=(Board.OVERVIEW, Board.INGEST),
        ),
        _of_events(
            title="Age of events when stored",
            metrics=events.each(MetricName.EVENT_AGE, typical=Statistic.P50, old=Statistic.P95, oldest=Statistic.P99),
            unit="milliseconds",
            drawn=Drawing(divisor=1_000, unit="seconds"),
        ),
        _of_events(
            title="Write conflicts and stale events",
            metrics=(
                events.sum(MetricName.WRITE_CONFLICT, "conflicts", label="conflict, repeated"),
                events.sum(MetricName.EVENT_STALE, "stale", label="older than the stored login"),
            ),
            unit="a minute",
        ),
        _of_events(
            title="Largest record written",
            metrics=(events.maximum(MetricName.RECORD_BYTES, "largest"),),
            unit="bytes",
            drawn=Drawing(divisor=1_024, unit="KB, at most 400"),
        ),
        _of_events(
            title="Events per batch",
            metrics=(
                events.of(MetricName.BATCH_SIZE, Statistic.AVERAGE, "size", label="average"),
                events.maximum(MetricName.BATCH_SIZE, "largest", label="maximum"),
            ),
            unit="events",
        ),
        _of_events(
            title="Duration of a batch",
            metrics=events.each(MetricName.BATCH_DURATION, typical=Statistic.P50, slow=Statistic.P95),
            unit="milliseconds",
        ),
    )


def query_outcomes(
    queries: Metrics[MetricName], _runs: Metrics[LambdaMetric], versions: Versions
) -> tuple[Signal, ...]:
    """Return the signals of the outcomes of queries, as the query function counts them."""
    return (
        _of_queries(
            title="Queries by outcome",
            metrics=(
                queries.sum(MetricName.QUERY_SUCCESS, "answered"),
                queries.sum(MetricName.QUERY_INVALID, "refused", label="rejected as invalid"),
                queries.sum(MetricName.QUERY_ERROR, "failed"),
            ),
            unit="queries a minute",
            view=View.STACKED,
        ),
        _of_queries(
            title="Slow queries, empty answers",
            metrics=(
                queries.sum(MetricName.QUERY_SLOW, "slow", label="slower than the objective"),
                queries.sum(MetricName.QUERY_EMPTY, "empty", label="user without logins"),
            ),
            unit="queries a minute",
        ),
        _of_queries(
            title="Partial answers from damaged records",
            metrics=(queries.sum(MetricName.RECORD_MALFORMED, "malformed", label="partial answers"),),
            unit="answers",
            period_seconds=300,
            # A record stays damaged until an engineer repairs it, and is seen only when a client asks for it: one
            # notification while such answers are at most an hour apart.
            alarm=at_least(1, 1, of=12, severity=Severity.P2)(
                id=AlarmId.RECORD_DAMAGED,
                meaning="The API returned a partial answer, because a part of the user's record cannot be read. No"
                " retry or deployment repairs the record.",
                first_step="Find the request in the log of the query function by error_code record_malformed.",
            ),
        ),
        _of_queries(
            title="Duration of queries",
            metrics=queries.each(MetricName.QUERY_DURATION, typical=Statistic.P50, slowest=Statistic.P99),
            unit="milliseconds",
            versions=versions,
        ),
        _of_queries(
            title="Services per answer",
            metrics=(
                queries.of(MetricName.QUERY_SERVICES, Statistic.P50, "typical"),
                queries.maximum(MetricName.QUERY_SERVICES, "most", label="maximum"),
            ),
            unit="services",
        ),
    )
