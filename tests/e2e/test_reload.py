"""A saved edit of the handlers runs in the deployed stack; one that does not start leaves everything as it was."""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import requests

from handlers.vocabulary import LIVE_ALIAS
from localcloud.observatory.paths import CODE
from localcloud.reload import edits
from localcloud.reload.reloader import Notice
from tests.e2e.conftest import ROOT, Operator, Stack, event
from tests.fakes.waiting import HANG_SECONDS, eventually

ROLES = ("event-handler", "query")
KEPT = 1
"""Besides this many, what can be gone back to is kept."""


class Desk:
    """A working tree whose handlers are edited, and what was said of each edit."""

    def __init__(self, stack: Stack, project: Path) -> None:
        self.stack, self.project, self.notices = stack, project, list[Notice]()
        self._shown: list[str] = []

    def file(self, name: str) -> Path:
        return self.project / "handlers" / name

    def save(self, name: str, change: Callable[[str], str]) -> None:
        """Save what the real file would be after the change, as editors do: by a rename."""
        new = self.project / "new"
        new.write_text(change((ROOT / "handlers" / name).read_text()))
        new.replace(self.file(name))

    def hear(self, notice: Notice) -> None:
        self._shown.append(self.console()["sentence"])
        self.notices.append(notice)

    def told(self, act: Callable[[], object]) -> Notice:
        """Return the only notice that follows an act, which the console shows before it is told here."""
        before = len(self.notices)
        act()
        [notice] = eventually(lambda: self.notices[before:])
        assert self._shown[-1] == notice.sentence
        return notice

    def live(self) -> dict[str, int]:
        client, names = self.stack.client("lambda"), self.stack.outputs["functions"]
        return {
            role: int(client.get_alias(FunctionName=names[role], Name=LIVE_ALIAS)["FunctionVersion"]) for role in ROLES
        }

    def variables(self, role: str) -> dict[str, str]:
        """Return the environment of the version that is live."""
        name = self.stack.outputs["functions"][role]
        live = self.stack.client("lambda").get_function_configuration(FunctionName=name, Qualifier=LIVE_ALIAS)
        return live["Environment"]["Variables"]

    def console(self) -> dict[str, Any]:
        """Return what the console shows of the code."""
        return requests.get(f"{self.stack.outputs['endpoint']}/_console/state", timeout=HANG_SECONDS).json()["code"]


@contextmanager
def watched(stack: Stack, folder: Path, **outputs: Any) -> Iterator[Desk]:
    """A working tree of this stack that is watched, with these outputs of the stack; what was edited is undone."""
    desk = Desk(stack, folder)
    (folder / "components").mkdir()
    shutil.copytree(ROOT / "handlers", folder / "handlers", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".build").symlink_to(ROOT / ".build")
    with patch.dict(stack.outputs, outputs):
        reloader = stack.cloud.reloading(folder, desk.hear)
    with reloader:
        yield desk


