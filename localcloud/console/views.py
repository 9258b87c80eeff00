"""What the console shows, as JSON values: every text in them is data, and every markup is escaped here."""

import json
import re
import threading
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from localcloud.cloudwatch.alarms import CompositeAlarm
from localcloud.cloudwatch.states import State
from localcloud.console.http import HttpError
from localcloud.console.picture import Picture
from localcloud.console.runbook import Runbook
from localcloud.console.times import EPOCH, Range, write_time
from localcloud.observatory.alarms import HistoryItem, StoredAlarm
from localcloud.observatory.facts import CodeNotice
from localcloud.observatory.observatory import Observatory

CHANGES_MAX = 500
DRAWN_MAX = 20
ALARM_LINK, BOARD_LINK, RUNBOOK_LINK, LOG_LINK = "#/alarms/", "#/boards/", "#/runbook", "#/logs"
BUTTONS = {"Runbook": RUNBOOK_LINK, "Trace map": "#/traces", "Saved queries": LOG_LINK}
FIRST_BOARD = "-overview"
STATE_WORDS = {State.ALARM: "In alarm", State.OK: "OK", State.INSUFFICIENT_DATA: "Insufficient data"}
_TOPIC_SEVERITIES = ("p1", "p2", "p3")
_ACTION = re.compile(r"(Successfully|Failed to) executed? action arn:aws:sns:[^:]*:[^:]*:([^.\s]+)(.*)", re.DOTALL)


@dataclass(frozen=True)
class _Past:
    """The state of an alarm at a time, and the time of its last change before that, if there was one."""

    state: State
    since: float | None


