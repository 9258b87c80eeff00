"""What CloudWatch Logs keeps with a log group and ministack does not: protection from deletion, and field indexes."""

import json
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch_logs

from localcloud.emulator.seams import seam
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.requests import ApiError, Request, Response, read_request

MOST_FIELDS, LONGEST_FIELD = 20, 100
_PROTECTED, _INDEX = "deletionProtectionEnabled", "indexPolicy"

Group = dict[str, Any]
"""A log group as ministack keeps it, with the settings of this module; they end with the group."""


def keep_settings_of_log_groups(observatory: Observatory) -> None:
    """Reject the deletion of protected log groups, and keep their index policies.

    Insights reads every line of its groups here, with or without an index, so an index changes no result.
    """
    handle = seam(cloudwatch_logs, "handle_request", "method", "path", "headers", "body", "query_params")

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        request = read_request(path, headers, body, query_params)
        try:
            if serve := _OPERATIONS.get(request.operation):
                return request.respond(serve(request, observatory))
            if request.operation == "DeleteLogGroup":
                _check_deletion(request)
        except ApiError as error:
            return request.fail(error)
        response = await handle(method, path, headers, body, query_params)
        if request.operation == "CreateLogGroup" and response[0] == 200:
            _group(request.parameters["logGroupName"])[_PROTECTED] = bool(request.parameters.get(_PROTECTED))
        return _described(response) if request.operation == "DescribeLogGroups" else response

    cloudwatch_logs.handle_request = handle_request


def _group(identifier: str) -> Group:
    """The log group with that name or ARN."""
    name = identifier.removesuffix(":*").rpartition(":log-group:")[2]
    if found := cloudwatch_logs._log_groups.get(name):
        return found
    raise ApiError("ResourceNotFoundException", "The specified log group does not exist.")


def _check_deletion(request: Request) -> None:
    found = cloudwatch_logs._log_groups.get(request.parameters.get("logGroupName"))
    if found and found.get(_PROTECTED):
        raise ApiError("ValidationException", "Deletion protection is enabled for the log group. Disable it first.")


def _described(response: Response) -> Response:
    status, headers, body = response
    document = json.loads(body)
    for entry in document.get("logGroups", []):
        entry[_PROTECTED] = bool(cloudwatch_logs._log_groups[entry["logGroupName"]].get(_PROTECTED))
    return status, headers, json.dumps(document).encode()


def _protect(request: Request, _: Observatory) -> dict[str, Any]:
    _group(request.parameters["logGroupIdentifier"])[_PROTECTED] = request.parameters[_PROTECTED]
    return {}


def _put_index(request: Request, observatory: Observatory) -> dict[str, Any]:
    group, text = _group(request.parameters["logGroupIdentifier"]), request.parameters["policyDocument"]
    _check_index(text)
    group[_INDEX] = {
        "logGroupIdentifier": group["arn"].removesuffix(":*"),
        "lastUpdateTime": round(observatory.clock.now() * 1000),
        "policyDocument": text,
        "source": "LOG_GROUP",
    }
    return {"indexPolicy": group[_INDEX]}


def _check_index(text: str) -> None:
    try:
        fields = json.loads(text)["Fields"]
        valid = bool(fields) and all(isinstance(name, str) and 0 < len(name) <= LONGEST_FIELD for name in fields)
    except (ValueError, TypeError, KeyError):
        fields, valid = (), False
    if not valid:
        words = f"names of at most {LONGEST_FIELD} characters"
        raise ApiError("InvalidParameterException", f'The policy must be {{"Fields": [...]}} with {words}.')
    if len(fields) > MOST_FIELDS:
        raise ApiError("LimitExceededException", f"A policy can index {MOST_FIELDS} fields, not {len(fields)}.")


def _describe_indexes(request: Request, _: Observatory) -> dict[str, Any]:
    groups = [_group(identifier) for identifier in request.parameters["logGroupIdentifiers"]]
    return {"indexPolicies": [group[_INDEX] for group in groups if group.get(_INDEX)]}


def _delete_index(request: Request, _: Observatory) -> dict[str, Any]:
    if _group(request.parameters["logGroupIdentifier"]).pop(_INDEX, None) is None:
        raise ApiError("ResourceNotFoundException", "The log group has no index policy.")
    return {}


_OPERATIONS: dict[str, Callable[[Request, Observatory], dict[str, Any]]] = {
    "PutLogGroupDeletionProtection": _protect,
    "PutIndexPolicy": _put_index,
    "DescribeIndexPolicies": _describe_indexes,
    "DeleteIndexPolicy": _delete_index,
}
