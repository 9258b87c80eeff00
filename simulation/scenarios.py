"""Everything that can go wrong, for how long, and which alarms must or may fire; the model does not know the latter.

`page` are the P1 alarms that must page. `ticket` are the alarms that must fire when no page is needed. `speaks` are
related alarms that may fire. Any other alert during the fault is false.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simulation.conditions import A_MINUTE, A_SECOND, AN_HOUR, LEVELS, Fault, Traffic
from simulation.simulated_table import TableBehaviour

BUSY = (A_MINUTE, A_SECOND)
# Faults begin on the second day at 14:00, when traffic is high.
START = 2_280

PROBE = "probe-failing"
AVAILABILITY = ("api-unhealthy", "slo-api-availability-slow", PROBE)
LATENCY = ("api-unhealthy", "slo-api-latency-slow")
TIMELY = ("ingest-unhealthy", "slo-ingest-timely-slow", PROBE)
DEAD_LETTERS = ("dlq-not-empty", "ingest-exhausted")


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A fault, and the levels of traffic at which it is simulated."""

    name: str
    changes: Mapping[str, Any]
    minutes: int = 60
    before: int = 120
    """Minutes without the fault before it; more where an alarm evaluates a longer period."""
    later: Mapping[str, Any] = field(default_factory=dict)
    """A second, independent fault during the second half."""
    settle: int = 240
    """Minutes simulated after the fault, so that alarms can clear."""
    levels: tuple[Traffic, ...] = LEVELS
    page: tuple[str, ...] = ()
    """P1 alarms, at least one of which must fire; with a later fault, all of them."""
    ticket: tuple[str, ...] = ()
    """Alarms, at least one of which must fire when `page` is empty."""
    speaks: tuple[str, ...] = ()
    """Other alarms that may fire."""
    late: Mapping[Traffic, str] = field(default_factory=dict)
    """Why the page takes more than five minutes."""
    again: Mapping[Traffic, str] = field(default_factory=dict)
    """Why the same alarm pages more than once."""

    @property
    def related_alarms(self) -> frozenset[str]:
        """Every alarm that must or may fire."""
        return frozenset((*self.page, *self.ticket, *self.speaks))

    @property
    def second(self) -> Sequence[Fault]:
        """The later fault, if there is one."""
        half = self.minutes // 2
        fault = Fault(name="later", start=START + half, minutes=self.minutes - half, changes=self.later)
        return (fault,) if self.later else ()

    def faults(self) -> Sequence[Fault]:
        """All faults of the scenario; an hour after them, the dead letters are handled."""
        fault = Fault(name=self.name, start=START, minutes=self.minutes, changes=self.changes)
        after = Fault(name="after", start=fault.end + 60, minutes=1, changes={"dead_letters_handled": True})
        return fault, *self.second, after

    @property
    def since(self) -> int:
        """The first minute of the simulation."""
        return START - self.before

    @property
    def until(self) -> int:
        """The end of the simulation."""
        return START + self.minutes + self.settle


# SLO alarms evaluate periods of up to a day.
LONG: Any = {"settle": 600, "before": 1_080}


def _table(**behaviour: Any) -> dict[str, Any]:
    return {"table": TableBehaviour(**behaviour)}


def _share_of_table(share: float, **behaviour: Any) -> dict[str, Any]:
    return {"disturbed": share, "disturbed_table": TableBehaviour(**behaviour)}


API_FAILS = ("api-5xx-any", "table-system-errors", *AVAILABILITY)
INGEST_FAILS = ("ingest-failures", "event-handler-errors", *DEAD_LETTERS, *TIMELY)
TABLE_FAILS = (
    *INGEST_FAILS,
    "consumer-concurrency",
    "table-system-errors",
    "table-write-throttle",
    "table-read-throttle",
)

FLICKERS = "{} of ten logins of the probe fail on average, and its alarm, at three of ten, comes and goes by chance"
SOME_SLOW = (
    "a fifth of the requests needs 43 minutes to reach the 14.4 % of an hour that page; api-latency opens a ticket"
    " first"
)
FEW_SLOW = (
    "a tenth of the requests never reaches the 14.4 % of an hour that page, and needs 216 minutes to reach the 6 % of"
    " six hours; api-latency opens a ticket first"
)
BOTH_BREAK = (*API_FAILS, "query-errors", *TIMELY, "consumer-concurrency")

