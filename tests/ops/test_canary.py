"""The verdict on a canary: only the new version counts, and missing data never lets it go on."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.canary import AlarmFact, Facts, FunctionFacts, Limits, Verdict, decide
from tests.ops.published import ROLES

FIRST = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
BEFORE, AFTER = FIRST - timedelta(minutes=5), FIRST + timedelta(minutes=5)
FINE = AlarmFact(state="OK", since=BEFORE)
LIMITS = Limits(watch_seconds=600, least_invocations=20)
GOOD = FunctionFacts(invocations=100, errors=0, failures=0, old_failures=0, alarm=FINE)


def facts(elapsed: float = 600, health: AlarmFact | None = FINE, **changes: FunctionFacts) -> Facts:
    functions = {role: changes.get(role.replace("-", "_"), GOOD) for role in ROLES}
    return Facts(elapsed_seconds=elapsed, functions=functions, health=health, first_request=FIRST)


@pytest.mark.parametrize(
    ("found", "verdict", "reason"),
    [
        (facts(), Verdict.ON, "nothing failed in 10.0 minutes"),
        (facts(elapsed=599), Verdict.WAIT, "nothing failed so far"),
        (facts(query=replace(GOOD, invocations=19)), Verdict.WAIT, "got 19 of 20 requests"),
        (facts(elapsed=1800, query=replace(GOOD, invocations=0)), Verdict.STOP, "query got 0 of 20 requests"),
        (facts(query=replace(GOOD, alarm=AlarmFact(state="ALARM", since=AFTER))), Verdict.BACK, "is in ALARM"),
        (facts(query=replace(GOOD, errors=1)), Verdict.BACK, "1 of 100 invocations of the new version of query"),
        (facts(query=replace(GOOD, invocations=1000, errors=9)), Verdict.ON, ""),
        (facts(elapsed=15, event_handler=replace(GOOD, errors=1, invocations=1)), Verdict.BACK, "1 of 1 invocations"),
        (facts(event_handler=replace(GOOD, failures=3)), Verdict.BACK, "logged 3 failures, and the old one"),
        (facts(event_handler=replace(GOOD, failures=2)), Verdict.ON, ""),
        (facts(event_handler=replace(GOOD, failures=12, old_failures=108)), Verdict.ON, ""),
        (facts(event_handler=replace(GOOD, failures=37, old_failures=108)), Verdict.BACK, "37 failures"),
        (facts(event_handler=replace(GOOD, old_failures=1000)), Verdict.ON, ""),
        (facts(health=AlarmFact(state="ALARM", since=AFTER)), Verdict.BACK, "service-health came into alarm after"),
        (facts(health=AlarmFact(state="ALARM", since=BEFORE)), Verdict.ON, ""),
        (facts(health=None), Verdict.ON, ""),
        (facts(elapsed=15, query=replace(GOOD, alarm=None)), Verdict.STOP, "no alarm is on the new version of query"),
        (
            facts(elapsed=1800, query=replace(GOOD, alarm=AlarmFact(state="INSUFFICIENT_DATA", since=BEFORE))),
            Verdict.STOP,
            "the alarm on the new version of query has no data",
        ),
    ],
)
def test_verdict(found: Facts, verdict: Verdict, reason: str):
    decision = decide(found, LIMITS)
    assert decision.verdict is verdict
    assert reason in decision.reason


alarms = st.none() | st.builds(
    AlarmFact, state=st.sampled_from(["OK", "ALARM", "INSUFFICIENT_DATA"]), since=st.sampled_from([BEFORE, AFTER])
)
functions = st.builds(
    FunctionFacts,
    invocations=st.integers(0, 200),
    errors=st.integers(0, 5),
    failures=st.integers(0, 50),
    old_failures=st.integers(0, 500),
    alarm=alarms,
)
any_facts = st.builds(
    Facts,
    elapsed_seconds=st.integers(0, 2000),
    functions=st.fixed_dictionaries(dict.fromkeys(ROLES, functions)),
    health=alarms,
    first_request=st.none() | st.just(FIRST),
)


def is_safe(found: Facts) -> bool:
    """Whether a release may go on by the rules of the README, written a second time."""
    return found.elapsed_seconds >= 600 and all(
        part.alarm is not None
        and part.alarm.state == "OK"
        and part.invocations >= 20
        and part.errors < 0.01 * max(part.invocations, 1) + (part.errors == 0)
        for part in found.functions.values()
    )


@given(any_facts)
def test_nothing_goes_on_without_time_traffic_and_quiet_alarms(found: Facts):
    if decide(found, LIMITS).verdict is Verdict.ON:
        assert is_safe(found)


@given(any_facts, st.integers(0, 5000))
def test_failures_of_the_old_version_never_lead_back(found: Facts, more: int):
    worse = {role: replace(part, old_failures=part.old_failures + more) for role, part in found.functions.items()}
    if decide(found, LIMITS).verdict is not Verdict.BACK:
        assert decide(replace(found, functions=worse), LIMITS) == decide(found, LIMITS)


@given(any_facts, st.integers(1, 5))
def test_more_errors_never_lead_on(found: Facts, more: int):
    worse = {role: replace(part, errors=part.errors + more) for role, part in found.functions.items()}
    order = (Verdict.BACK, Verdict.STOP, Verdict.WAIT, Verdict.ON)
    first, then = (decide(each, LIMITS).verdict for each in (found, replace(found, functions=worse)))
    assert order.index(then) <= order.index(first)


def test_control_a_verdict_that_takes_missing_data_for_good_is_noticed():
    unsafe = [
        found
        for invocations, state, elapsed in product((0, 20), ("OK", "INSUFFICIENT_DATA"), (0, 600))
        if not is_safe(
            found := facts(
                elapsed=elapsed,
                query=replace(GOOD, invocations=invocations, alarm=AlarmFact(state=state, since=BEFORE)),
            )
        )
    ]
    assert len(unsafe) == 7
    assert Verdict.ON not in {decide(found, LIMITS).verdict for found in unsafe}
    careless = Limits(watch_seconds=0, least_invocations=0)
    assert Verdict.ON in {decide(found, careless).verdict for found in unsafe}
