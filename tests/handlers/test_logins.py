"""The laws of `merge`, with broken merges that violate them; and instants as text."""

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from handlers.logins import LoginEvent, ServiceRecord, UserRecord, format_instant, merge, parse_instant

Merge = Callable[[UserRecord, Sequence[LoginEvent]], UserRecord | None]

EMPTY = UserRecord(user_id="u")
NOON = datetime(2022, 8, 4, 12, tzinfo=UTC)

# Few values, so that collisions, equal instants and equal events are common.
events = st.builds(
    LoginEvent,
    user_id=st.just("u"),
    service_id=st.sampled_from("abc"),
    service_name=st.sampled_from(["Mail", "Post", "Wiki"]),
    occurred_at=st.integers(0, 3).map(lambda seconds: NOON + timedelta(seconds=seconds)),
)
batches = st.lists(st.lists(events, max_size=5), max_size=5)
properties = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no defect
    derandomize=True,
    database=None,
    report_multiple_bugs=False,
)


def fold(merging: Merge, record: UserRecord, deliveries: Sequence[Sequence[LoginEvent]]) -> UserRecord:
    for delivery in deliveries:
        record = merging(record, delivery) or record
    return record


def by_definition(delivered: Sequence[LoginEvent]) -> set[ServiceRecord]:
    """The newest login of each service, computed in the simplest way."""
    newest = {}
    for event in sorted(delivered, key=lambda event: (event.occurred_at, event.service_name)):
        newest[event.service_id] = ServiceRecord(
            service_id=event.service_id, service_name=event.service_name, last_accessed=event.occurred_at
        )
    return set(newest.values())


def is_idempotent(merging: Merge) -> None:
    @properties
    @given(st.lists(events, max_size=6))
    def law(delivered):
        once = fold(merging, EMPTY, [delivered])
        assert merging(once, delivered) is None
        assert merging(once, delivered[::-1] * 2) is None

    law()


def keeps_what_the_definition_keeps(merging: Merge) -> None:
    """Order and batches do not matter to the definition, so a merge that obeys it commutes and associates."""

    @properties
    @given(batches)
    def law(deliveries):
        services = fold(merging, EMPTY, deliveries).services
        assert set(services) == by_definition(list(itertools.chain.from_iterable(deliveries)))
        assert len(services) == len(set(services))

    law()


def is_newest_first(merging: Merge) -> None:
    @properties
    @given(st.lists(events, max_size=6))
    def law(delivered):
        services = fold(merging, EMPTY, [delivered]).services
        order = [(-service.last_accessed.timestamp(), service.service_id) for service in services]
        assert order == sorted(order)

    law()


def _merge_by(newer: Callable[[ServiceRecord, ServiceRecord], bool]) -> Merge:
    def merging(record, delivered):
        services = {service.service_id: service for service in record.services}
        for event in delivered:
            service = ServiceRecord(
                service_id=event.service_id, service_name=event.service_name, last_accessed=event.occurred_at
            )
            if event.service_id not in services or newer(service, services[event.service_id]):
                services[event.service_id] = service
        merged = UserRecord.of(record.user_id, services.values())
        return None if merged == record else merged

    return merging


arrival_wins = _merge_by(lambda new, old: True)
ties_by_first_seen = _merge_by(lambda new, old: new.last_accessed > old.last_accessed)
oldest_wins = _merge_by(lambda new, old: new.last_accessed < old.last_accessed)


def always_writes(record, delivered):
    return merge(record, delivered) or record


def appends(record, delivered):
    merged = merge(record, delivered)
    return merged and UserRecord(user_id=merged.user_id, services=record.services + merged.services)


def any_order(record, delivered):
    merged = merge(record, delivered)
    return merged and UserRecord(user_id=merged.user_id, services=tuple(reversed(merged.services)))


BROKEN = {
    keeps_what_the_definition_keeps: (arrival_wins, ties_by_first_seen, oldest_wins, appends),
    is_idempotent: (always_writes,),
    is_newest_first: (any_order,),
}


@pytest.mark.parametrize("law", BROKEN)
def test_merge_obeys(law):
    law(merge)


@pytest.mark.parametrize(("broken", "law"), [(broken, law) for law in BROKEN for broken in BROKEN[law]])
def test_control_broken_merge_violates_a_law(broken, law, monkeypatch):
    # That there is an example is enough; to find the smallest one takes seconds.
    monkeypatch.setitem(globals(), "properties", settings(properties, phases=[Phase.generate]))
    with pytest.raises(AssertionError):
        law(broken)


def test_merge_rejects_events_of_another_user():
    event = LoginEvent(user_id="other", service_id="a", service_name="A", occurred_at=NOON)
    with pytest.raises(ValueError, match="another"):
        merge(EMPTY, [event])


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("2022-08-04T08:50:39Z", "2022-08-04T08:50:39Z"),
        ("2022-08-04t08:50:39z", "2022-08-04T08:50:39Z"),
        ("2022-08-04 08:50:39Z", "2022-08-04T08:50:39Z"),
        ("2022-08-04T10:50:39+02:00", "2022-08-04T08:50:39Z"),
        ("2022-08-04T03:20:39-05:30", "2022-08-04T08:50:39Z"),
        ("2022-08-04T08:50:39-00:00", "2022-08-04T08:50:39Z"),
        ("2022-08-04T08:50:39.12Z", "2022-08-04T08:50:39.12Z"),
        ("2022-08-04T08:50:39.000Z", "2022-08-04T08:50:39Z"),
        ("2022-08-04T08:50:39.1234567899999Z", "2022-08-04T08:50:39.123456Z"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2017-01-01T01:59:60.5+02:00", "2017-01-01T00:00:00.5Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ],
)
def test_equal_instants_have_the_same_text(text, stored):
    assert format_instant(parse_instant(text)) == stored
    assert parse_instant(stored) == parse_instant(text)


NO_INSTANTS = [
    "", "now", "1659602999", "2022-08-04", "20220804T085039Z", "2022-W31-4T08:50:39Z",
    "2022-08-04T08:50:39", "2022-08-04T08:50Z", "2022-08-04T08:50:39,5Z", "2022-08-04T08:50:39.Z",
    "2022-08-04T08:50:39+0200", "2022-08-04T08:50:39+24:00", "2022-08-04T08:50:39+02:60",
    "2022-08-04T24:00:00Z", "2022-08-04T08:50:60Z", "2022-08-04T08:50:61Z", "9999-12-31T23:59:60Z",
    "2022-13-04T08:50:39Z", "2022-02-29T08:50:39Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01",
    " 2022-08-04T08:50:39Z", "2022-08-04T08:50:39Z\n", "٢٠٢٢-08-04T08:50:39Z",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_INSTANTS)
def test_text_that_is_no_rfc_3339_instant_is_rejected(text):
    with pytest.raises(ValueError):  # noqa: PT011 - the sentence for people is the caller's, and tested there
        parse_instant(text)


@properties
@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
def test_instant_survives_formatting_and_parsing(instant):
    if datetime(1, 1, 2, tzinfo=UTC) < instant < datetime(9999, 12, 30, tzinfo=UTC):
        # In UTC: in a repeated hour, Python compares a time as unequal to every time of another zone.
        assert parse_instant(format_instant(instant)) == instant.astimezone(UTC)
