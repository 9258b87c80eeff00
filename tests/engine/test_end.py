"""An interrupted `up` can be finished, and `destroy` leaves nothing."""

import os
import signal

from tests.engine.leftovers import leftovers
from tests.fakes.waiting import eventually
from tools.terminal import Terminal


def test_interrupted_up_is_finished_and_destroy_leaves_nothing(terminal: Terminal) -> None:
    assert leftovers(terminal.account) == {}
    with terminal.start("up", "--yes", "--skip-preview") as interrupted:
        tables = terminal.account.client("dynamodb")
        eventually(lambda: tables.list_tables()["TableNames"] or interrupted.poll() is not None, bool)
        os.kill(interrupted.pid, signal.SIGINT)
        interrupted.communicate()
    assert interrupted.returncode != 0, "it was interrupted before its end"
    begun = leftovers(terminal.account)
    assert begun["tables"]
    assert "APIs" not in begun or "alarms" not in begun
    changes = terminal.up()
    assert changes["create"] > 0
    assert terminal.plan() == []
    terminal.pulumi("destroy", "--yes", "--skip-preview")
    assert leftovers(terminal.account) == {}
