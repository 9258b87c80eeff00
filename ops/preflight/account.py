"""What the account of the credentials must have, and have free."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from components.identity import domain_prefix
from handlers.vocabulary import EVENT_HANDLER_SERVICE, QUERY_SERVICE
from ops.preflight.check import OK, PROBLEM, Check, Target, sentence
from ops.preflight.names import check_names

# Lambda reserves this many for functions without a reservation.
UNRESERVED_MINIMUM = 100
# A warm query takes less; a slower one is an incident, not a reason to reject an account.
QUERY_SECONDS = 0.1
QUOTA = "raise the quota 'Concurrent executions'"


def check_account(target: Target) -> Iterator[Check]:
    """Yield all checks of the account; a call that fails is a problem of its check."""
    for name, look in ACCOUNT_CHECKS.items():
        try:
            yield from look(target)
        except (BotoCoreError, ClientError) as error:
            yield Check(name, PROBLEM, sentence(error), "get permission for this call, or check in the AWS console")


def _check_api_account(target: Target) -> Iterator[Check]:
    name, settings = "API Gateway", target.settings
    if target.embedded:
        yield Check(name, OK, "the embedded cloud has no logs of API Gateway")
        return
    fix = f"pulumi config set --stack {settings.stack} manageApiGatewayAccount"
    arn = target.client("apigateway").get_account().get("cloudwatchRoleArn")
    role = arn.rpartition("/")[2] if arn else ""
    if role and not _role_exists(target, role):
        found = f"API Gateway is to write logs as {role}, which does not exist"
        if settings.manage_api_gateway_account:
            yield Check(name, OK, f"{found}; this stack will create another")
        else:
            yield Check(name, PROBLEM, f"{found}; it would write none", f"{fix} true")
    elif role and settings.manage_api_gateway_account and not target.state.inputs("aws:apigateway/account:Account"):
        found = f"API Gateway may write logs already, as {role}; this stack would replace that role for all APIs"
        yield Check(name, PROBLEM, found, f"{fix} false")
    elif role:
        yield Check(name, OK, f"API Gateway may write logs, as {role}")
    elif settings.manage_api_gateway_account:
        yield Check(name, OK, "API Gateway may not write logs yet; this stack will allow it")
    else:
        found = (
            f"API Gateway may not write logs in account {target.account}, region {settings.region}; "
            "the stage would fail"
        )
        yield Check(name, PROBLEM, found, f"{fix} true")


def _role_exists(target: Target, name: str) -> bool:
    try:
        target.client("iam").get_role(RoleName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        return False
    return True


def _check_concurrency(target: Target) -> Iterator[Check]:
    name, settings, client = "concurrency", target.settings, target.client("lambda")
    limits = client.get_account_settings()["AccountLimit"]
    unreserved, limit = limits["UnreservedConcurrentExecutions"], limits["ConcurrentExecutions"]
    wanted = max(settings.reserved_concurrency, 0) + settings.query_provisioned_concurrency
    held = _held(client, target) if wanted else 0
    left = unreserved - max(wanted - held, 0)
    if wanted > held and left < UNRESERVED_MINIMUM:
        found = (
            f"unreserved: {unreserved} of {limit}; after this stack reserves {wanted - held} more: {left}, "
            f"and Lambda requires {UNRESERVED_MINIMUM}"
        )
        yield Check(name, PROBLEM, found, f"lower reservedConcurrency or queryProvisionedConcurrency, or {QUOTA}")
        return
    # Without a reservation, the event handler takes from what is left, and the query function gets the rest.
    taken = settings.consumer_max_concurrency if settings.reserved_concurrency < 0 else 0
    for_queries = max(left - taken, 0) + settings.query_provisioned_concurrency
    needed = math.ceil(settings.api_rate_limit * QUERY_SECONDS)
    found = (
        f"of the account's {limit}, {left} are unreserved after this stack reserves {wanted}; the event handler uses "
        f"up to {taken} of them, which leaves {for_queries} for the query function"
    )
    if for_queries < needed:
        requirement = f"apiRateLimit ({settings.api_rate_limit}) needs about {needed}, or API requests are throttled"
        yield Check(
            name, PROBLEM, f"{found}; {requirement}", f"lower consumerMaxConcurrency or apiRateLimit, or {QUOTA}"
        )
        return
    yield Check(name, OK, found)


def _held(client: Any, target: Target) -> int:
    """Return how much concurrency the stack reserves already; 0 when it is not deployed."""
    held = 0
    try:
        name = target.settings.physical_name(EVENT_HANDLER_SERVICE)
        held += client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0)
        name = target.settings.physical_name(QUERY_SERVICE)
        configs = client.list_provisioned_concurrency_configs(FunctionName=name)["ProvisionedConcurrencyConfigs"]
        held += sum(config["RequestedProvisionedConcurrentExecutions"] for config in configs)
    except client.exceptions.ResourceNotFoundException:
        pass  # not deployed yet
    return held


def _check_domain(target: Target) -> Iterator[Check]:
    name, client, settings = "domain", target.client("cognito-idp"), target.settings
    pool_name = settings.physical_name("callers")
    prefix = domain_prefix(pool_name, target.account)
    description = client.describe_user_pool_domain(Domain=prefix)["DomainDescription"]
    id_ = description.get("UserPoolId")
    if not id_:
        yield Check(name, OK, f"{prefix} is free")
        return
    delete = (
        f"aws cognito-idp delete-user-pool-domain --domain {prefix} --user-pool-id {id_} --region {settings.region}"
    )
    if description.get("AWSAccountId", target.account) == target.account:
        pool = client.describe_user_pool(UserPoolId=id_)["UserPool"]
        if pool["Name"] != pool_name:
            yield Check(name, PROBLEM, f"{prefix} belongs to another user pool, {id_}", delete)
        elif any(domain.get("domain") == prefix for domain in target.state.inputs(DOMAIN)):
            yield Check(name, OK, f"{prefix} belongs to this stack's pool, {id_}")
        else:
            found = f"{prefix} belongs to pool {id_}, which has this stack's name and is not in its state"
            yield Check(name, PROBLEM, found, f"{delete}; its clients can then get no more tokens")
        return
    found = f"{prefix} belongs to a user pool of another account"
    yield Check(name, PROBLEM, found, "pulumi stack init NAME, for a stack of another name")


DOMAIN = "aws:cognito/userPoolDomain:UserPoolDomain"
ACCOUNT_CHECKS: dict[str, Callable[[Target], Iterator[Check]]] = {
    "API Gateway": _check_api_account,
    "concurrency": _check_concurrency,
    "names": check_names,
    "domain": _check_domain,
}
