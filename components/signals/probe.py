"""What is worth monitoring about the probe: whether its logins show, and how soon."""

from components.monitoring.alarm_ids import AlarmId
from components.monitoring.metrics import LambdaMetric, Metric, Metrics, own_metrics
from components.monitoring.signals import (
    Alarm,
    Board,
    Comparison,
    Drawing,
    MissingData,
    Section,
    Severity,
    Signal,
    Versions,
)
from handlers.vocabulary import EVENT_HANDLER_SERVICE, MetricName


def probe_outcomes(probe: Metrics[MetricName], _runs: Metrics[LambdaMetric], _versions: Versions) -> tuple[Signal, ...]:
    """Return the signals of what the probe measures."""
    return (
        Signal(
            title="Logins of the probe that showed",
            metrics=(probe.sum(MetricName.PROBE_SUCCESS, "shown"),),
            unit="a minute",
            section=Section.TRAFFIC,
            boards=(Board.OVERVIEW,),
            note="One a minute. A gap means that the probe does not run.",
            # Without data the probe is broken, and an outage would go unnoticed: that pages too. Three minutes, so that
            # one retried event wakes nobody; of ten, so that a fault that comes and goes pages once.
            alarm=Alarm(
                id=AlarmId.PROBE_FAILING,
                threshold=0,
                comparison=Comparison.AT_MOST,
                datapoints=3,
                periods=10,
                missing=MissingData.BREACHING,
                severity=Severity.P1,
                warm_up_minutes=15,
                meaning="A login sent by the probe does not show in the API, or the probe does not run: logins, the"
                " API or its tokens fail, also if nobody uses them now.",
                first_step="Read the step at which it failed in the last lines of the log of the probe.",
            ),
        ),
        Signal(
            title="Time until a login of the probe shows",
            metrics=(probe.maximum(MetricName.PROBE_DELAY, "slowest", label="slowest"),),
            unit="milliseconds",
            drawn=Drawing(divisor=1_000, unit="seconds"),
            section=Section.TRAFFIC,
            boards=(Board.OVERVIEW,),
        ),
    )


def real_events(stack: str) -> tuple[Metric, ...]:
    """Return what the event handler counts of real events, and of those of the probe."""
    events = own_metrics(MetricName, EVENT_HANDLER_SERVICE, stack)
    return (
        events.sum(MetricName.EVENT_RECEIVED, "real", label="real events"),
        events.sum(MetricName.EVENT_PROBED, "probed", label="events of the probe"),
    )