class Views:
    """What is read from an observatory. Its methods may be called from any thread."""

    def __init__(self, observatory: Observatory, runbook: Runbook) -> None:
        self._observatory, self._runbook = observatory, runbook
        self._picture = Picture(observatory)
        self._drawing = threading.Lock()
        self._drawn: OrderedDict[tuple[object, ...], dict[str, Any]] = OrderedDict()

    def state(self, end: float) -> dict[str, Any]:
        """Every board, and every alarm with its state at that time."""
        past = self._past(end)
        return {
            "cloud": self._observatory.id,
            "version": self._observatory.feed.version,
            "now": write_time(self._observatory.clock.now()),
            "end": write_time(end),
            "boards": sorted(self._observatory.boards(), key=lambda name: (not name.endswith(FIRST_BOARD), name)),
            "code": _code(self._observatory.code),
            "alarms": [_summary(alarm, past[alarm.alarm.name]) for alarm in self._observatory.alarms.all()],
        }

    def board(self, name: str, shown: Range) -> dict[str, Any]:
        """A board over a range; HttpError if there is none of that name, or it cannot be drawn."""
        text = self._observatory.boards().get(name)
        if text is None:
            raise HttpError(HTTPStatus.NOT_FOUND, f"There is no board {name}.")
        with self._drawing:  # two consoles that show the same board draw it once
            key = (name, text, shown, self._observatory.feed.version)
            if key not in self._drawn:
                self._drawn[key] = self._draw(name, text, shown)
                while len(self._drawn) > DRAWN_MAX:
                    self._drawn.popitem(last=False)
            return self._drawn[key]

    def _draw(self, name: str, text: str, shown: Range) -> dict[str, Any]:
        from localcloud.boards.page import Snapshot, draw  # at the first look, like everything that draws
        from localcloud.observatory.log_tables import log_source

        past = self._past(shown.end * 60)
        snapshot = Snapshot(
            store=self._observatory.store,
            now=shown.end,
            epoch=EPOCH,
            # An alarm that a board names may not exist yet, or no longer.
            states=defaultdict(lambda: State.INSUFFICIENT_DATA, {name: found.state for name, found in past.items()}),
            since={name: int(found.since // 60) for name, found in past.items() if found.since is not None},
            links={board: BOARD_LINK + board for board in self._observatory.boards()},
            alarm_link=ALARM_LINK,
            buttons=BUTTONS,
            logs=log_source(self._observatory),
            log_link=LOG_LINK,
        )
        first = self._observatory.store.first_minute
        try:
            drawn = draw(json.loads(text) | {"start": f"-{shown.text}"}, snapshot)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            reason = f"a part has no {error}" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
            sentence = f"Board {name} cannot be drawn here: {reason}. The console draws what this program's boards use."
            raise HttpError(HTTPStatus.UNPROCESSABLE_ENTITY, sentence) from None
        return {
            "name": name,
            "end": write_time(shown.end * 60),
            "measuredSince": write_time(first * 60) if first is not None and first < shown.end else None,
            "markup": drawn.markup,
            "rowHeights": drawn.row_heights,
            "figures": drawn.figures,
        }

    def alarm(self, name: str, end: float) -> dict[str, Any]:
        """An alarm with its history, the boards that show it, and its section of the runbook."""
        found = self._observatory.alarms.get(name)
        if found is None:
            raise HttpError(HTTPStatus.NOT_FOUND, f"There is no alarm {name}.")
        changes = [_change(item) for item in self._happened(end) if item.alarm == name]
        alarms = {alarm.alarm.name for alarm in self._observatory.alarms.all()}
        past = self._past(end)
        parts = found.alarm.rule.alarms if isinstance(found.alarm, CompositeAlarm) else ()
        return _summary(found, past[name]) | {
            "reason": found.reason,
            "description": found.parameters.get("AlarmDescription") or "",
            "parts": [{"name": part, "state": past[part].state} for part in parts if part in past],
            "partOf": [
                {"name": whole, "state": past[whole].state} for whole in self._observatory.alarms.dependents(name)
            ],
            "boards": [
                board for board, text in sorted(self._observatory.boards().items()) if f':alarm:{name}"' in text
            ],
            "about": self._picture.about(self._leaves(name), end),
            "history": changes[-CHANGES_MAX:][::-1],
            "runbook": self._runbook.section_of(name, alarms, ALARM_LINK, RUNBOOK_LINK),
        }

    def _leaves(self, name: str) -> set[str]:
        """The alarms on metrics that decide about an alarm; of an alarm on metrics, itself."""
        found, wanted = set[str](), [name]
        for part in wanted:  # which grows
            stored = self._observatory.alarms.get(part)
            if stored and isinstance(stored.alarm, CompositeAlarm):
                wanted += [name for name in stored.alarm.rule.alarms if name not in wanted]
            else:
                found.add(part)
        return found

    def picture(self, end: float) -> dict[str, Any]:
        """The parts of the system, what flows between them, and the alarms about each that fire."""
        return self._picture.whole(end, {name: found.state for name, found in self._past(end).items()})

    def part(self, name: str, end: float) -> dict[str, Any]:
        """Everything about a part of the system; HttpError if there is no such part."""
        past, part = self._past(end), self._picture.part(name, end)
        about = [found for found in self._observatory.alarms.all() if found.alarm.name in part["alarms"]]
        return part | {"alarms": [_summary(found, past[found.alarm.name]) for found in about]}

    def runbook(self) -> dict[str, Any]:
        """What the runbook says about every alarm, and which alarms have a section."""
        names = [found.alarm.name for found in self._observatory.alarms.all()]
        return {"top": self._runbook.top, "alarms": [name for name in names if self._runbook.heading_of(name)]}

    def changes(self, since: float, end: float) -> dict[str, Any]:
        """What happened to alarms after one time and up to another, the newest first."""
        found = [
            _change(item) for item in self._happened(end) if item.at > since and item.kind != "ConfigurationUpdate"
        ]
        return {
            "since": write_time(since),
            "end": write_time(end),
            "count": len(found),
            "changes": found[-CHANGES_MAX:][::-1],
        }

    def mute(self, name: str, *, muted: bool) -> None:
        """Let an alarm take its actions, or not."""
        if self._observatory.alarms.get(name) is None:
            raise HttpError(HTTPStatus.NOT_FOUND, f"There is no alarm {name}.")
        operation = "DisableAlarmActions" if muted else "EnableAlarmActions"
        self._observatory.alarm_api.operations[operation]({"AlarmNames": [name]})

    def _happened(self, end: float) -> list[HistoryItem]:
        return [item for item in self._observatory.alarms.happened() if item.at <= end]

    def _past(self, end: float) -> Mapping[str, _Past]:
        """Every alarm at a time: its state now, without the changes since."""
        alarms = self._observatory.alarms
        states = {alarm.alarm.name: alarms.state(alarm.alarm.name) for alarm in alarms.all()}
        since: dict[str, float] = {}
        for item in reversed(alarms.happened()):
            if item.kind != "StateUpdate" or item.alarm not in states:
                continue
            if item.at > end:
                states[item.alarm] = State(item.data["oldState"]["stateValue"])
            else:
                since.setdefault(item.alarm, item.at)
        return {name: _Past(state, since.get(name)) for name, state in states.items()}


def _code(notice: CodeNotice | None) -> dict[str, Any] | None:
    if notice is None:
        return None
    return {
        "at": write_time(notice.at),
        "ok": notice.ok,
        "sentence": notice.sentence,
        "details": list(notice.details),
    }


def _summary(found: StoredAlarm, past: _Past) -> dict[str, Any]:
    return {
        "name": found.alarm.name,
        "state": past.state,
        "since": write_time(past.since) if past.since is not None else None,
        "severity": _severity(found),
        "muted": not found.alarm.actions.enabled,
        "counts": found.counts,
        "composite": isinstance(found.alarm, CompositeAlarm),
    }


def _severity(found: StoredAlarm) -> str | None:
    """By the topic that the alarm notifies, as the operator's commands tell it."""
    endings = {topic.rpartition("-")[2] for topic in found.alarm.actions.by_state.get(State.ALARM, ())}
    return next((severity.upper() for severity in _TOPIC_SEVERITIES if severity in endings), None)


def _change(item: HistoryItem) -> dict[str, Any]:
    old, new = (
        State(item.data[name]["stateValue"]) if item.kind == "StateUpdate" else None
        for name in ("oldState", "newState")
    )
    return {
        "at": write_time(item.at),
        "alarm": item.alarm,
        "kind": item.kind,
        # In the words of the page, and in those of CloudWatch.
        "text": f"{STATE_WORDS[old]} → {STATE_WORDS[new]}" if old and new else _action_in_words(item),
        "summary": item.summary,
        "state": new,
        "isFirst": (old, new) == (State.INSUFFICIENT_DATA, State.OK),
    }


def _action_in_words(item: HistoryItem) -> str:
    found = _ACTION.match(item.summary)
    if not found:
        return item.summary
    return f"{'Notified' if found[1] == 'Successfully' else 'Could not notify'} {found[2]}{found[3]}"
