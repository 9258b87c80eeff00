"""Which requests are traced: by the rules of the account, as X-Ray applies them, and by Lambda's fixed rate.

https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html
"""

import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LAMBDA_PER_SECOND, LAMBDA_RATE = 1, 0.05


@dataclass(frozen=True, kw_only=True)
class Described:
    """What a rule can ask of a request."""

    service: str
    type: str
    host: str
    method: str
    path: str
    arn: str


class Reservoir:
    """Traces so many requests in each second of this machine, and a share of the others."""

    def __init__(self, per_second: int, rate: float) -> None:
        self._per_second, self._rate = per_second, rate
        self._second, self._taken = -1, 0
        self.requests = self.sampled = 0

    def samples(self, now: float, drawn: float) -> bool:
        """Whether this request is traced; `drawn` is a random number below 1."""
        if int(now) != self._second:
            self._second, self._taken = int(now), 0
        is_sampled = self._taken < self._per_second
        self._taken += is_sampled
        is_sampled = is_sampled or drawn < self._rate
        self.requests, self.sampled = self.requests + 1, self.sampled + is_sampled
        return is_sampled


@dataclass(kw_only=True)
class Rule:
    """A sampling rule as it was put, and what it has decided so far."""

    fields: dict[str, Any]
    created: float
    modified: float
    reservoir: Reservoir = field(init=False)

    def __post_init__(self) -> None:
        self.reservoir = Reservoir(self.fields["ReservoirSize"], self.fields["FixedRate"])

    def matches(self, request: Described) -> bool:
        """Whether every pattern matches; `*` stands for any characters, and `?` for one."""
        asked = {
            "ServiceName": request.service,
            "ServiceType": request.type,
            "Host": request.host,
            "HTTPMethod": request.method,
            "URLPath": request.path,
            "ResourceARN": request.arn,
        }
        # No service of this cloud sends attributes, so a rule that wants some matches nothing.
        return not self.fields.get("Attributes") and all(
            _matches(self.fields[name], value) for name, value in asked.items()
        )


DEFAULT_RULE: Mapping[str, Any] = {
    "RuleName": "Default",
    "Priority": 10_000,
    "ReservoirSize": 1,
    "FixedRate": 0.05,
    "Version": 1,
    **dict.fromkeys(("ServiceName", "ServiceType", "Host", "HTTPMethod", "URLPath", "ResourceARN"), "*"),
}


class Sampling:
    """The rules of the account. Its methods may be called from any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic, draw: Callable[[], float] = random.random) -> None:
        self._now, self._draw = now, draw
        self._lock = threading.Lock()
        self._rules = {"Default": Rule(fields=dict(DEFAULT_RULE), created=0, modified=0)}
        self._functions: dict[str, Reservoir] = {}

    def rules(self) -> list[Rule]:
        """Every rule, in the order in which they are tried."""
        with self._lock:
            return sorted(self._rules.values(), key=lambda rule: (rule.fields["Priority"], rule.fields["RuleName"]))

    def rule(self, name: str) -> Rule | None:
        """The rule of that name."""
        return self._rules.get(name)

    def put(self, rule: Rule) -> None:
        """Keep a rule, in the place of one of the same name."""
        with self._lock:
            self._rules[rule.fields["RuleName"]] = rule

    def delete(self, name: str) -> None:
        """Forget a rule."""
        with self._lock:
            del self._rules[name]

    def samples_request(self, request: Described) -> bool:
        """Whether a request is traced that no other service has decided about."""
        rule = next(rule for rule in self.rules() if rule.matches(request))
        with self._lock:
            return rule.reservoir.samples(self._now(), self._draw())

    def samples_invocation(self, function: str) -> bool:
        """Whether an invocation is traced that no other service has decided about: Lambda has no rules."""
        with self._lock:
            reservoir = self._functions.setdefault(function, Reservoir(LAMBDA_PER_SECOND, LAMBDA_RATE))
            return reservoir.samples(self._now(), self._draw())


def _matches(pattern: str, value: str) -> bool:
    return bool(re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value, re.IGNORECASE))
