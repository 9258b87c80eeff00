"""The groups and sampling rules of the account, as they were put, and the operations on them."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.observatory.clock import Clock
from localcloud.observatory.requests import ApiError
from localcloud.observatory.traces.filters import ExpressionError, read_filter
from localcloud.observatory.traces.sampling import Rule, Sampling

_RULE_TEXTS = ("ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath", "ResourceARN")
_TARGET_SECONDS = 10


def invalid(message: str) -> ApiError:
    """The error of X-Ray for what it does not understand."""
    return ApiError("InvalidRequestException", message)


class TraceSettings:
    """Groups and rules. Its methods may be called from any thread."""

    def __init__(self, sampling: Sampling, clock: Clock, *, account: str, region: str) -> None:
        self.account, self._region = account, region
        self._sampling, self._clock = sampling, clock
        self._groups: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self.operations: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "CreateGroup": self._create_group,
            "GetGroup": lambda parameters: {"Group": self._group(parameters)},
            "GetGroups": lambda parameters: {"Groups": list(self._groups.values())},
            "UpdateGroup": self._update_group,
            "DeleteGroup": self._delete_group,
            "CreateSamplingRule": self._create_rule,
            "GetSamplingRules": self._get_rules,
            "UpdateSamplingRule": self._update_rule,
            "DeleteSamplingRule": self._delete_rule,
            "GetSamplingTargets": self._get_targets,
            "GetSamplingStatisticSummaries": self._get_statistics,
        }

    @property
    def group_expressions(self) -> dict[str, str]:
        """The filter expression of each group, by its name."""
        with self._lock:
            return {group["GroupName"]: group["FilterExpression"] for group in self._groups.values()}

    @property
    def expressions(self) -> dict[str, str]:
        """The filter expression of each group, by its name and by its ARN."""
        with self._lock:
            groups = list(self._groups.values())
        return {group[key]: group["FilterExpression"] for group in groups for key in ("GroupName", "GroupARN")}

    def expression_of(self, name: object, arn: object) -> str | None:
        """The filter expression of a group; None if no group is named."""
        if name is None and arn is None:
            return None
        found = self.expressions.get(str(name if arn is None else arn))
        if found is None:
            raise invalid("Group not found")
        return found

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:aws:xray:{self._region}:{self.account}:{kind}/{name}"

    def _create_group(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        name = _text(parameters, "GroupName")
        if name in self._groups:
            raise invalid(f"Group {name} exists already.")
        group = {
            "GroupName": name,
            "GroupARN": self._arn("group", f"{name}/LOCAL"),
            "FilterExpression": self._checked(parameters.get("FilterExpression")),
            "InsightsConfiguration": {"InsightsEnabled": False, "NotificationsEnabled": False},
        }
        with self._lock:
            self._groups[name] = group
        return {"Group": group}

    def _checked(self, expression: object) -> str:
        if not isinstance(expression, str):
            raise invalid("FilterExpression is missing.")
        try:
            read_filter(expression, self.expressions)
        except ExpressionError as error:
            raise invalid(str(error)) from None
        return expression

    def _group(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        name, arn = parameters.get("GroupName"), parameters.get("GroupARN")
        for group in list(self._groups.values()):
            if group["GroupName"] == name or (arn is not None and group["GroupARN"] == arn):
                return group
        raise invalid("Group not found")

    def _update_group(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        group = self._group(parameters)
        if parameters.get("FilterExpression") is not None:
            group["FilterExpression"] = self._checked(parameters["FilterExpression"])
        return {"Group": group}

    def _delete_group(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            del self._groups[self._group(parameters)["GroupName"]]
        return {}

    def _create_rule(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        given = parameters.get("SamplingRule")
        if not isinstance(given, dict):
            raise invalid("SamplingRule is missing.")
        name = _text(given, "RuleName")
        if self._sampling.rule(name):
            raise invalid(f"Sampling rule {name} exists already.")
        return self._put_rule(given | {"RuleARN": self._arn("sampling-rule", name)}, created=self._clock.now())

    def _update_rule(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        given = parameters.get("SamplingRuleUpdate")
        if not isinstance(given, dict):
            raise invalid("SamplingRuleUpdate is missing.")
        rule = self._rule(given)
        given = {name: value for name, value in given.items() if name not in ("RuleName", "RuleARN")}
        return self._put_rule(rule.fields | given, created=rule.created)

    def _put_rule(self, fields: dict[str, Any], *, created: float) -> dict[str, Any]:
        for name in _RULE_TEXTS:
            if not isinstance(fields.get(name), str):
                raise invalid(f"{name} is missing.")
        for name, least, most in (("Priority", 1, 9999), ("ReservoirSize", 0, 2**31), ("FixedRate", 0, 1)):
            value = fields.get(name)
            is_default = fields["RuleName"] == "Default" and name == "Priority"
            if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most + is_default:
                raise invalid(f"{name} must be a number from {least} to {most}.")
        rule = Rule(fields=fields, created=created, modified=self._clock.now())
        self._sampling.put(rule)
        return {"SamplingRuleRecord": _record(rule)}

    def _rule(self, parameters: Mapping[str, Any]) -> Rule:
        name, arn = parameters.get("RuleName"), parameters.get("RuleARN")
        for rule in self._sampling.rules():
            if rule.fields["RuleName"] == name or (arn is not None and rule.fields.get("RuleARN") == arn):
                return rule
        raise invalid("Sampling rule not found")

    def _get_rules(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {"SamplingRuleRecords": [_record(rule) for rule in self._sampling.rules()]}

    def _delete_rule(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        rule = self._rule(parameters)
        if rule.fields["RuleName"] == "Default":
            raise invalid("The default rule cannot be deleted.")
        self._sampling.delete(rule.fields["RuleName"])
        return {"SamplingRuleRecord": _record(rule)}

    def _get_targets(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What an SDK may sample that asks for its share: all of the rule, because no other SDK shares it here."""
        targets, unknown = [], []
        documents = parameters.get("SamplingStatisticsDocuments")
        for document in documents if isinstance(documents, list) else ():
            name = document.get("RuleName") if isinstance(document, dict) else None
            if (rule := self._sampling.rule(str(name))) is None:
                unknown.append({"RuleName": str(name), "ErrorCode": "400", "Message": "Unknown rule"})
                continue
            targets.append(
                {
                    "RuleName": name,
                    "FixedRate": rule.fields["FixedRate"],
                    "ReservoirQuota": rule.fields["ReservoirSize"],
                    "ReservoirQuotaTTL": self._clock.now() + _TARGET_SECONDS,
                    "Interval": _TARGET_SECONDS,
                }
            )
        modified = max(rule.modified for rule in self._sampling.rules())
        return {
            "SamplingTargetDocuments": targets,
            "LastRuleModification": modified,
            "UnprocessedStatistics": unknown,
        }

    def _get_statistics(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "SamplingStatisticSummaries": [
                {
                    "RuleName": rule.fields["RuleName"],
                    "Timestamp": self._clock.now(),
                    "RequestCount": rule.reservoir.requests,
                    "BorrowCount": 0,
                    "SampledCount": rule.reservoir.sampled,
                }
                for rule in self._sampling.rules()
            ]
        }


def _record(rule: Rule) -> dict[str, Any]:
    return {"SamplingRule": rule.fields, "CreatedAt": rule.created, "ModifiedAt": rule.modified}


def _text(parameters: Mapping[str, Any], name: str) -> str:
    found = parameters.get(name)
    if not isinstance(found, str) or not 1 <= len(found) <= 32:
        raise invalid(f"{name} must be a text of 1 to 32 characters.")
    return found
