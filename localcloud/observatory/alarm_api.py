"""The operations on alarms, over our own copy of them."""

import json
import re
from collections.abc import Callable, Mapping
from graphlib import CycleError
from typing import Any

from localcloud.cloudwatch.alarms import Alarm, CompositeAlarm
from localcloud.cloudwatch.states import State
from localcloud.observatory.alarm_parameters import read_composite_alarm, read_metric_alarm
from localcloud.observatory.alarms import Alarms, HistoryItem, StoredAlarm
from localcloud.observatory.parameters import page_token, reject_unknown, strings
from localcloud.observatory.requests import ApiError, epoch, invalid

_DESCRIBE = {"AlarmNames", "AlarmNamePrefix", "AlarmTypes", "StateValue", "ActionPrefix", "MaxRecords", "NextToken"}
_RELATIVES = ("ChildrenOfAlarmName", "ParentsOfAlarmName")
_NAMES_MAX = 100
_HISTORY = {"AlarmName", "AlarmTypes", "HistoryItemType", "StartDate", "EndDate", "MaxRecords", "NextToken", "ScanBy"}
_TYPES = ("MetricAlarm", "CompositeAlarm")


class AlarmApi:
    """The operations on alarms, by name; each takes the parameters and returns the result, or raises ApiError."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms
        self.operations = {
            "DescribeAlarms": self.describe_alarms,
            "DescribeAlarmsForMetric": self.describe_alarms_for_metric,
            "DescribeAlarmHistory": self.describe_alarm_history,
            "SetAlarmState": self.set_alarm_state,
            "EnableAlarmActions": lambda parameters: self._enable(parameters, enabled=True),
            "DisableAlarmActions": lambda parameters: self._enable(parameters, enabled=False),
        }

    def read(self, operation: str, parameters: dict[str, Any]) -> Alarm | None:
        """The alarm that a put describes, before the emulator checks and stores its tags; None for other operations."""
        if operation == "PutMetricAlarm":
            return read_metric_alarm(parameters)
        if operation != "PutCompositeAlarm":
            return None
        alarm = read_composite_alarm(parameters)
        if isinstance(alarm, CompositeAlarm):
            absent = [name for name in alarm.depends_on if self._alarms.get(name) is None and name != alarm.name]
            if absent:
                raise ApiError("ValidationError", f"Could not save the alarm: {', '.join(absent)} does not exist.")
        return alarm

    def put(self, alarm: Alarm, parameters: dict[str, Any], arn: str) -> None:
        """Store an alarm that was read."""
        kept = {name: value for name, value in parameters.items() if name != "Tags" and value is not None}
        try:
            self._alarms.put(alarm, kept, arn)
        except CycleError:
            raise ApiError("ValidationError", f"Alarm {alarm.name} depends on itself.") from None

    def check_delete(self, parameters: Mapping[str, Any]) -> list[str]:
        """The names of alarms to delete; ApiError if a composite alarm needs one of them."""
        reject_unknown(parameters, {"AlarmNames"})
        names = strings(parameters, "AlarmNames")
        for name in names:
            if needed := sorted(set(self._alarms.dependents(name)) - set(names)):
                raise ApiError("ValidationError", f"Cannot delete {name}: {', '.join(needed)} depends on it.")
        return names

    def delete(self, names: list[str]) -> None:
        """Delete alarms."""
        self._alarms.delete(names)

    def describe_alarms(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Alarms with everything that was put, and their states; of the relatives of an alarm only what AWS returns."""
        reject_unknown(parameters, _DESCRIBE | set(_RELATIVES))
        for relation in _RELATIVES:
            if parameters.get(relation) is not None:
                return self._relatives(relation, parameters)
        names, kinds = strings(parameters, "AlarmNames"), strings(parameters, "AlarmTypes") or ["MetricAlarm"]
        if not set(kinds) <= set(_TYPES):
            raise invalid("AlarmTypes must be MetricAlarm or CompositeAlarm.")
        prefix, state = (parameters.get(name) for name in ("AlarmNamePrefix", "StateValue"))
        action = parameters.get("ActionPrefix")
        if len(names) > _NAMES_MAX:
            raise ApiError("ValidationError", f"AlarmNames has {len(names)} names; at most {_NAMES_MAX} are allowed.")
        if names and prefix is not None:
            raise ApiError(
                "ValidationError", "AlarmNames and AlarmNamePrefix cannot be used together. Omit one of them."
            )
        if state is not None and state not in tuple(State):
            raise ApiError("ValidationError", f"StateValue is {state!r}; it must be {', '.join(State)}.")
        found = [
            stored
            for stored in self._alarms.all()
            if (not names or stored.alarm.name in names)
            and _kind(stored) in kinds
            and stored.alarm.name.startswith(str(prefix or ""))
            and state in (None, self._alarms.state(stored.alarm.name))
            and (action is None or any(topic.startswith(str(action)) for topic in _topics(stored)))
        ]
        return _page(found, parameters, self._described)

    def _relatives(self, relation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The alarms that a composite alarm reads, or the composite alarms that read an alarm."""
        given = {name for name, value in parameters.items() if value is not None}
        if more := sorted(given - {relation, "MaxRecords", "NextToken"}):
            raise ApiError(
                "ValidationError", f"{relation} cannot be used with {', '.join(more)}. Filter the response instead."
            )
        name, is_child = str(parameters[relation]), relation == "ChildrenOfAlarmName"
        related = self._alarms.dependents(name)
        if is_child:
            alarm = found.alarm if (found := self._alarms.get(name)) else None
            related = list(alarm.rule.alarms) if isinstance(alarm, CompositeAlarm) else []
        returned = ("AlarmName", "AlarmArn", *(("StateValue", "StateUpdatedTimestamp") if is_child else ()))

        def described(stored: StoredAlarm) -> dict[str, Any]:
            return {field: value for field, value in self._described(stored).items() if field in returned}

        return _page([stored for stored in self._alarms.all() if stored.alarm.name in related], parameters, described)

    def describe_alarms_for_metric(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The alarms on one metric, without those on expressions, as on AWS."""
        reject_unknown(parameters, {"Namespace", "MetricName", "Dimensions"})

        def key(found: Mapping[str, Any]) -> tuple[Any, ...]:
            dimensions = found.get("Dimensions") or []
            return found.get("Namespace"), found.get("MetricName"), sorted((d["Name"], d["Value"]) for d in dimensions)

        wanted = key(parameters)
        return {
            "MetricAlarms": [
                self._described(stored)
                for stored in self._alarms.all()
                if _kind(stored) == "MetricAlarm" and key(stored.parameters) == wanted
            ]
        }

    def describe_alarm_history(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What happened to alarms, newest first unless asked otherwise."""
        reject_unknown(parameters, _HISTORY)
        name, item = parameters.get("AlarmName"), parameters.get("HistoryItemType")
        kinds = strings(parameters, "AlarmTypes") or ["MetricAlarm"]
        start, end = (
            None if parameters.get(bound) is None else epoch(parameters[bound], bound)
            for bound in ("StartDate", "EndDate")
        )
        found = [
            entry
            for entry in list(self._alarms.history)
            if name in (None, entry.alarm)
            and (name is not None or ("CompositeAlarm" if entry.is_composite else "MetricAlarm") in kinds)
            and item in (None, entry.kind)
            and (start is None or entry.at >= start)
            and (end is None or entry.at <= end)
        ]
        if parameters.get("ScanBy") != "TimestampAscending":
            found.reverse()
        at, most = page_token(parameters), _most(parameters)
        items = [_history_item(entry) for entry in found[at : at + most]]
        return {"AlarmHistoryItems": items} | ({"NextToken": str(at + most)} if len(found) > at + most else {})

    def set_alarm_state(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Change the state of an alarm until its next evaluation."""
        reject_unknown(parameters, {"AlarmName", "StateValue", "StateReason", "StateReasonData"})
        name, reason = parameters.get("AlarmName"), parameters.get("StateReason")
        if not isinstance(name, str) or self._alarms.get(name) is None:
            raise ApiError("ResourceNotFound", f"There is no alarm {name}.", 404)
        if parameters.get("StateValue") not in tuple(State) or not isinstance(reason, str):
            raise invalid("SetAlarmState needs a StateReason, and OK, ALARM or INSUFFICIENT_DATA as StateValue.")
        data = str(parameters.get("StateReasonData") or "")
        self._alarms.set_state(name, State(parameters["StateValue"]), reason, data)
        return {}

    def _enable(self, parameters: Mapping[str, Any], *, enabled: bool) -> dict[str, Any]:
        reject_unknown(parameters, {"AlarmNames"})

        def read(changed: dict[str, Any]) -> Alarm:
            return read_composite_alarm(changed) if "AlarmRule" in changed else read_metric_alarm(changed)

        self._alarms.enable_actions(strings(parameters, "AlarmNames"), enabled=enabled, read=read)
        return {}

    def _described(self, stored: StoredAlarm) -> dict[str, Any]:
        defaults: dict[str, Any] = {"ActionsEnabled": True, "OKActions": [], "AlarmActions": []}
        defaults |= {"InsufficientDataActions": []}
        if _kind(stored) == "MetricAlarm":
            defaults["Dimensions"] = []
        described = defaults | stored.parameters
        if "Metrics" in described:
            described.pop("Dimensions")
            described["Metrics"] = [{"ReturnData": True} | query for query in described["Metrics"]]
        return described | {
            "AlarmArn": stored.arn,
            "AlarmConfigurationUpdatedTimestamp": stored.configured_at,
            "StateValue": self._alarms.state(stored.alarm.name),
            "StateReason": stored.reason,
            **({"StateReasonData": stored.reason_data} if stored.reason_data else {}),
            "StateUpdatedTimestamp": stored.state_updated_at,
            "StateTransitionedTimestamp": stored.transitioned_at,
        }


def _page(
    found: list[StoredAlarm], parameters: Mapping[str, Any], describe: Callable[[StoredAlarm], dict[str, Any]]
) -> dict[str, Any]:
    at, most = page_token(parameters), _most(parameters)
    page = found[at : at + most]
    result: dict[str, Any] = {
        f"{kind}s": [describe(stored) for stored in page if _kind(stored) == kind] for kind in _TYPES
    }
    return result | ({"NextToken": str(at + most)} if len(found) > at + most else {})


def _kind(stored: StoredAlarm) -> str:
    return "CompositeAlarm" if isinstance(stored.alarm, CompositeAlarm) else "MetricAlarm"


def _topics(stored: StoredAlarm) -> list[str]:
    names = ("AlarmActions", "OKActions", "InsufficientDataActions")
    return [topic for name in names for topic in stored.parameters.get(name) or ()]


def _most(parameters: Mapping[str, Any]) -> int:
    found = parameters.get("MaxRecords") or 50
    if isinstance(found, bool) or not re.fullmatch(r"[0-9]{1,3}", str(found)) or not 1 <= int(found) <= 100:
        raise ApiError("ValidationError", "MaxRecords must be a number from 1 to 100.")
    return int(found)


def _history_item(entry: HistoryItem) -> dict[str, Any]:
    return {
        "AlarmName": entry.alarm,
        "AlarmType": "CompositeAlarm" if entry.is_composite else "MetricAlarm",
        "Timestamp": entry.at,
        "HistoryItemType": entry.kind,
        "HistorySummary": entry.summary,
        "HistoryData": json.dumps(entry.data),
    }
