"""The journeys of messages that are kept: the newest, with what happened to them."""

from localcloud.observatory.journeys import MESSAGES_MAX, Handover, Journey, Journeys, Move, Outcome


def sent(number: int, copy_of: str | None = None) -> Journey:
    return Journey(message_id=f"m{number}", queue="events", sent_at=number, user_id=None, copy_of=copy_of)


def handover(outcome: Outcome) -> Handover:
    return Handover(
        at=1.0, seconds=0.1, function="f", version="1", request_id="r", batch_size=2, outcome=outcome, error=""
    )


def test_what_happened_is_kept_in_order_for_each_message_that_is_known():
    journeys = Journeys()
    journeys.sent(sent(1))
    returned, moved = handover(Outcome.RETURNED), Move(at=2.0, queue="dead-letters")
    journeys.happened(["m1", "unknown"], returned)
    journeys.happened(["m1"], moved)
    found = journeys.get("m1")
    assert found
    assert found.steps == [returned, moved]
    assert journeys.get("unknown") is None


def test_copy_and_original_lead_to_each_other():
    journeys = Journeys()
    journeys.sent(sent(1))
    journeys.sent(sent(2, copy_of="m1"))
    journeys.sent(sent(3, copy_of="forgotten"))
    original = journeys.get("m1")
    assert original
    assert original.copied_to == "m2"


def test_only_the_newest_messages_are_kept():
    journeys = Journeys()
    for number in range(MESSAGES_MAX + 2):
        journeys.sent(sent(number))
    assert journeys.get("m1") is None
    assert [journey.message_id for journey in journeys.newest(2)] == [f"m{MESSAGES_MAX + 1}", f"m{MESSAGES_MAX}"]
    assert len(journeys.newest(MESSAGES_MAX * 2)) == MESSAGES_MAX
