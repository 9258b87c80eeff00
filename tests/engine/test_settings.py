"""docs/settings.md is what the engine plans."""

from tests.engine.kept import lost
from tools.setting_plans import DOCUMENT, document, plans
from tools.terminal import Step, Terminal


def test_document_is_what_the_engine_plans(deployed: Terminal) -> None:
    planned = plans(deployed)
    assert DOCUMENT.read_text() == document(planned), "run: python -m tools.setting_plans"
    for setting, steps in planned.items():
        assert lost(steps) == [], setting
    wrong = planned | {"owner": [Step("replace", "aws:dynamodb/table:Table", "user-services-table")]}
    assert document(wrong) != document(planned), "the control"
    assert lost(wrong["owner"]), "the control"