SCENARIOS = (
    Scenario(
        name="consumer stopped", changes={"consumer_runs": False}, minutes=30, page=("ingest-unhealthy", PROBE),
        speaks=(*TIMELY, "consumer-concurrency"),
    ),
    Scenario(
        name="bad deploy: every batch crashes", changes={"handler_fails": "crash"},
        page=("ingest-unhealthy", PROBE), speaks=(*INGEST_FAILS, "consumer-concurrency"),
    ),
    Scenario(
        name="a new version crashes, for a tenth of the requests", changes={"new_version_crashes": 0.1},
        levels=(A_MINUTE,), ticket=("event-handler-canary", "query-canary"),
        speaks=(*INGEST_FAILS, *API_FAILS, "query-errors", "api-unhealthy"),
        again={A_MINUTE: f"{FLICKERS.format('two to three')}, as do two minutes of an hour in which half of the few"
               " requests fail; this fault need not page"},
    ),
    Scenario(
        name="every batch times out", changes={"handler_fails": "timeout"},
        page=("ingest-unhealthy", PROBE), speaks=(*INGEST_FAILS, "event-handler-duration", "consumer-concurrency"),
    ),
    Scenario(
        name="one message crashes its batches", changes={"poison_messages": 1}, minutes=1,
        ticket=("event-handler-errors", "dlq-not-empty"), speaks=("ingest-failures", *TIMELY),
    ),
    Scenario(
        name="poison flood: 20 % crash their batches", changes={"poison": 0.2}, levels=BUSY,
        ticket=("event-handler-errors",), speaks=(*INGEST_FAILS, "consumer-concurrency"),
    ),
    Scenario(
        name="a producer breaks the contract (30 %)", changes={"invalid": 0.3}, levels=BUSY,
        ticket=("ingest-contract", "ingest-invalid"), speaks=("dlq-not-empty", "ingest-exhausted"),
    ),
    Scenario(
        name="a producer breaks the contract (2 %)", changes={"invalid": 0.02}, minutes=180, levels=BUSY,
        ticket=("ingest-invalid", "dlq-not-empty"),
    ),
    Scenario(
        name="a producer breaks the contract (0.5 %)", changes={"invalid": 0.005}, minutes=180, levels=(A_SECOND,),
        ticket=("ingest-invalid",), speaks=("dlq-not-empty",),
    ),
    Scenario(
        name="table refuses all writes", changes=_table(writes="throttle"),
        page=("ingest-unhealthy", PROBE), speaks=TABLE_FAILS,
    ),
    Scenario(
        name="table refuses writes of one batch in five", changes=_share_of_table(0.2, writes="throttle"), levels=BUSY,
        settle=600, ticket=("ingest-failures",), speaks=TABLE_FAILS,
        again=dict.fromkeys(BUSY, f"{FLICKERS.format('two')}; this fault need not page"),
    ),
    Scenario(
        name="table refuses all reads", changes=_table(reads="throttle"),
        page=("api-unhealthy", "ingest-unhealthy", PROBE), speaks=(*TABLE_FAILS, *API_FAILS),
    ),
    Scenario(
        name="table slow (150 ms)", changes=_table(latency_ms=150.0), levels=BUSY,
        ticket=("table-latency-update-item", "table-latency-get-item", "table-latency-batch-get-item"),
        speaks=("consumer-concurrency",),
    ),
    Scenario(
        name="table unavailable (errors)", changes=_table(reads="error", writes="error"),
        page=("api-unhealthy", "ingest-unhealthy", PROBE), speaks=(*TABLE_FAILS, *API_FAILS),
    ),
    Scenario(
        name="table unavailable (no answer)", changes=_table(reads="hang", writes="hang"),
        page=("api-unhealthy", "ingest-unhealthy", PROBE),
        speaks=(*TABLE_FAILS, *API_FAILS, *LATENCY, "api-latency", "consumer-concurrency"),
    ),
    Scenario(
        name="1 % of requests fail", changes={"query_failing": 0.01}, minutes=720, **LONG, levels=BUSY,
        ticket=("api-5xx-any", *AVAILABILITY), speaks=API_FAILS,
        again={A_MINUTE: "at four failures an hour, seven fall into one hour by chance, and hours later two fall into"
               " minutes with two requests; this fault need not page"},
    ),
    Scenario(
        name="10 % of requests fail", changes={"query_failing": 0.1}, minutes=120, **LONG, levels=BUSY,
        page=("api-unhealthy", PROBE), speaks=API_FAILS,
        late={A_MINUTE: "of nine requests a minute, two of them the probe's, less than one fails; the fast burn needs"
              " eight failures, 1.44 % of the requests of an hour, and the probe three failed logins of ten"},
        again=dict.fromkeys(BUSY, FLICKERS.format("two")),
    ),
    Scenario(
        name="100 % of requests fail", changes={"query_failing": 1.0}, page=("api-unhealthy", PROBE), speaks=API_FAILS,
    ),
    Scenario(
        name="query function crashes", changes={"query_fails": "crash"},
        page=("api-unhealthy", PROBE), speaks=(*API_FAILS, "query-errors"),
    ),
    Scenario(
        name="query function crashes, and half an hour later the consumer stops",
        changes={"query_fails": "crash"}, later={"consumer_runs": False}, levels=BUSY,
        page=("api-unhealthy", "ingest-unhealthy", PROBE), speaks=BOTH_BREAK,
    ),
    Scenario(
        name="consumer stops, and half an hour later the query function crashes",
        changes={"consumer_runs": False}, later={"query_fails": "crash"}, levels=BUSY,
        page=("api-unhealthy", "ingest-unhealthy", PROBE), speaks=BOTH_BREAK,
    ),
    Scenario(
        name="query function slow (4.5 s)", changes={"query_fails": "slow"}, levels=BUSY,
        ticket=("query-duration", "api-latency"), speaks=LATENCY,
    ),
    Scenario(
        name="batches slow (9 s)", changes={"handler_slow": True}, levels=(A_MINUTE,),
        ticket=("event-handler-duration",), speaks=("consumer-concurrency", *TIMELY),
    ),
    Scenario(
        name="slow burn: 0.4 % of requests fail", changes={"query_failing": 0.004},
        minutes=1_440, before=1_080, settle=1_600, levels=BUSY,
        ticket=("slo-api-availability-slow", "api-5xx-any"), speaks=API_FAILS,
        again={A_MINUTE: "at two failures an hour, five fall into one hour of the evening by chance, which is more than"
               " 1.44 % of its few requests; this fault need not page"},
    ),
    Scenario(
        name="20 % of requests slow", changes={"query_slow": 0.2}, minutes=180, **LONG, levels=BUSY,
        page=("api-unhealthy", PROBE), speaks=(*LATENCY, "api-latency", "table-latency-get-item"),
        late=dict.fromkeys(BUSY, SOME_SLOW),
    ),
    Scenario(
        name="10 % of requests slow", changes={"query_slow": 0.1}, minutes=720, before=1_080, settle=1_600, levels=BUSY,
        page=("api-unhealthy", PROBE), speaks=(*LATENCY, "api-latency", "table-latency-get-item"),
        late=dict.fromkeys(BUSY, FEW_SLOW),
    ),
    Scenario(
        name="functions refused a place to run", changes={"throttled": 1.0}, levels=BUSY,
        page=("api-unhealthy", "ingest-unhealthy", PROBE),
        speaks=(*API_FAILS, "query-throttles", "event-handler-throttles", *DEAD_LETTERS, *TIMELY),
    ),
    Scenario(
        name="one invocation in three refused a place to run", changes={"throttled": 0.3}, levels=BUSY,
        page=("api-unhealthy", "ingest-unhealthy", PROBE),
        speaks=(*API_FAILS, "query-throttles", "event-handler-throttles", *DEAD_LETTERS, *TIMELY),
    ),
    Scenario(
        # Of one user: few requests are for it, and it is seen only by these.
        name="a damaged record (a tenth of the requests)", changes={"damaged_records": 0.1}, minutes=180,
        ticket=("record-damaged",),
    ),
    Scenario(
        name="slow burn: 2 % of batches refused by the table", changes=_share_of_table(0.02, writes="throttle"),
        minutes=1_440, before=1_080, settle=1_600, levels=BUSY,
        ticket=("slo-ingest-timely-slow",),
        speaks=(*TIMELY, "event-handler-errors", "ingest-failures", "table-write-throttle"),
    ),
    Scenario(
        name="credential attack (30 a minute)", changes={"attacks_per_minute": 30.0}, levels=(AN_HOUR, A_MINUTE),
        ticket=("api-auth-spike",), speaks=("api-4xx",),
    ),
    Scenario(
        name="a client asks for nonsense (20 %)", changes={"client_errors": 0.2}, levels=(A_SECOND,),
        ticket=("api-4xx",),
    ),
    Scenario(
        name="twice the usual requests", changes={"requests": 2.0}, levels=(A_SECOND,), ticket=("api-near-limit",),
    ),
    Scenario(
        name="sixty times the usual events", changes={"arrivals": 60.0}, levels=(A_SECOND,), minutes=30,
        page=("ingest-unhealthy", PROBE), speaks=(*TIMELY, "consumer-concurrency"),
    ),
    Scenario(
        # More than a day before the fault, because the alarm warms up.
        name="producer dead", changes={"arrivals": 0.0}, before=1_560, levels=BUSY, ticket=("queue-silent",),
    ),
    Scenario(
        name="token endpoint does not answer", changes={"token_endpoint_answers": False}, page=(PROBE,),
    ),
    Scenario(
        name="probe does not run", changes={"probe_runs": False}, levels=(AN_HOUR, A_SECOND), page=(PROBE,),
    ),
    Scenario(
        name="metrics unreadable", changes={"metrics_broken": True}, levels=(A_MINUTE,), ticket=("emf-broken",),
    ),
    Scenario(
        name="pages not delivered", changes={"deliveries_failing": "alerts-p1"}, levels=(A_MINUTE,),
        ticket=("alerts-undelivered", "alerts-undelivered-p2"),
    ),
    Scenario(
        name="tickets not delivered", changes={"deliveries_failing": "alerts-p2"}, levels=(A_MINUTE,),
        ticket=("alerts-undelivered", "alerts-undelivered-p2"),
    ),
    Scenario(
        name="dead letters neglected", changes={"invalid": 0.015, "dead_letters_handled": False},
        minutes=7 * 1_440, levels=(AN_HOUR,),
        ticket=("dlq-neglected",), page=("dlq-expiring",), speaks=("dlq-not-empty", "ingest-invalid"),
        late={AN_HOUR: "no message is lost for days; the alarm pages when half of the shortest life of a dead letter is"
              " over"},
    ),
)  # fmt: skip


def scenario_named(name: str) -> Scenario:
    """The scenario of that name."""
    return next(scenario for scenario in SCENARIOS if scenario.name == name)
