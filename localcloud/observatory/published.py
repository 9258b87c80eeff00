"""The values of a member of MetricData, as PutMetricData accepts them."""

from collections.abc import Mapping
from typing import Any

from localcloud.cloudwatch import emf
from localcloud.observatory.parameters import listed, structure
from localcloud.observatory.requests import ApiError, invalid

VALUES_MAX = 150
_FORMS = ("Value", "Values", "StatisticValues")


def published(datum: Mapping[str, Any], name: str) -> list[tuple[float, float]] | dict[str, float]:
    """The values and counts of a datum, or its statistic set; ApiError names the metric and what is wrong."""
    forms = [form for form in _FORMS if datum.get(form) is not None]
    if len(forms) != 1:
        given = " and ".join(forms) or "none"
        raise ApiError(
            "InvalidParameterCombination",
            f"Metric {name} must have exactly one of {', '.join(_FORMS)}; it has {given}.",
        )
    if forms == ["StatisticValues"]:
        return _statistics(structure(datum["StatisticValues"], "StatisticValues"), name)
    values = datum["Values"] if forms == ["Values"] else [datum["Value"]]
    counts = listed(datum, "Counts", 0) or [1.0] * len(listed({"Values": values}, "Values"))
    if len(values) > VALUES_MAX:
        raise invalid(
            f"Metric {name} has {len(values)} Values; at most {VALUES_MAX} are allowed. Send several requests."
        )
    if len(values) != len(counts):
        raise invalid(f"Metric {name} has {len(values)} Values and {len(counts)} Counts; the numbers must be equal.")
    return [
        (_number(value, f"A value of {name}"), _number(count, f"A count of {name}", least=0.0))
        for value, count in zip(values, counts, strict=True)
    ]


def _statistics(found: Mapping[str, Any], name: str) -> dict[str, float]:
    values = {part: _number(found.get(part), f"{part} of {name}") for part in ("Sum", "Minimum", "Maximum")}
    values["SampleCount"] = _number(found.get("SampleCount"), f"SampleCount of {name}", least=0.0)
    if values["Minimum"] > values["Maximum"]:
        raise invalid(f"Minimum of {name} is {values['Minimum']:g}; it must be at most Maximum {values['Maximum']:g}.")
    return values


def _number(value: Any, what: str, *, least: float = -emf.VALUE_MAX) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not least <= number <= emf.VALUE_MAX:  # NaN is in no range
        lowest = "-2^360" if least else "0"
        raise invalid(f"{what} is {value!r}; it must be a number from {lowest} to 2^360.")
    return number
