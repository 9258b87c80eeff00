"""Two functions with published versions and aliases, as Lambda and CloudWatch keep them, that fail at any call."""

import itertools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner, Result

from handlers.vocabulary import LIVE_ALIAS
from ops import release
from ops.__main__ import app
from ops.aliases import read_fleet
from ops.releases import CANARY_WEIGHT, LATEST, Fleet, Route
from ops.stack import StackOutputs, parse_outputs
from tests.fakes.outputs import OUTPUTS, PREFIX, outputs_file

ROLES: tuple[str, ...] = ("event-handler", "query")
RELEASES = ("aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc")
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


class KilledError(BaseException):
    """The process has ended: no call of it reaches AWS any more."""


def client_error(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, operation)


def routes(version: int, canary: int | None = None, weight: float = CANARY_WEIGHT) -> dict[str, Route]:
    """Return the same route for both functions."""
    return dict.fromkeys(ROLES, Route(version, canary, weight if canary else 0.0))


class Aws:
    """Lambda's versions and aliases, CloudWatch's alarms and metrics, and log lines; every call passes `hook`."""

    def __init__(self, releases: Mapping[str, tuple[str, ...]] | tuple[str, ...] = RELEASES, live: int = 2) -> None:
        by_role = releases if isinstance(releases, Mapping) else dict.fromkeys(ROLES, releases)
        self.versions = {
            role: {number: (release, f"code-{release[0]}") for number, release in enumerate(by_role[role], 1)}
            for role in ROLES
        }
        self.versions["probe"] = dict(self.versions["query"])
        self.routes = routes(live)
        self.revisions = dict.fromkeys(ROLES, 0)
        self.counter = itertools.count(1)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.hook: Callable[[int, Callable[[], Any]], Any] = lambda number, execute: execute()
        self.alarm_states: dict[str, tuple[str, datetime]] = dict.fromkeys(
            ("event-handler-canary", "query-canary", "service-health"), ("OK", LONG_AGO)
        )
        self.alarmed = dict.fromkeys(ROLES, 3)
        """The version that the alarm of each function is on."""
        self.metrics: dict[tuple[str, str], list[float]] = {}
        """Each in the first minute that a command reads, because the next one can begin at any call."""
        self.lines: list[tuple[str, int, dict[str, Any]]] = []
        self.denied: set[str] = set()
        self.warming: set[str] = set()
        """Functions whose alias Lambda keeps on the version before, because of provisioned concurrency."""

    # What the commands call.

    def call(self, operation: str, request: dict[str, Any]) -> Any:
        self.calls.append((operation, request))

        def execute() -> Any:
            if operation in self.denied:
                raise client_error("AccessDeniedException", operation)
            return getattr(self, f"_{operation}")(**request)

        return self.hook(len(self.calls), execute)

    def client(self, service: str) -> Any:
        """Return a client whose operations are those below."""
        names = [name[1:] for name in dir(self) if name.startswith("_") and not name.startswith("__")]
        client = SimpleNamespace(
            **{name: lambda name=name, **request: self.call(name, request) for name in names},
            get_paginator=lambda name: SimpleNamespace(paginate=lambda **request: iter([self.call(name, request)])),
        )
        client.service = service
        return client

    def _list_versions_by_function(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        role = FunctionName.removeprefix(f"{PREFIX}-")
        latest = {"Version": LATEST, "LastModified": "now"}
        published = [
            {
                "Version": str(number),
                "LastModified": f"2026-11-{number:02}",
                "Environment": {"Variables": {"RELEASE": release, "VERSION": artifact}} if release else {"Error": {}},
            }
            for number, (release, artifact) in self.versions[role].items()
        ]
        return {"Versions": [latest, *published]}

    def _get_alias(self, FunctionName: str, Name: str) -> dict[str, Any]:  # noqa: N803
        assert Name == LIVE_ALIAS
        role = FunctionName.removeprefix(f"{PREFIX}-")
        route = self._route_of(role)
        weights = {} if route.canary is None else {str(route.canary): route.weight}
        alias = {"AliasArn": f"arn:{role}:live", "FunctionVersion": str(route.version or LATEST)}
        routing = {"RoutingConfig": {"AdditionalVersionWeights": weights}} if weights else {}
        return alias | routing | {"RevisionId": str(self.revisions.get(role))}

    def _update_alias(
        self,
        FunctionName: str,  # noqa: N803
        Name: str,  # noqa: N803
        FunctionVersion: str,  # noqa: N803
        RoutingConfig: dict[str, Any] | None = None,  # noqa: N803
        RevisionId: str | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        role = FunctionName.removeprefix(f"{PREFIX}-")
        if RevisionId not in (None, str(self.revisions[role])):
            raise client_error("PreconditionFailedException", "UpdateAlias")
        before = self.routes[role]
        if RoutingConfig is None:
            route = Route(int(FunctionVersion), before.canary, before.weight)
        else:
            ((canary, weight),) = RoutingConfig["AdditionalVersionWeights"].items() or ((None, 0.0),)
            route = Route(int(FunctionVersion), canary and int(canary), weight)
        if not set(route.numbers) <= self.versions[role].keys():
            raise client_error("InvalidParameterValueException", "UpdateAlias")
        if role in self.warming:
            route = Route(route.version, before.version, 1.0)
        self.routes = {**self.routes, role: route}
        self.revisions[role] = next(self.counter)
        return self._get_alias(FunctionName, Name)

    def _delete_function(self, FunctionName: str, Qualifier: str) -> None:  # noqa: N803
        role = FunctionName.removeprefix(f"{PREFIX}-")
        if int(Qualifier) in self._route_of(role).numbers:
            raise client_error("ResourceConflictException", "DeleteFunction")
        del self.versions[role][int(Qualifier)]

    def _route_of(self, role: str) -> Route:
        """Each deployment makes the newest version of the probe live, and no command moves its alias."""
        return Route(max(self.versions[role])) if role == "probe" else self.routes[role]

    def _get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        return {"LoggingConfig": {"LogGroup": FunctionName}}

    def _describe_alarms(self, AlarmNames: list[str], AlarmTypes: list[str]) -> dict[str, Any]:  # noqa: N803
        assert AlarmTypes == ["MetricAlarm", "CompositeAlarm"]
        found: dict[str, Any] = {"MetricAlarms": [], "CompositeAlarms": []}
        for name in AlarmNames:
            alarm_id = name.removeprefix(f"{PREFIX}-")
            if alarm_id not in self.alarm_states:
                continue
            state, since = self.alarm_states[alarm_id]
            alarm = {"AlarmName": name, "StateValue": state, "StateTransitionedTimestamp": since}
            if alarm_id == "service-health":
                found["CompositeAlarms"].append(alarm)
                continue
            version = str(self.alarmed[alarm_id.removesuffix("-canary")])
            metric = {"Dimensions": [{"Name": "ExecutedVersion", "Value": version}]}
            found["MetricAlarms"].append(
                alarm | {"Metrics": [{"Id": "result"}, {"Id": "m", "MetricStat": {"Metric": metric}}]}
            )
        return found

    def _get_metric_data(
        self,
        MetricDataQueries: list[Any],  # noqa: N803
        StartTime: datetime,  # noqa: N803
        EndTime: datetime,  # noqa: N803
    ) -> dict[str, Any]:
        results = []
        for query in MetricDataQueries:
            metric = query["MetricStat"]["Metric"]
            dimensions = {entry["Name"]: entry["Value"] for entry in metric["Dimensions"]}
            role = dimensions["FunctionName"].removeprefix(f"{PREFIX}-")
            assert dimensions["Resource"] == f"{PREFIX}-{role}:live"
            points = self.metrics.get((f"{role}:{dimensions['ExecutedVersion']}", metric["MetricName"]), [])
            assert StartTime.second == StartTime.microsecond == 0, "a datapoint has the time of its minute"
            assert StartTime < EndTime
            results.append({"Id": query["Id"], "Timestamps": [StartTime] * len(points), "Values": points})
        return {"MetricDataResults": results}

    def _filter_log_events(self, logGroupName: str, startTime: int, filterPattern: str) -> dict[str, Any]:  # noqa: N803
        role = logGroupName.removeprefix(f"{PREFIX}-")
        events = [
            {
                "timestamp": startTime,
                "logStreamName": f"2026/11/26/{logGroupName}[{version}]0123",
                "message": json.dumps(fields),
            }
            for place, version, fields in self.lines
            if place == role
        ]
        return {"events": events}

    # What tests do.

    def serve(self, number: int, invocations: float, errors: float = 0) -> None:
        """Let a version of both functions be invoked, as CloudWatch counts it."""
        for role in ROLES:
            self.metrics.setdefault((f"{role}:{number}", "Invocations"), []).append(invocations)
            if errors:
                self.metrics.setdefault((f"{role}:{number}", "Errors"), []).append(errors)

    def updates(self) -> int:
        return sum(operation == "update_alias" for operation, _ in self.calls)


class Operated:
    """A stack over `Aws`, and the commands of its operator."""

    def __init__(self, aws: Aws, folder: Path, monkeypatch: pytest.MonkeyPatch, setting: str = "gradual") -> None:
        self.aws = aws
        changes = {"release": setting, "versionsKept": 2}
        self.file = outputs_file(folder, **changes)
        self.outputs = parse_outputs(json.dumps(OUTPUTS | changes), "the published stack")
        self.clock = Clock(monkeypatch)
        monkeypatch.setattr(StackOutputs, "client", lambda outputs, service: aws.client(service))

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--outputs", str(self.file)])

    def run_until(self, *arguments: str, call: int, executed: bool) -> None:
        """Kill the command at a call, before AWS executes it, or before AWS responds."""

        def kill(number: int, execute: Callable[[], Any]) -> Any:
            if number < call:
                return execute()
            if number == call and executed:
                execute()
            raise KilledError

        first = len(self.aws.calls)
        self.aws.hook = lambda number, execute: kill(number - first, execute)
        with pytest.raises(KilledError):
            self.run(*arguments)
        self.aws.hook = lambda number, execute: execute()

    def fleet(self) -> Fleet:
        """Return the functions as they are, without counting calls."""
        calls = list(self.aws.calls)
        hook, self.aws.hook = self.aws.hook, lambda number, execute: execute()
        fleet = read_fleet(self.outputs, self.aws.client("lambda"))
        self.aws.calls, self.aws.hook = calls, hook
        return fleet


class Clock:
    """A clock that only moves when a command waits, and what happens while it waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.on_wait: Callable[[], None] = lambda: None
        monkeypatch.setattr(release, "time", SimpleNamespace(sleep=self.sleep, monotonic=lambda: self.now))

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.on_wait()


def calls_of(stack: Operated, *arguments: str) -> range:
    """Return the numbers of the calls that a command makes when nothing goes wrong."""
    first = len(stack.aws.calls)
    stack.run(*arguments)
    return range(1, len(stack.aws.calls) - first + 1)


def fail_at(stack: Operated, number: int, error: BaseException, *, executed: bool) -> None:
    """Let the call after `number - 1` others raise an error, before or after it has done its work."""
    first = len(stack.aws.calls)

    def call(count: int, execute: Callable[[], Any]) -> Any:
        if count - first != number:
            return execute()
        if executed:
            execute()
        raise error

    stack.aws.hook = call
