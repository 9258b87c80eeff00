"""Makes the emulator ask IAM for the actions and resources for which AWS asks, where it asks for others.

Which actions AWS has, and on which resources, is in its Service Authorization Reference:
https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html
"""

import json
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from ministack.core import iam_actions, iam_evaluator
from ministack.services import lambda_svc

from localcloud.emulator.seams import SeamChangedError, seam
from localcloud.observatory.requests import Request, read_request

# Operations of Lambda whose action has another name.
LAMBDA_ACTIONS = {"Invoke": "InvokeFunction", "GetLayerVersionByArn": "GetLayerVersion"}


@dataclass(frozen=True, kw_only=True)
class Need:
    """A right that a request needs."""

    arn: str
    action: str = ""
    """The request's own, when empty."""
    service: str = ""
    """The request's own, when empty."""
    context: Mapping[str, str] = field(default_factory=dict)


def authorize_as_aws() -> None:
    """Authorize requests by the action and the resources that AWS names, and the role of a function by iam:PassRole."""
    needs = ContextVar[list[Need]]("needs")
    _name_actions()
    _name_resources(needs)
    _authorize_every_need(needs)


def _name_actions() -> None:
    """Name the action of every Lambda operation, and that of a batch of SQS, which has no action of its own.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-api-permissions-reference.html
    """
    original = seam(iam_actions, "extract_iam_action", "service", "method", "path", "headers", "body", "query_params")
    match = seam(iam_actions, "_match_rest_action", "service", "method", "path", "query_params")
    services = getattr(iam_actions, "_BOTOCORE_SERVICE_MAP", None)
    if not isinstance(services, dict) or "lambda" in services:
        raise SeamChangedError("iam_actions has no _BOTOCORE_SERVICE_MAP without lambda. Install the pinned ministack")
    services["lambda"] = ["lambda"]

    def extract(service: str, method: str, path: str, headers: Any, body: bytes, query_params: Any) -> str | None:
        if service == "lambda" and (operation := match(service, method, path, query_params)):
            return f"lambda:{LAMBDA_ACTIONS.get(operation, operation)}"
        action = original(service, method, path, headers, body, query_params)
        return action.removesuffix("Batch") if action and action.startswith("sqs:") else action

    iam_actions.extract_iam_action = extract


def _name_resources(needs: ContextVar[list[Need]]) -> None:
    """Name resources that the emulator takes for `*`, and note what else a request needs."""
    parameters = ("service", "method", "path", "headers", "body", "query_params", "region", "account_id")
    original = seam(iam_actions, "extract_resource_arn", *parameters)

    def extract(
        service: str, method: str, path: str, headers: Any, body: bytes, query_params: Any, region: str, account_id: str
    ) -> str:
        found = original(service, method, path, headers, body, query_params, region, account_id)
        noted: list[Need] = []
        match service:
            case "monitoring":
                noted = _in_cloudwatch(read_request(path, headers, body, query_params), region, account_id)
            case "xray":
                noted = _in_xray(_json_object(body), f"{region}:{account_id}")
            case "events" if rule := _json_object(body).get("Rule") or _json_object(body).get("Name"):
                noted = [Need(arn=f"arn:aws:events:{region}:{account_id}:rule/{rule}")]
            case "lambda":
                noted = _in_lambda(path, _json_object(body), query_params, f"{region}:{account_id}", found)
            case "iam" if policy := _first(query_params, "PolicyArn"):
                noted = [Need(arn=found, context={"iam:PolicyARN": policy})]
            case "apigateway":
                noted = [Need(arn=found), *_in_api_account(path, _json_object(body))]
        needs.set(noted or [Need(arn=found)])
        return needs.get()[0].arn

    iam_actions.extract_resource_arn = extract


def _in_cloudwatch(request: Request, region: str, account_id: str) -> list[Need]:
    """Return the alarms or dashboards of a request; composite alarms are described by the right to describe all."""
    given = request.parameters
    if request.operation == "DescribeAlarms":
        return []
    alarms = [given["AlarmName"]] if "AlarmName" in given else given.get("AlarmNames") or []
    boards = [given["DashboardName"]] if "DashboardName" in given else given.get("DashboardNames") or []
    return [
        *(Need(arn=f"arn:aws:cloudwatch:{region}:{account_id}:alarm:{name}") for name in alarms),
        *(Need(arn=f"arn:aws:cloudwatch::{account_id}:dashboard/{name}") for name in boards),
    ]


def _in_xray(given: dict[str, Any], place: str) -> list[Need]:
    rule = (given.get("SamplingRule") or given.get("SamplingRuleUpdate") or given).get("RuleName")
    if rule:
        return [Need(arn=f"arn:aws:xray:{place}:sampling-rule/{rule}")]
    # A group that does not exist yet has no ID.
    group = given.get("GroupARN") or ("GroupName" in given and f"arn:aws:xray:{place}:group/{given['GroupName']}/")
    return [Need(arn=group)] if group else []


def _in_lambda(path: str, given: dict[str, Any], query_params: Any, place: str, found: str) -> list[Need]:
    collection, _, name = path.rstrip("/").rpartition("/")
    if "/event-source-mappings" in path:
        kept = lambda_svc._esms.get(name) or {}
        function = given.get("FunctionName") or kept.get("FunctionArn") or ""
        return [Need(arn=found, context={"lambda:FunctionArn": function})]
    if name == "functions" and "FunctionName" in given:
        found = f"arn:aws:lambda:{place}:function:{given['FunctionName']}"
    elif "/layers/" in collection and collection.endswith("/versions"):
        found = f"{found}:{name}"
    elif name == "layers" and (version := _first(query_params, "Arn")):
        found = version
    elif name == "provisioned-concurrency":
        found = f"{found}:{_first(query_params, 'Qualifier')}"
    if not given.get("Role"):
        return [Need(arn=found)]
    return [Need(arn=found), _passed(given["Role"], "lambda.amazonaws.com")]


def _in_api_account(path: str, given: dict[str, Any]) -> list[Need]:
    """Return what the role needs with which API Gateway writes the logs of an account."""
    changes = given.get("patchOperations") or [] if path == "/account" else []
    roles = [change.get("value") for change in changes if change.get("path") == "/cloudwatchRoleArn"]
    return [_passed(role, "apigateway.amazonaws.com") for role in roles if role]


def _passed(role: str, service: str) -> Need:
    return Need(arn=role, action="iam:PassRole", service="iam", context={"iam:PassedToService": service})


def _authorize_every_need(needs: ContextVar[list[Need]]) -> None:
    parameters = ("access_key_id", "iam_action", "service", "region", "resource_arn", "service_context")
    original = seam(iam_evaluator, "enforce", *parameters)

    def enforce(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: dict[str, Any] | None = None,
    ) -> Any:
        own, *further = needs.get([Need(arn=resource_arn)])
        context = {**(service_context or {}), **own.context}
        denied = original(access_key_id, iam_action, service, region, resource_arn, context)
        for need in further:
            if denied:
                break
            action, of_service = need.action or iam_action, need.service or service
            denied = original(access_key_id, action, of_service, region, need.arn, {**context, **need.context})
        return denied

    iam_evaluator.enforce = enforce


def _first(query_params: Any, name: str) -> str:
    found = query_params.get(name, "")
    return found[0] if isinstance(found, list) else found


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}
