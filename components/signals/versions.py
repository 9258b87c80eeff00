"""Which version of a function runs: drawn beside what fails and slows down, because a release may be the cause."""

from collections.abc import Mapping

from components.monitoring.metrics import Statistic, own_metrics
from components.monitoring.signals import Versions
from handlers.vocabulary import EVENT_HANDLER_SERVICE, QUERY_SERVICE, MetricName

# What each function is called on the boards and in alarms.
TITLES: Mapping[str, str] = {EVENT_HANDLER_SERVICE: "event handler", QUERY_SERVICE: "query function"}


def versions_of(service: str, stack: str) -> Versions:
    """Return the newest and the oldest version that ran in a period: two while a release shares the requests."""
    emitted = own_metrics(MetricName, service, stack)
    return Versions(
        function=TITLES[service],
        metrics=(
            emitted.of(MetricName.FUNCTION_VERSION, Statistic.MAXIMUM, "newest_version", label="newest version"),
            emitted.of(MetricName.FUNCTION_VERSION, Statistic.MINIMUM, "oldest_version", label="oldest version"),
        ),
    )
