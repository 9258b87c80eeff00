"""How long `ops smoke --page` waits for CloudWatch and SNS, and what it makes of what they say. The rest is e2e."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from ops import smoke_page
from ops.errors import OperatorError
from ops.health.commands import Commands
from ops.health.topics import Topic
from ops.pager_alarms import Action, Deliveries, PagerAlarms
from tests.fakes.outputs import PREFIX

AT = datetime(2026, 1, 31, 3, 12, 7, tzinfo=UTC)
ALL = Deliveries(published=2, delivered=2, failed=0)
NONE = Deliveries(published=0, delivered=0, failed=0)
DEADLINE_SECONDS = 360


class Alarms:
    """Alarms of which CloudWatch and SNS say what a test lets them say, by seconds since the beginning."""

    def __init__(self) -> None:
        self.now = 0.0
        self.names = {severity: f"{PREFIX}-pager-test-{severity}" for severity in ("p1", "p2")}
        self.notified_after: dict[str, float] = dict.fromkeys(self.names, 0)
        self.counted_after: dict[str, float] = dict.fromkeys(self.names, 0)
        self.counts = dict.fromkeys(self.names, ALL)
        self.errors = dict.fromkeys(self.names, "")
        self.sent = dict.fromkeys(self.names, 0)

    def fire(self) -> None:
        self.clear(self.names.values())

    def clear(self, names: Any) -> None:
        for name in names:
            self.sent[name[-2:]] += 1

    def actions(self, severity: str) -> list[Action]:
        is_notified = self.now >= self.notified_after[severity]
        return [Action(at=AT, error=self.errors[severity])] * (self.sent[severity] if is_notified else 0)

    def deliveries(self, fired: Mapping[str, datetime]) -> dict[str, Deliveries]:
        assert set(fired.values()) == {AT}
        return {name: self.counts[name] if self.now >= self.counted_after[name] else NONE for name in fired}


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> Alarms:
    alarms = Alarms()

    def sleep(seconds: float) -> None:
        assert seconds > 0
        alarms.now += seconds

    @contextmanager
    def made(*_: object) -> Iterator[Alarms]:
        yield alarms

    topics = tuple(Topic(severity=name, confirmed=("https",), unconfirmed=()) for name in alarms.names)
    monkeypatch.setattr(smoke_page, "time", SimpleNamespace(monotonic=lambda: alarms.now, sleep=sleep))
    monkeypatch.setattr(smoke_page, "read_topics", lambda _: topics)
    monkeypatch.setattr(smoke_page, "pager_alarms", made)
    return alarms


def prove() -> list[str]:
    """Return the steps that passed."""
    reports: list[str] = []
    smoke_page.prove_pager(
        None,  # pyrefly: ignore[bad-argument-type]
        DEADLINE_SECONDS,
        report=reports.append,
        wait=lambda _: None,
        warn=pytest.fail,
        commands=Commands(region="eu-west-1", stack="dev"),
    )
    return reports


def test_late_history_and_metrics_are_waited_for(alarms: Alarms) -> None:
    alarms.notified_after["p2"], alarms.counted_after["p1"] = 20, 200
    assert prove() == [
        "CloudWatch may notify, by the policies of topic and key: P1, P2",
        "SNS delivered to every subscriber of P2: https",
        "SNS delivered to every subscriber of P1: https",
    ]
    assert 200 <= alarms.now < 210


def test_history_without_a_notification_fails_after_the_deadline(alarms: Alarms) -> None:
    alarms.notified_after["p2"] = float("inf")
    with pytest.raises(OperatorError, match=f"^P2: After 360 s the history of {PREFIX}-pager-test-p2 has no notifica"):
        prove()
    assert alarms.now == DEADLINE_SECONDS


def test_rejections_for_the_same_reason_are_one_sentence(alarms: Alarms) -> None:
    alarms.errors = dict.fromkeys(alarms.names, "No.")
    with pytest.raises(OperatorError) as error:
        prove()
    assert str(error.value) == (
        "P1, P2: CloudWatch could not notify the topic: No. No such alarm notifies anybody, and no metric counts it. "
        "If the policy of the topic or of its key was changed by hand, this restores both: pulumi up --refresh --yes "
        "--stack dev"
    )
    assert set(alarms.sent.values()) == {1}  # nothing to be over


@pytest.mark.parametrize(
    ("counts", "seconds", "told"),
    [
        (NONE, 360, "360 s are over. SNS has counted 0 messages since 03:12 UTC, 0 delivered to https, 0 failed att"),
        (Deliveries(published=1, delivered=1, failed=0), 360, "360 s are over. SNS has counted 1 message since"),
        # One of three messages, which were not all of the test, was not delivered.
        (Deliveries(published=3, delivered=2, failed=0), 360, "360 s are over. SNS has counted 3 messages since"),
        (Deliveries(published=2, delivered=2, failed=1), 0, "SNS has counted 2 messages since 03:12 UTC, 2 delivered"),
    ],
)
def test_deliveries_that_are_not_complete_fail(alarms: Alarms, counts: Deliveries, seconds: float, told: str) -> None:
    alarms.counts["p1"] = counts
    with pytest.raises(OperatorError, match=f"^P1: {told}"):
        prove()
    assert alarms.now == seconds


def test_messages_of_other_alarms_count_too(alarms: Alarms) -> None:
    alarms.counts["p1"] = Deliveries(published=5, delivered=5, failed=0)
    assert len(prove()) == 3


@pytest.mark.parametrize(
    ("summary", "data", "error"),
    [
        ("Successfully executed action T", '{"actionState":"Succeeded"}', ""),
        ("Successfully executed action T", "not JSON", ""),
        ("Failed to execute action T", '{"actionState":"Failed","error":"No."}', "No."),
        (
            'Failed to execute action T. Received error: "No."',
            "{}",
            'Failed to execute action T. Received error: "No."',
        ),
        ("Something else", "not JSON", "Something else"),
    ],
)
def test_action_in_the_history_is_read(summary: str, data: str, error: str) -> None:
    item = {"Timestamp": AT, "HistorySummary": summary, "HistoryData": data}
    cloudwatch = SimpleNamespace(describe_alarm_history=lambda **_: {"AlarmHistoryItems": [item]})
    outputs: Any = SimpleNamespace(client=lambda _: cloudwatch, alarm_topics={"p1": "T"}, physical_prefix=PREFIX)
    alarms = PagerAlarms(outputs, ["p1"])
    alarms._before = {"p1": []}
    assert alarms.actions("p1") == [Action(at=AT, error=error)]
