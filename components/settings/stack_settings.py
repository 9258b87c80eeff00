"""The configuration of a stack: read once, checked as a whole before the first resource, then frozen."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import pulumi

from components.durations import SECONDS_PER_DAY, visibility_timeout_seconds
from components.monitoring.alarm_ids import COMPOSITES, AlarmId
from components.monitoring.platform_logs import PlatformLogs
from components.monitoring.signals import AlarmOverride, Level
from components.settings.keys import unknown_keys
from components.settings.names import name_problems
from components.settings.parsers import (
    InvalidError,
    Parser,
    alarm_overrides,
    assumed_roles,
    boolean,
    choice,
    client_secrets,
    integer,
    integer_of,
    names,
    text,
)
from components.settings.problems import HIDDEN, Problem, SettingsError
from components.settings.tags import free_tags

DATA_CLASS = "personal"
# What Lambda and the pinned AWS provider accept, and tests/components/test_runtimes.py runs.
PYTHON_VERSIONS = ("3.11", "3.12", "3.13", "3.14")
"""What the functions can run; a release ships an artifact for each."""
OWN_TAGS = ("project", "stack", "owner", "data-class")


class Release(StrEnum):
    """When a published version serves: with the deployment, or when the operator releases it."""

    IMMEDIATE = "immediate"
    GRADUAL = "gradual"


# What CloudWatch Logs accepts, from one day up.
_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
# The probe gives its login 20 s to show, and the event handler needs some of them.
_LONGEST_PROBED_WINDOW_SECONDS = 10
# API Gateway waits one second longer than the function and at most 29 s.
_LONGEST_QUERY_SECONDS = 28
# Domains that RFC 2606 reserves for examples: the runbook is at none of them.
_OF_AN_EXAMPLE = re.compile(r"https?://([^/]*[.@])?example\.(com|net|org)([:/?]|$)", re.IGNORECASE)
_BOUNDARY = r"arn:aws:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+"
_PRINCIPAL = r"[0-9]{12}|arn:aws:iam::[0-9]{12}:(root|(user|role)/[A-Za-z0-9+=,.@_/-]+)"


def _setting(
    default: bool | int | str | tuple[str, ...] | dict[str, Any], parser: Parser, *, namespace: str = ""
) -> Any:
    in_yaml = list(default) if isinstance(default, tuple) else default
    metadata = {"default": in_yaml, "parser": parser, "namespace": namespace}
    if isinstance(default, dict):
        return field(default_factory=lambda: MappingProxyType(default), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """Every value has passed its parser and the requirements between values; Pulumi.yaml describes each.

    Field names are the keys of the configuration in snake_case. Defaults are Pulumi.yaml's, checked by a test.
    """

    project: str
    stack: str
    region: str = _setting(
        "",
        text(r"(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-[0-9]", "a commercial AWS region", example="eu-west-1"),
        namespace="aws",
    )
    allowed_account_ids: tuple[str, ...] = _setting(
        (),
        names(r"[0-9]{12}", "account ids of 12 digits (in quotes when the first is 0)", example="123456789012"),
        namespace="aws",
    )
    profile: str = _setting(
        "", text(r"[A-Za-z0-9_.@:/+=-]*", "a profile of your AWS configuration", example="PROFILE"), namespace="aws"
    )
    assume_roles: tuple[Mapping[str, Any], ...] = _setting((), assumed_roles(), namespace="aws")
    owner: str = _setting("", text(r"[A-Za-z0-9 ._@:/+=-]+", "a name that fits a tag", example="TEAM", longest=128))
    tags: Mapping[str, str] = _setting({}, free_tags(OWN_TAGS))
    permissions_boundary: str = _setting(
        "",
        text(
            rf"|{_BOUNDARY}", "the ARN of an IAM policy, or empty", example="arn:aws:iam::123456789012:policy/BOUNDARY"
        ),
    )
    runbook_url: str = _setting(
        "", text(r"https?://[^\s#]+", "an http(s) URL without #", example="https://HOST/docs/runbook.md")
    )
    protect: bool = _setting(False, boolean())
    deletion_protection: bool = _setting(False, boolean())
    destroyable: bool = _setting(False, boolean())
    point_in_time_recovery: bool = _setting(True, boolean())
    cmk: bool = _setting(False, boolean())
    log_retention_days: int = _setting(14, integer_of(*_RETENTION_DAYS, example=14))
    platform_logs: PlatformLogs = _setting(PlatformLogs.ALL, choice(*PlatformLogs, example=PlatformLogs.FAILURES))  # noqa: RUF009 - an enum is immutable
    python_version: str = _setting("3.13", choice(*PYTHON_VERSIONS, example="3.13"))
    consumer_timeout_seconds: int = _setting(10, integer(1, 900, example=10))
    consumer_memory_mb: int = _setting(512, integer(128, 10240, example=512))
    query_timeout_seconds: int = _setting(5, integer(1, _LONGEST_QUERY_SECONDS, example=5))
    query_memory_mb: int = _setting(512, integer(128, 10240, example=512))
    reserved_concurrency: int = _setting(-1, integer(2, 1000, also=-1, example=-1))
    query_provisioned_concurrency: int = _setting(0, integer(0, 1000, example=1))
    release: Release = _setting(Release.IMMEDIATE, choice(*Release, example=Release.IMMEDIATE))  # noqa: RUF009 - an enum is immutable
    versions_kept: int = _setting(5, integer(2, 50, example=5))
    max_receive_count: int = _setting(5, integer(5, 1000, example=5))
    queue_retention_days: int = _setting(4, integer(1, 13, example=4))
    dead_letter_retention_days: int = _setting(14, integer(2, 14, example=14))
    batch_size: int = _setting(10, integer(1, 10_000, example=10))
    batch_window_seconds: int = _setting(0, integer(0, 300, example=1))
    consumer_max_concurrency: int = _setting(2, integer(2, 1000, example=2))
    table_max_read_units: int = _setting(1000, integer(1, 40_000, example=1000))
    table_max_write_units: int = _setting(1000, integer(1, 40_000, example=1000))
    producer_principals: tuple[str, ...] = _setting(
        (),
        names(
            _PRINCIPAL,
            "account ids or ARNs of IAM users, roles or account roots",
            example="arn:aws:iam::123456789012:role/ROLE",
        ),
    )
    api_clients: tuple[str, ...] = _setting(
        (), names(r"[a-z][a-z0-9-]{0,40}", "names in lower case, digits and -", example="reporting", at_least=1)
    )
    rotated_secrets: Mapping[str, str] = _setting({}, client_secrets())
    access_token_minutes: int = _setting(60, integer(5, 1440, example=60))
    api_rate_limit: int = _setting(10, integer(1, 10_000, example=10))
    api_burst_limit: int = _setting(20, integer(1, 5_000, example=20))
    api_trace_sampling_percent: int = _setting(100, integer(0, 100, example=5))
    manage_api_gateway_account: bool = _setting(False, boolean())
    probe: bool = _setting(False, boolean())
    monitoring: Level = _setting(Level.ESSENTIAL, choice(*Level, example=Level.ESSENTIAL))  # noqa: RUF009 - an enum is immutable
    alarms: Mapping[str, AlarmOverride] = _setting({}, alarm_overrides(frozenset(AlarmId), COMPOSITES))
    alarm_email: str = _setting(
        "", text(r"|[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address or empty", example="oncall@example.com")
    )
    page_endpoint: str = _setting(
        "", text(r"|https://\S+", "an https URL or empty", example="https://HOST/PATH", longest=1024, secret=True)
    )

    @classmethod
    def load(cls) -> "StackSettings":
        """The settings of the stack being deployed, or a `pulumi.RunError` that lists all problems at once."""
        project, stack = pulumi.get_project(), pulumi.get_stack()
        given = pulumi.runtime.get_config_env()
        secret = {key.removeprefix(f"{project}:") for key in given if pulumi.runtime.is_config_secret(key)}
        raw = {key.removeprefix(f"{project}:"): value for key, value in given.items()}
        try:
            return cls.from_raw(raw, project=project, stack=stack, secret=secret)
        except SettingsError as error:
            raise pulumi.RunError(str(error)) from None

    @classmethod
    def from_raw(
        cls, raw: Mapping[str, Any], *, project: str, stack: str, secret: Collection[str] = ()
    ) -> "StackSettings":
        """Check raw values by key (`maxReceiveCount`, `aws:region`); raises `SettingsError` with every problem.

        `raw` holds all keys of the stack, also those of other namespaces. A `SettingsError` shows no value of `secret`.
        """
        problems = name_problems(project, stack) + _unread(raw, project, stack)
        values: dict[str, Any] = {}
        for setting in _settings():
            given = raw.get(setting.key, setting.default)
            try:
                values[setting.field] = setting.parser.parse(given)
            except ValueError as error:
                problems.append(setting.problem(given, error, stack))
        # Requirements between values use the default of each invalid value, so that a problem is reported once.
        settings = cls(project=project, stack=stack, **values)
        problems += [problem for problem in _relations(settings) if problem.key not in {p.key for p in problems}]
        if problems:
            shown = [replace(problem, value=HIDDEN) if problem.key in secret else problem for problem in problems]
            raise SettingsError(stack, tuple(shown))
        return settings

    @property
    def physical_prefix(self) -> str:
        """The beginning of every physical name; two stacks in one account never share it."""
        return f"{self.project}-{self.stack}"

    def physical_name(self, role: str) -> str:
        """Return the physical name of a resource by its role."""
        return f"{self.physical_prefix}-{role}"

    def log_group_name(self, role: str) -> str:
        """Return the name of a log group by its role."""
        return f"/{self.project}/{self.stack}/{role}"

    @property
    def all_tags(self) -> dict[str, str]:
        """Tags of every resource that supports tags: those of the project, and the setting `tags`."""
        own = dict(zip(OWN_TAGS, (self.project, self.stack, self.owner, DATA_CLASS), strict=True))
        return own | dict(self.tags)


def config_parsers() -> dict[str, Parser]:
    """Return the parser of every key that is read, by key."""
    return {setting.key: setting.parser for setting in _settings()}


def config_defaults() -> dict[str, Any]:
    """Return the default of every key that is read, by key, in the shapes of YAML."""
    return {setting.key: setting.default for setting in _settings()}


@dataclass(frozen=True, kw_only=True)
class _Setting:
    """A configuration key and the field of `StackSettings` it fills."""

    field: str
    namespace: str
    default: Any
    parser: Parser

    @property
    def name(self) -> str:
        first, *rest = self.field.split("_")
        return first + "".join(word.capitalize() for word in rest)

    @property
    def key(self) -> str:
        return f"{self.namespace}:{self.name}" if self.namespace else self.name

    def problem(self, value: object, requirement: str | ValueError, stack: str) -> Problem:
        fix = requirement.fix if isinstance(requirement, InvalidError) else f"set {self.parser.example}"
        command, _, arguments = fix.replace("{key}", self.key).partition(" ")
        return Problem(
            key=self.key,
            value=value,
            requirement=str(requirement),
            fix=f"pulumi config {command} --stack {stack} {arguments}",
        )


def _settings() -> Iterator[_Setting]:
    for field_ in fields(StackSettings):
        if "parser" in field_.metadata:
            yield _Setting(field=field_.name, **field_.metadata)


def _unread(raw: Mapping[str, Any], project: str, stack: str) -> list[Problem]:
    known = {_full_key(setting.key, project) for setting in _settings()} | {"pulumi:disable-default-providers"}
    given = {_full_key(key, project): key for key in raw}
    problems: list[Problem] = []
    for unknown in unknown_keys(given, known, {project, "aws"}):
        key = given[unknown.key]
        hint = f"; did you mean {unknown.nearest.removeprefix(f'{project}:')}?" if unknown.nearest else ""
        if key.startswith("aws:") and not hint:
            hint = (
                f"; its AWS provider takes only {', '.join(sorted(name for name in known if name.startswith('aws:')))}"
            )
        problems.append(
            Problem(
                key=key,
                value=raw[key],
                requirement=f"removed, because the program does not read it{hint}",
                fix=f"pulumi config rm --stack {stack} {key}",
            )
        )
    return problems


def _full_key(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _relations(settings: StackSettings) -> list[Problem]:
    by_key = {setting.key: setting for setting in _settings()}
    found: list[Problem] = []

    def check(key: str, holds: bool, requirement: str) -> None:
        if not holds:
            setting = by_key[key]
            found.append(setting.problem(getattr(settings, setting.field), requirement, settings.stack))

    check(
        "deadLetterRetentionDays",
        settings.dead_letter_retention_days > settings.queue_retention_days,
        f"more than queueRetentionDays ({settings.queue_retention_days}): a message keeps its age when it moves",
    )
    visibility_seconds = visibility_timeout_seconds(
        consumer_timeout_seconds=settings.consumer_timeout_seconds, batch_window_seconds=settings.batch_window_seconds
    )
    check(
        "maxReceiveCount",
        settings.max_receive_count * visibility_seconds < settings.queue_retention_days * SECONDS_PER_DAY,
        f"so few that all receives, {visibility_seconds} s apart, fit into queueRetentionDays "
        f"({settings.queue_retention_days}): otherwise an event expires before it becomes a dead letter",
    )
    # The name identifies a production stack; its operator sets destroyable to take it down.
    production = settings.stack.startswith("prod")
    check(
        "aws:allowedAccountIds",
        bool(settings.allowed_account_ids) or not production,
        "the account of a production stack, so that no other is deployed into",
    )
    check(
        "runbookUrl",
        not (production and _OF_AN_EXAMPLE.match(settings.runbook_url)),
        "the place where your engineers read docs/runbook.md, in a production stack: every alarm links there",
    )
    guarded = production and not settings.destroyable
    check("protect", settings.protect or not guarded, "true in a production stack, unless destroyable is true")
    check(
        "deletionProtection",
        settings.deletion_protection or not (guarded or settings.protect),
        "true in a production stack, unless destroyable is true, and wherever protect is true",
    )
    check(
        "batchWindowSeconds",
        settings.batch_size <= 10 or settings.batch_window_seconds >= 1,
        f"at least 1 when batchSize ({settings.batch_size}) is more than 10",
    )
    check(
        "probe",
        not settings.probe or settings.batch_window_seconds <= _LONGEST_PROBED_WINDOW_SECONDS,
        f"false when batchWindowSeconds ({settings.batch_window_seconds}) is more than "
        f"{_LONGEST_PROBED_WINDOW_SECONDS}: its logins would show too late",
    )
    check(
        "reservedConcurrency",
        settings.reserved_concurrency in (-1, *range(settings.consumer_max_concurrency, 1001)),
        f"-1, or at least consumerMaxConcurrency ({settings.consumer_max_concurrency})",
    )
    check(
        "queryProvisionedConcurrency",
        settings.release is not Release.GRADUAL or not settings.query_provisioned_concurrency,
        "0 when release is gradual: Lambda keeps no alias warm that has weights",
    )
    check(
        "alarmEmail",
        settings.monitoring is Level.ESSENTIAL or bool(settings.alarm_email or settings.page_endpoint),
        "set, or pageEndpoint, when monitoring is full: otherwise no one is notified",
    )
    return found
