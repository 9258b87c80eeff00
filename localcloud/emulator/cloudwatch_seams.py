"""Where requests to CloudWatch arrive, where alarms notify, and what exists in the account.

Each function that is wrapped or replaced is checked against its signature when the emulator starts.
"""

import asyncio
import json
from typing import Any

from ministack.core.responses import get_account_id, get_region, new_uuid, request_scope
from ministack.services import apigateway_v1, cloudwatch, cloudwatch_logs, dynamodb, lambda_svc, sns, sqs

from localcloud.emulator import notification_seams
from localcloud.emulator.seams import seam
from localcloud.observatory.observatory import Observatory
from localcloud.observatory.requests import ApiError, Request, read_request

HTTP = ("method", "path", "headers", "body", "query_params")


def serve_cloudwatch(observatory: Observatory) -> None:
    """Let the observatory answer for metrics and alarms; ministack evaluates and records nothing."""
    handle = seam(cloudwatch, "handle_request", *HTTP)

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query_params: Any) -> Any:
        request = read_request(path, headers, body, query_params)
        try:
            # In a thread, because a long series must not hold up other requests.
            if response := await asyncio.to_thread(observatory.answer, request):
                return response
            prepared = _prepare(observatory, request)
            # ministack checks and keeps the tags.
            response = await handle(method, path, headers, body, query_params)
            if prepared and response[0] == 200:
                prepared()
        except ApiError as error:
            return request.fail(error)
        return response

    cloudwatch.handle_request = handle_request
    for name, *parameters in (
        ("record_metric", "namespace", "metric_name", "value", "unit", "dimensions"),
        ("_evaluate_all_alarms",),
        ("_evaluate_alarm", "alarm"),
        ("_evaluate_parent_alarms", "child", "seen"),
        ("_dispatch_alarm_actions", "alarm", "old_state", "new_state", "reason"),
    ):
        seam(cloudwatch, name, *parameters)
        setattr(cloudwatch, name, lambda *_, **__: None)


def _prepare(observatory: Observatory, request: Request) -> Any:
    """What is to be done once ministack accepted a change of alarms; ApiError if it is not allowed."""
    api = observatory.alarm_api
    if request.operation == "DeleteAlarms":
        names = api.check_delete(request.parameters)
        return lambda: api.delete(names)
    if (alarm := api.read(request.operation, request.parameters)) is None:
        return None
    arn = f"arn:aws:cloudwatch:{get_region()}:{get_account_id()}:alarm:{alarm.name}"
    return lambda: api.put(alarm, request.parameters, arn)


def observe_topics(observatory: Observatory) -> None:
    """Deliver to the pager what would leave this machine, and let alarms publish. Nothing contacts an endpoint."""
    parameters = ("topic_arn", "msg_id", "message", "subject", "message_structure", "message_attributes")
    fan_out = seam(sns, "_fanout", *parameters, "message_group_id", "message_dedup_id")
    seam(sns, "_http_post_sync", "endpoint", "payload", "sns_message_type")
    seam(sns, "_deliver_to_http", "endpoint", "payload")
    seam(sns, "_confirm_subscription", "params")
    notification_seams.check_policies()
    notification_seams.observe_subscriptions()

    def deliver(topic: str, protocol: str, subject: str, message: str, endpoint: str) -> None:
        is_reachable = endpoint not in observatory.faults.unreachable
        delivered = observatory.pager.receive(topic, protocol, subject, message, endpoint, is_reachable=is_reachable)
        observatory.meter.delivery(topic, delivered=delivered)

    def fan_out_seen(topic_arn: str, msg_id: str, message: str, subject: str, *rest: Any, **more: Any) -> None:
        name = topic_arn.rpartition(":")[2]
        observatory.meter.published(name)
        for subscription in (sns._topic_by_arn_any_scope(topic_arn) or {}).get("subscriptions", ()):
            if subscription["protocol"].startswith("email") and subscription["confirmed"]:
                deliver(name, subscription["protocol"], subject, message, "")
        fan_out(topic_arn, msg_id, message, subject, *rest, **more)

    def deliver_to_http(endpoint: str, payload: str) -> Any:
        """Deliver at once: a thread of its own would be late for the minute."""
        envelope = _envelope(payload)
        topic = str(envelope.get("TopicArn", "")).rpartition(":")[2]
        subject, message = str(envelope.get("Subject", "")), str(envelope.get("Message", payload))
        deliver(topic, endpoint.partition(":")[0], subject, message, endpoint)
        return _nothing()

    def confirm(endpoint: str, payload: str, sns_message_type: str) -> int:
        """Confirm a subscription as a pager does, instead of contacting it, unless it accepts no message."""
        if endpoint in observatory.faults.unreachable:
            return 500
        if sns_message_type == "SubscriptionConfirmation":
            sns._confirm_subscription(_envelope(payload))
        return 200

    sns._fanout, sns._http_post_sync, sns._deliver_to_http = fan_out_seen, confirm, deliver_to_http
    observatory.alarms.publish = _publish


def _publish(topic: str, alarm: str, subject: str, message: str) -> str | None:
    """Publish for an alarm; why that was not possible, or None."""
    _, _, _, region, account, *_ = alarm.split(":")
    with request_scope(account, region):
        if error := notification_seams.why_rejected(topic, alarm, account):
            return error
        sns._fanout(topic, new_uuid(), message, subject)
    return None


async def _nothing() -> None:
    """Do nothing, where ministack expects a coroutine."""


def _envelope(payload: str) -> dict[str, Any]:
    try:
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def observe_boards(observatory: Observatory) -> None:
    """Let the observatory read the boards as they were put."""

    def boards() -> dict[str, str]:
        return {name: found["DashboardBody"] for (*_, name), found in sorted(cloudwatch._dashboards._data.items())}

    observatory.boards = boards


def observe_resources(observatory: Observatory) -> None:
    """Let alarms see what exists, and when it changes."""

    def resources() -> dict[tuple[str, str], object]:
        found: dict[tuple[str, str], object] = {}
        for *_, url in list(sqs._queues._data):
            found["QueueName", url.rpartition("/")[2]] = True
        for (*_, name), function in list(lambda_svc._functions._data.items()):
            config = function["config"]
            found["FunctionName", name] = config.get("LastModified"), config.get("State")
        for (*_, uuid), mapping in list(lambda_svc._esms._data.items()):
            found["EventSourceMappingUUID", uuid] = True
            found["EventSourceMappingState", uuid] = mapping.get("Enabled"), mapping.get("LastModified")
        for (*_, name), table in list(dynamodb._tables._data.items()):
            found["TableName", name] = table.get("TableStatus")
        for (account, region, api_id), api in list(apigateway_v1._rest_apis._data.items()):
            stages = apigateway_v1._stages_v1.get_scoped(account, region, api_id, {})
            if stages:  # without one it serves nothing
                found["ApiName", api["name"]] = sorted((name, s.get("deploymentId")) for name, s in stages.items())
        for (*_, arn), topic in list(sns._topics._data.items()):
            found["TopicName", arn.rpartition(":")[2]] = len(topic["subscriptions"])
        for *_, name in list(cloudwatch_logs._log_groups._data):
            found["LogGroupName", name] = True
        return found

    observatory.alarms.resources = resources
