"""Checks, before a deployment, of what would stop `pulumi up` half-way. They change nothing."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.identity import domain_prefix
from components.packaging.wheels import ArtifactError, find_interpreter
from components.settings.stack_settings import Problem, SettingsError, StackSettings
from handlers.vocabulary import EVENT_HANDLER_SERVICE, QUERY_SERVICE
from ops.connections import aws_client
from ops.errors import explain
from ops.stack import PulumiError, project_settings, run_pulumi, short_stack_name

# Lambda reserves this many for functions without a reservation.
UNRESERVED_MINIMUM = 100


class CheckState(StrEnum):
    """How a check ended."""

    OK = "ok"
    PROBLEM = "problem"
    NOT_CHECKED = "not checked"


OK, PROBLEM, NOT_CHECKED = CheckState


@dataclass(frozen=True)
class Check:
    """A finished check: what was found and, for a problem, how to fix it."""

    name: str
    state: CheckState
    found: str
    fix: str = ""


def preflight(stack: str) -> Iterator[Check]:
    """Check whether the stack can be deployed from this machine into the account of the current credentials.

    `stack` is written as the Pulumi CLI takes it, and so are the fixes; the program knows its last part.
    """
    name = short_stack_name(stack)
    for check in _run_checks(stack, name):
        yield replace(check, fix=re.sub(rf"--stack {re.escape(name)}(?= |$)", f"--stack {stack}", check.fix))


def _run_checks(stack: str, short_name: str) -> Iterator[Check]:
    cli = _check_cli()
    yield cli
    settings: StackSettings | None = None
    if cli.state == OK:
        settings, checks = _check_settings(stack, short_name)
        yield from checks
    else:
        yield Check("settings", NOT_CHECKED, "needs the Pulumi CLI")
    if settings is None:
        for name in ("python", "credentials", *ACCOUNT_CHECKS):
            yield Check(name, NOT_CHECKED, "needs valid settings")
        return
    yield _check_python(settings)
    account, check = _check_credentials(settings)
    yield check
    if account is None:
        for name in ACCOUNT_CHECKS:
            yield Check(name, NOT_CHECKED, "needs AWS credentials")
        return
    for name, look in ACCOUNT_CHECKS.items():
        try:
            yield look(name, settings, account)
        except (BotoCoreError, ClientError) as error:
            yield Check(name, PROBLEM, _sentence(error), "get permission for this call, or check in the AWS console")


def _check_cli() -> Check:
    name = "pulumi CLI"
    required = project_settings()["requiredPulumiVersion"].removeprefix(">=")
    fix = f"install {required} or newer: https://www.pulumi.com/docs/install/"
    try:
        found = run_pulumi("version").strip().removeprefix("v")
    except PulumiError as error:
        return Check(name, PROBLEM, str(error), fix)
    if _version(found) < _version(required):
        return Check(name, PROBLEM, f"version {found}", fix)
    return Check(name, OK, f"version {found}")


def _check_settings(stack: str, short_name: str) -> tuple[StackSettings | None, list[Check]]:
    name, project = "settings", project_settings()["name"]
    try:
        given = json.loads(run_pulumi("config", "--json", "--show-secrets", "--stack", stack))
    except PulumiError as error:
        return None, [Check(name, PROBLEM, str(error), f"pulumi stack select {stack} --create")]
    # The CLI prints objects as JSON text, which is how the program receives them.
    raw = {key.removeprefix(f"{project}:"): entry["value"] for key, entry in given.items() if "value" in entry}
    try:
        settings = StackSettings.from_raw(raw, project=project, stack=short_name)
    except SettingsError as error:
        secret = {key.removeprefix(f"{project}:") for key, entry in given.items() if entry.get("secret")}
        return None, [Check(name, PROBLEM, _problem(problem, secret), problem.fix) for problem in error.problems]
    return settings, [Check(name, OK, f"valid, for region {settings.region}")]


def _problem(problem: Problem, secret: set[str]) -> str:
    return f"{problem.key} must be {problem.requirement}" if problem.key in secret else str(problem).split("\n")[0]


def _check_python(settings: StackSettings) -> Check:
    name, version = "python", settings.python_version
    try:
        find_interpreter(version)
    except ArtifactError as error:
        return Check(name, PROBLEM, str(error), f"uv python install {version}")
    return Check(name, OK, f"{version} is installed, to compile what the functions run")


def _check_credentials(settings: StackSettings) -> tuple[str | None, Check]:
    name, allowed = "credentials", settings.allowed_account_ids
    try:
        account = _client("sts", settings).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        return None, Check(name, PROBLEM, _sentence(error), "aws sso login, or set AWS_PROFILE")
    if allowed and account not in allowed:
        found = f"for account {account}, but aws:allowedAccountIds is {', '.join(allowed)}"
        return account, Check(name, PROBLEM, found, "set AWS_PROFILE to a profile of that account")
    guard = "which aws:allowedAccountIds allows" if allowed else "and aws:allowedAccountIds does not restrict it"
    return account, Check(name, OK, f"for account {account}, {guard}")


def _check_api_account(name: str, settings: StackSettings, account: str) -> Check:
    role = _client("apigateway", settings).get_account().get("cloudwatchRoleArn")
    if role:
        return Check(name, OK, f"API Gateway may write logs, as {role.rpartition('/')[2]}")
    if settings.manage_api_gateway_account:
        return Check(name, OK, "API Gateway may not write logs yet; this stack will allow it")
    found = f"API Gateway may not write logs in account {account}, region {settings.region}; the stage would fail"
    return Check(name, PROBLEM, found, f"pulumi config set --stack {settings.stack} manageApiGatewayAccount true")


def _check_concurrency(name: str, settings: StackSettings, account: str) -> Check:
    client = _client("lambda", settings)
    unreserved = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
    wanted = max(settings.reserved_concurrency, 0) + settings.query_provisioned_concurrency
    held = _held(client, settings) if wanted else 0
    left = unreserved - max(wanted - held, 0)
    if wanted <= held or left >= UNRESERVED_MINIMUM:
        return Check(name, OK, f"unreserved after this stack reserves {wanted}: {left}")
    return Check(
        name,
        PROBLEM,
        f"unreserved: {unreserved}; after this stack reserves {wanted - held} more: {left}, and Lambda requires "
        f"{UNRESERVED_MINIMUM}",
        "lower reservedConcurrency or queryProvisionedConcurrency, or raise the quota 'Concurrent executions'",
    )


def _held(client: Any, settings: StackSettings) -> int:
    """Return how much concurrency the stack reserves already; 0 when it is not deployed."""
    held = 0
    try:
        name = settings.physical_name(EVENT_HANDLER_SERVICE)
        held += client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0)
        name = settings.physical_name(QUERY_SERVICE)
        configs = client.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]
        held += sum(config["RequestedProvisionedConcurrentExecutions"] for config in configs)
    except client.exceptions.ResourceNotFoundException:
        pass  # not deployed yet
    return held


def _check_domain(name: str, settings: StackSettings, account: str) -> Check:
    client, pool_name = _client("cognito-idp", settings), settings.physical_name("callers")
    prefix = domain_prefix(pool_name, account)
    description = client.describe_user_pool_domain(Domain=prefix)["DomainDescription"]
    if not description.get("UserPoolId"):
        return Check(name, OK, f"{prefix} is free")
    if description.get("AWSAccountId", account) == account:
        pool = client.describe_user_pool(UserPoolId=description["UserPoolId"])["UserPool"]
        if pool["Name"] == pool_name:
            return Check(name, OK, f"{prefix} belongs to this stack's pool, {pool['Id']}")
    fix = f"pulumi stack rename --stack {settings.stack} NAME, or delete that pool's domain"
    return Check(name, PROBLEM, f"{prefix} belongs to another user pool", fix)


ACCOUNT_CHECKS: dict[str, Callable[[str, StackSettings, str], Check]] = {
    "API Gateway": _check_api_account,
    "concurrency": _check_concurrency,
    "domain": _check_domain,
}


def _client(service: Any, settings: StackSettings) -> Any:
    return aws_client(service, settings.region)


def _sentence(error: Exception) -> str:
    return explain(error) or type(error).__name__


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
