"""docs/settings.md is what the engine plans."""

from dataclasses import replace

from tests.engine.kept import lost
from tools.setting_plans import DOCUMENT, document, plans
from tools.terminal import Step, Terminal


def test_document_is_what_the_engine_plans(deployed: Terminal) -> None:
    planned = plans(deployed)
    assert DOCUMENT.read_text() == document(planned), "run: python -m tools.setting_plans"
    for setting, steps in planned.set.items():
        assert lost(steps) == [], setting
    # Who takes an API client or the probe out wants it deleted, and the probe has a client of its own.
    assert [setting for setting, steps in planned.taken_back.items() if lost(steps)] == ["apiClients", "probe"]
    wrong = planned.set | {"owner": [Step("replace", "aws:dynamodb/table:Table", "user-services-table")]}
    assert document(replace(planned, set=wrong)) != document(planned), "the control"
    assert lost(wrong["owner"]), "the control"
