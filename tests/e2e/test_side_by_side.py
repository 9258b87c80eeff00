"""Two stacks in one account share no event.

That they share no name is shown in tests/graph; no token, in test_attacks.py; no permission, in test_authorization.py.
"""

from tests.e2e.conftest import Stack, event
from tests.fakes.waiting import eventually


def test_both_tell_their_own_story(stack: Stack, neighbour: Stack, user: str):
    stack.send(event(user, "mail", "2024-03-01T00:00:00Z"))
    neighbour.send(event(user, "wiki", "2024-03-01T00:00:00Z"))
    for one, service in ((stack, "mail"), (neighbour, "wiki")):
        eventually(lambda one=one: one.record(user), bool)
        answer = one.query(user, one.token())
        assert [login["service_id"] for login in answer.json()["services"]] == [service]
    assert [login["service_id"] for login in stack.record(user)] == ["mail"], "and it stays that way"


def test_what_can_never_succeed_is_quarantined_in_the_stack_it_was_sent_to(stack: Stack, neighbour: Stack):
    (message_id,) = neighbour.send("not even JSON")
    eventually(lambda: neighbour.dead_letter(message_id), bool)
    assert stack.dead_letter(message_id) is None
