"""Entry point of the schedule: a login of a reserved user goes through the queue, and must show in the API soon.

The probe does what producers and clients do, every minute and at any traffic, so that an outage is noticed although
nobody sends an event or a request. It emits whether that worked, and how long the login took to show.
"""

import functools
import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from handlers import cold_start
from handlers.api_client import ApiClient, HttpError
from handlers.clients import Session, SqsClient, error_code_of, make_client
from handlers.logins import format_instant, parse_instant
from handlers.settings import ProbeSettings
from handlers.telemetry import Telemetry, quiet_libraries
from handlers.vocabulary import PROBE_SERVICE, PROBE_USER, MetricName, Outcome

# When the API is asked, in seconds after the login was sent. Each look is a request that is paid for, so looks become
# rarer, and a login that does not show costs as many requests as this has numbers.
LOOKS_AFTER_SECONDS: Final = (1, 2, 3, 5, 8, 13, 20)
# The user's record holds one service, whose newest login is the last one sent.
SERVICE_ID: Final = "probe"


class Step(StrEnum):
    """What the probe was doing when it failed: values of the log field `step`."""

    TOKEN = "token"  # noqa: S105 - no password
    SEND = "send"
    QUERY = "query"
    SHOW = "show"


class NotShownError(Exception):
    """The API answers, and the login is not in its answer."""


class Probe:
    """The probe of one process. A token is fetched once in its life, because each is paid for."""

    def __init__(
        self,
        sqs: SqsClient,
        queue_url: str,
        api: ApiClient,
        telemetry: Telemetry,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._api = api
        self._telemetry = telemetry
        self._now = now
        self._clock = clock
        self._sleep = sleep
        self._step = Step.TOKEN

    def run(self, _event: Any, _context: Any) -> dict[str, Any]:
        """Send a login, wait until it shows, and measure; a failure is a measurement, not an error of the function.

        Nobody reads the returned outcome but an engineer who invokes the function.
        """
        try:
            seconds = self._seconds_until_shown()
        except Exception as error:  # noqa: BLE001 - whatever fails, the next minute must be probed, and no text logged
            code = error.code if isinstance(error, HttpError) else error_code_of(error)
            self._telemetry.failure(
                f"probe failed at step {self._step}",
                error,
                outcome=Outcome.FAILED,
                error_code=code,
                step=self._step,
            )
            return self._measured(Outcome.FAILED) | {"step": self._step}
        self._telemetry.measure(MetricName.PROBE_DELAY, seconds * 1000)
        return self._measured(Outcome.SUCCESS)

    def _measured(self, outcome: Outcome) -> dict[str, Any]:
        self._telemetry.measure(MetricName.PROBE_SUCCESS, int(outcome is Outcome.SUCCESS))
        self._telemetry.annotate("outcome", outcome)
        return {"outcome": outcome}

    def _seconds_until_shown(self) -> float:
        self._step = Step.TOKEN
        self._api.require_token()
        self._step = Step.SEND
        started, sent_at = self._clock(), self._now()
        body = {
            "user_id": PROBE_USER,
            "service_id": SERVICE_ID,
            "service_name": "Probe",
            "timestamp": format_instant(sent_at),
        }
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=json.dumps(body))
        for seconds in LOOKS_AFTER_SECONDS:
            self._sleep(max(0.0, started + seconds - self._clock()))
            self._step = Step.QUERY
            if self._shows(sent_at):
                return self._clock() - started
        self._step = Step.SHOW
        raise NotShownError(f"The login did not show within {LOOKS_AFTER_SECONDS[-1]} s.")

    def _shows(self, sent_at: datetime) -> bool:
        """Whether the API shows this login, or a later one of another run of the probe."""
        services = self._api.services_of(PROBE_USER)
        seen = [entry["last_accessed"] for entry in services if entry["service_id"] == SERVICE_ID]
        return any(parse_instant(text) >= sent_at for text in seen)


@functools.cache
def _wired() -> Callable[[dict[str, Any], Any], Any]:
    """The handler with everything it needs, made once per process."""
    settings = ProbeSettings.of(os.environ)
    quiet_libraries()
    session = Session()
    telemetry = Telemetry(PROBE_SERVICE, settings.stack, settings.version)
    ssm = make_client(session, "ssm", read_timeout_seconds=2)
    api = ApiClient(settings, ssm)
    sqs = make_client(session, "sqs", read_timeout_seconds=2)
    return telemetry.entry_point(Probe(sqs, settings.queue_url, api, telemetry).run)


def handler(event: dict[str, Any], context: Any) -> Any:
    """The function that the schedule invokes."""
    return _wired()(event, context)


cold_start.complete(_wired)
