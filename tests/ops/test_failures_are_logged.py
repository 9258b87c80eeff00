"""Whatever the setting `platformLogs`, each failure of a function leaves a line that operators find."""

import json

import pytest

from components.monitoring.platform_logs import PlatformLogs
from localcloud.observatory.filter_patterns import parse_pattern
from localcloud.observatory.platform_lines import Initialization, Level, platform_lines
from ops.logs import ERROR_PATTERN, Line
from tests.fakes.invocations import STARTED, invocation

FAILED_START = Initialization(started=STARTED, seconds=1, error_type="Runtime.ImportModuleError")
FAILURES = {
    "crash": {"status": "error", "error_type": "KeyError"},
    "timeout": {"status": "timeout"},
    "out of memory": {"status": "error", "error_type": "Runtime.OutOfMemory", "peak_mb": 256},
    "failed start": {"status": "error", "error_type": "Runtime.ImportModuleError", "initialization": FAILED_START},
}


def lines(setting: PlatformLogs, **changes: object) -> list[Line]:
    """Return what Lambda writes about an invocation."""
    written = platform_lines(invocation(**changes), Level.of(setting.system_log_level))
    return [Line.of("/p/s/f", {"message": line.text, "timestamp": line.at * 1000}) for line in written]


@pytest.mark.parametrize("setting", PlatformLogs)
@pytest.mark.parametrize("changes", FAILURES.values(), ids=FAILURES.keys())
def test_failure_has_a_line(setting: PlatformLogs, changes: dict[str, object]) -> None:
    matches = parse_pattern(ERROR_PATTERN)
    found = [line for line in lines(setting, **changes) if line.is_error and matches(json.loads(line.text))]
    assert found
    assert {line.error_code for line in found} == {changes.get("error_type", changes["status"])}


def test_success_has_lines_where_the_setting_says_so() -> None:
    assert lines(PlatformLogs.FAILURES) == []
    assert [line.is_error for line in lines(PlatformLogs.ALL)] == [False, False]
