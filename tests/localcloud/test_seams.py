"""Another version of ministack is noticed when the emulator starts, not during a deployment."""

import subprocess
import sys

import pytest

MAKE_APP = """
from localcloud.emulator import authorization_seams, seams
authorization_seams.authorize_as_aws()
seams.make_app()
"""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("", ""),
        ("import ministack.app; ministack.app.app = lambda scope: None", "ministack.app.app takes ('scope',)"),
        (
            "from ministack.core import iam_actions; del iam_actions.extract_iam_action",
            "ministack.core.iam_actions.extract_iam_action takes None",
        ),
    ],
)
def test_changed_seam_is_reported_by_name(change: str, complaint: str):
    program = f"{change}\n{MAKE_APP}"
    # In a process of its own: importing ministack changes the process it is imported into.
    started = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (started.returncode, complaint in started.stderr) == (int(bool(complaint)), True), started.stderr
