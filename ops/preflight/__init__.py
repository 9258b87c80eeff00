"""Checks, before a deployment, of what would stop `pulumi up` half-way. They change nothing."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.packaging.artifact import HOST, TARGET_VARIABLE
from components.packaging.wheels import ArtifactError, find_interpreter
from components.settings.stack_settings import Problem, SettingsError, StackSettings
from ops import local_stack
from ops.errors import OperatorError
from ops.preflight.account import ACCOUNT_CHECKS, check_account
from ops.preflight.check import NOT_CHECKED, OK, PROBLEM, Check, CheckState, Target, client_of, sentence
from ops.preflight.deployed import check_state
from ops.preflight.state import StackState
from ops.stack import PulumiError, local_connection, project_settings, run_pulumi, short_stack_name

__all__ = ["Check", "CheckState", "preflight"]


def preflight(stack: str) -> Iterator[Check]:
    """Check whether the stack can be deployed from this machine into the account of the current credentials.

    Stack local is deployed into the embedded cloud, which is checked in place of an account.

    `stack` is written as the Pulumi CLI takes it, and so are the fixes; the program knows its last part.
    """
    name = short_stack_name(stack)
    for check in _run_checks(stack, name):
        yield replace(check, fix=re.sub(rf"--stack {re.escape(name)}(?=[ ;]|$)", f"--stack {stack}", check.fix))


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
        yield from _not_checked(("python", "state", "credentials", *ACCOUNT_CHECKS), "needs valid settings")
        return
    yield _check_python(settings)
    try:
        state = StackState.read(stack)
    except PulumiError as error:
        yield Check("state", PROBLEM, str(error), f"pulumi stack export --stack {stack}, and see why")
        yield from _not_checked(("credentials", *ACCOUNT_CHECKS), "needs the state of the stack")
        return
    yield from check_state(settings, state)
    embedded: Mapping[str, Any] | None = None
    if short_name == local_stack.STACK:
        try:
            embedded = local_connection()
        except OperatorError as error:
            yield Check("credentials", PROBLEM, str(error), "python -m localcloud up --empty")
            yield from _not_checked(tuple(ACCOUNT_CHECKS), "needs the embedded cloud")
            return
    account, check = _check_credentials(settings, embedded)
    yield check
    if account is None:
        yield from _not_checked(tuple(ACCOUNT_CHECKS), "needs AWS credentials")
        return
    yield from check_account(Target(settings=settings, state=state, account=account, embedded=embedded))


def _not_checked(names: tuple[str, ...], reason: str) -> Iterator[Check]:
    for name in names:
        yield Check(name, NOT_CHECKED, reason)


def _check_cli() -> Check:
    name = "pulumi CLI"
    required = project_settings()["requiredPulumiVersion"].removeprefix(">=")
    fix = f"install {required} or newer: https://www.pulumi.com/docs/install/"
    try:
        found = run_pulumi("version").strip().removeprefix("v")
    except PulumiError as error:
        return Check(name, PROBLEM, str(error), fix)
    if not _version(found):
        return Check(name, OK, f"unknown version; the program needs {required} or newer")
    if _version(found) < _version(required):
        return Check(name, PROBLEM, f"version {found}", fix)
    return Check(name, OK, f"version {found}")


def _check_settings(stack: str, short_name: str) -> tuple[StackSettings | None, list[Check]]:
    name, project = "settings", project_settings()["name"]
    try:
        given = json.loads(run_pulumi("config", "--json", "--show-secrets", "--stack", stack))
    except PulumiError as error:
        create = f"pulumi stack select {stack} --create"
        fix = local_stack.ENVIRONMENT if short_name == local_stack.STACK else create
        return None, [Check(name, PROBLEM, str(error), fix)]
    # The CLI prints objects as JSON text, which is how the program receives them.
    raw = {key.removeprefix(f"{project}:"): entry["value"] for key, entry in given.items() if "value" in entry}
    try:
        settings = StackSettings.from_raw(raw, project=project, stack=short_name)
    except SettingsError as error:
        secret = {key.removeprefix(f"{project}:") for key, entry in given.items() if entry.get("secret")}
        return None, [Check(name, PROBLEM, _problem(problem, secret), _fix(problem)) for problem in error.problems]
    return settings, [Check(name, OK, f"valid, for region {settings.region}")]


def _problem(problem: Problem, secret: set[str]) -> str:
    return f"{problem.key} must be {problem.requirement}" if problem.key in secret else str(problem).split("\n")[0]


def _fix(problem: Problem) -> str:
    # Renaming a deployed stack replaces everything, the table too.
    return "pulumi stack init NAME" if problem.key == "stack" else problem.fix


def _check_python(settings: StackSettings) -> Check:
    name, version = "python", settings.python_version
    if settings.stack == local_stack.STACK and os.environ.get(TARGET_VARIABLE) == HOST:
        return Check(name, OK, "the functions run with this machine's")
    try:
        find_interpreter(version)
    except ArtifactError as error:
        return Check(name, PROBLEM, str(error), f"uv python install {version}")
    return Check(name, OK, f"{version} is installed, to compile what the functions run")


def _check_credentials(settings: StackSettings, embedded: Mapping[str, Any] | None) -> tuple[str | None, Check]:
    name, allowed = "credentials", settings.allowed_account_ids
    try:
        account = client_of("sts", settings.region, embedded).get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        fix = "python -m localcloud up --empty" if embedded else "aws sso login, or set AWS_PROFILE"
        return None, Check(name, PROBLEM, sentence(error), fix)
    if allowed and account not in allowed:
        found = f"for account {account}, but aws:allowedAccountIds is {', '.join(allowed)}"
        return account, Check(name, PROBLEM, found, "set AWS_PROFILE to a profile of that account")
    if embedded:
        return account, Check(name, OK, f"those of the embedded cloud at {embedded['endpoint']}")
    guard = "which aws:allowedAccountIds allows" if allowed else "and aws:allowedAccountIds does not restrict it"
    return account, Check(name, OK, f"for account {account}, {guard}")


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])
