"""Two stacks in an account share no event.

tests/graph shows that they share no name, test_attacks.py no token, and test_authorization.py no permission.
"""

from tests.e2e.conftest import Stack, event
from tests.fakes.waiting import eventually


def test_stacks_store_only_their_own_events(stack: Stack, neighbour: Stack, user: str):
    stack.send(event(user, "mail", "2024-03-01T00:00:00Z"))
    neighbour.send(event(user, "wiki", "2024-03-01T00:00:00Z"))
    for deployed, service in ((stack, "mail"), (neighbour, "wiki")):
        eventually(lambda deployed=deployed: deployed.record(user), bool)
        answer = deployed.query(user, deployed.token())
        assert [login["service_id"] for login in answer.json()["services"]] == [service]
    assert [login["service_id"] for login in stack.record(user)] == ["mail"], "still only its own"


def test_invalid_event_is_quarantined_in_its_own_stack(stack: Stack, neighbour: Stack):
    (message_id,) = neighbour.send("not even JSON")
    eventually(lambda: neighbour.dead_letter(message_id), bool)
    assert stack.dead_letter(message_id) is None