@pytest.fixture(scope="module")
def desk(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with watched(stack, tmp_path_factory.mktemp("desk"), versionsKept=KEPT) as desk:
        deployed = desk.variables("query")
        yield desk
        for name in ("query.py", "event_handler.py", "store.py"):
            desk.save(name, lambda text: text)
        eventually(
            lambda: {role: desk.variables(role)["VERSION"] for role in ROLES}.values(),
            lambda found: set(found) == {deployed["VERSION"]},
        )
        assert desk.variables("query")["RELEASE"] == deployed["RELEASE"], "the code of the deployment is its release"


def marked(mark: str) -> Callable[[str], str]:
    """An edit that every answer of the query function shows, and every start of any function logs."""
    return lambda text: (
        text.replace('"user_id": stored.record.user_id,', f'"user_id": "{mark}",') + f"\nprint('{mark}')\n"
    )


def test_saved_edit_runs_in_both_functions_with_queue_and_table_kept(
    desk: Desk, stack: Stack, token: str, user: str, operator: Operator
):
    stack.send(event(user, "mail", "2024-01-01T00:00:00Z"))
    eventually(lambda: stack.record(user))
    before, variables = desk.live(), desk.variables("query")
    notice = desk.told(lambda: desk.save("query.py", marked("edited-once")))
    assert notice.ok
    assert notice.sentence.startswith("handlers/query.py: loaded as event-handler version "), notice
    after = desk.live()
    assert all(after[role] > before[role] for role in ROLES)
    answered = stack.query(user, token).json()
    assert answered["user_id"] == "edited-once"
    assert [service["service_id"] for service in answered["services"]] == ["mail"]
    new = desk.variables("query")
    assert new["VERSION"] in notice.sentence
    assert {
        role: (desk.variables(role)["VERSION"], desk.variables(role)["RELEASE"]) for role in ROLES
    } == dict.fromkeys(ROLES, (new["VERSION"], new["RELEASE"]))
    assert new["RELEASE"] != variables["RELEASE"]
    assert new.keys() == variables.keys()
    assert stack.query("u" * 1000, token).status_code == 400
    assert eventually(lambda: [line for line in stack.log_lines("query") if new["VERSION"] in line]), "as logged"
    assert f"Release {new['RELEASE']} is live." in operator.run("versions").output
    assert desk.console()["sentence"] == notice.sentence


def test_broken_edit_keeps_the_code_before_and_mending_is_said(desk: Desk, stack: Stack, token: str, user: str):
    desk.told(lambda: desk.save("query.py", marked("before-breaking")))
    live = desk.live()
    broken = {"\ndef (:\n": "SyntaxError: invalid syntax", "\nimport absent\n": "No module named 'absent'"}
    for text, error in broken.items():
        notice = desk.told(lambda text=text: desk.save("query.py", lambda before: before + text))
        assert (notice.ok, notice.sentence) == (
            False,
            "handlers/query.py: not loaded; the code before it keeps running.",
        )
        assert notice.details[0].startswith("handlers/query.py:")
        assert error in notice.details[0]
        assert desk.live() == live
        assert stack.query(user, token).json()["user_id"] == "before-breaking"
        assert (desk.console()["ok"], desk.console()["details"]) == (False, list(notice.details))
    same = desk.told(lambda: desk.save("query.py", marked("before-breaking")))
    assert same.sentence.startswith("Fixed. handlers/query.py: nothing to load, VERSION ")
    assert (same.ok, desk.console()["ok"], desk.live()) == (True, True, live)


def test_control_edit_that_is_not_checked_breaks_the_function_and_is_mended(
    desk: Desk, stack: Stack, token: str, user: str
):
    with patch.object(edits, "find_problems", lambda *_, **__: []):
        desk.told(lambda: desk.save("query.py", lambda text: f"{text}\nimport absent\n"))
    assert stack.query(user, token).status_code == 502
    desk.told(lambda: desk.save("query.py", lambda text: f"{text}\ndef (:\n"))
    mended = desk.told(lambda: desk.save("query.py", marked("mended")))
    assert mended.sentence.startswith("Fixed. handlers/query.py: loaded as ")
    assert stack.query(user, token).json()["user_id"] == "mended"


def test_several_files_are_one_edit_and_what_does_not_ship_is_none(desk: Desk):
    before, told = desk.live(), len(desk.notices)
    desk.file("query.py").touch()
    desk.file("query.py").write_bytes(desk.file("query.py").read_bytes())
    desk.file("query.py~").write_text("def (:\n")
    desk.file(".query.py.swp").write_text("def (:\n")
    names = ("event_handler.py", "query.py", "store.py")
    notice = desk.told(lambda: [desk.save(name, marked("several")) for name in names])
    assert notice.sentence.startswith("handlers/event_handler.py and 2 more: loaded")
    assert len(desk.notices) == told + 1
    assert desk.live() == {role: number + 1 for role, number in before.items()}


def test_no_event_is_lost_and_no_request_fails_while_edits_land(desk: Desk, stack: Stack, token: str, user: str):
    stack.send(event(user, "asked", "2024-01-01T00:00:00Z"))
    eventually(lambda: stack.record(user))
    over, statuses, sent = threading.Event(), list[int](), list[str]()

    def request() -> None:
        while not over.wait(0.05):
            statuses.append(stack.query(user, token).status_code)

    def send() -> None:
        while not over.wait(0.1):
            sent.append(f"{user}-{len(sent)}")
            stack.send(event(sent[-1], "mail", "2024-01-01T00:00:00Z"))

    threads = [threading.Thread(target=act) for act in (request, send)]
    for thread in threads:
        thread.start()
    try:
        for name in ("query.py", "event_handler.py"):
            assert desk.told(lambda name=name: desk.save(name, marked("under traffic"))).ok
            answered, accepted = len(statuses), len(sent)
            eventually(lambda: len(statuses) > answered + 4 and len(sent) > accepted + 4)  # noqa: B023
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert set(statuses) == {200}
    eventually(stack.in_queue, lambda waiting: waiting == 0)
    assert [missing for missing in sent if not stack.record(missing)] == []


def test_versions_of_edits_are_pruned_but_none_of_the_deployment(desk: Desk, stack: Stack):
    client, name = stack.client("lambda"), stack.outputs["functions"]["query"]
    for number in range(3):
        desk.told(lambda number=number: desk.save("query.py", marked(f"kept {number}")))
    live = desk.live()["query"]
    found = {version["Version"] for version in client.list_versions_by_function(FunctionName=name)["Versions"]}
    assert {str(live), str(live - 1), "1"} <= found
    assert str(live - 2) not in found


def test_gradual_stack_leaves_the_aliases_to_the_operator(stack: Stack, tmp_path: Path):
    with watched(stack, tmp_path, release="gradual") as desk:
        before = desk.live()
        notice = desk.told(lambda: desk.save("query.py", marked("published")))
        assert "published as" in notice.sentence
        assert notice.sentence.endswith("To make it live: python -m ops release")
        assert desk.live() == before
        desk.told(lambda: desk.save("query.py", lambda text: text))


def test_alarm_of_a_canary_follows_the_version_of_an_edit(stack: Stack, tmp_path: Path):
    """`ops release --canary` accepts no alarm on an older version."""
    cloudwatch, name = stack.client("cloudwatch"), stack.outputs["functions"]["query"]
    dimensions = {"FunctionName": name, "Resource": f"{name}:{LIVE_ALIAS}", "ExecutedVersion": "1"}
    alarm: dict[str, Any] = {
        "AlarmName": f"{name}-canary",
        "Namespace": "AWS/Lambda",
        "MetricName": "Errors",
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    cloudwatch.put_metric_alarm(**alarm)
    try:
        with watched(stack, tmp_path, release="gradual") as desk:
            desk.told(lambda: desk.save("query.py", marked("alarmed")))
            [held] = cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"]])["MetricAlarms"]
            found = {dimension["Name"]: dimension["Value"] for dimension in held["Dimensions"]}
            numbers = [
                v["Version"] for v in stack.client("lambda").list_versions_by_function(FunctionName=name)["Versions"]
            ]
            assert found == dimensions | {"ExecutedVersion": numbers[-1]}
            assert numbers[-1] != "1"
            desk.told(lambda: desk.save("query.py", lambda text: text))
    finally:
        cloudwatch.delete_alarms(AlarmNames=[alarm["AlarmName"]])


def test_only_the_process_that_reloads_can_write_to_the_console(stack: Stack):
    told = requests.post(f"{stack.outputs['endpoint']}{CODE}", json={"ok": True}, timeout=HANG_SECONDS)
    assert told.status_code == 403
