"""Why an alarm has its state, in the words of CloudWatch as far as a state alone can tell."""

from collections.abc import Mapping

from localcloud.cloudwatch.alarms import Alarm, MetricAlarm
from localcloud.cloudwatch.states import State

_WORDS = {
    "GreaterThanThreshold": "greater than",
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


def of(alarm: Alarm, arn: str, state: State, states: Mapping[str, State]) -> str:
    """The reason why the alarm has changed to `state`, given the states of all alarms."""
    if not isinstance(alarm, MetricAlarm):
        firing = [name for name in alarm.rule.alarms if states[name] is State.ALARM]
        because = f" because of {', '.join(firing)}" if state is State.ALARM and firing else ""
        return f"{arn} was updated and its alarm rule evaluates to {state}{because}"
    points = f"{alarm.datapoints} out of the last {alarm.periods} datapoints"
    threshold = f"{_WORDS[alarm.comparison]} the threshold ({alarm.threshold:g})"
    if state is State.ALARM:
        return f"Threshold Crossed: at least {points} were {threshold}"
    if state is State.OK:
        return f"Threshold no longer crossed: fewer than {points} were {threshold}"
    return f"Insufficient Data: too few of the last {alarm.periods} datapoints are known"
