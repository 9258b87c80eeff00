"""The names that only one resource of an account can have, and who has them.

A killed first deployment, or a lost state, leaves resources with these names, and each blocks the next deployment.
"""

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from botocore.exceptions import ClientError

from components.api import STAGE
from components.monitoring.queries import LogGroups
from components.settings.stack_settings import StackSettings
from handlers.vocabulary import EVENT_HANDLER_SERVICE, LIVE_ALIAS, PROBE_SERVICE, QUERY_SERVICE
from ops.preflight.check import OK, PROBLEM, Check, Target

FUNCTION = "event-processing:function:PythonFunction"
PROBE = "event-processing:probe:Probe"
QUEUE = "event-processing:queue:EventQueue"
TRACING = "event-processing:monitoring:Tracing"
ABSENT = {
    "ResourceNotFoundException",
    "AWS.SimpleQueueService.NonExistentQueue",
    "QueueDoesNotExist",
    "ParameterNotFound",
}

Find = Callable[[Target, str], str | None]
"""Returns the ID that Pulumi imports the resource of that name by; None or a ClientError of ABSENT without one."""


@dataclass(frozen=True, kw_only=True)
class FixedName:
    """A name that the program chooses, and that AWS gives once."""

    type: str
    logical_name: str
    parent: str
    """Type and logical name of the component, as a URN ends."""
    key: str
    """The input that is the name."""
    value: str
    find: Find
    delete: str
    """The arguments of the AWS CLI that delete it, with `{id}` and `{name}`."""
    owner: str = ""
    """The resource in which the name is given once; empty for the account."""

    def in_state(self, target: Target) -> bool:
        """Whether the stack has this resource, under this name."""
        inputs = target.state.inputs(self.type, self.logical_name)
        # The mapping is named by the ARN of its queue; no name contains a colon.
        return any(str(resource.get(self.key)).rpartition(":")[2] == self.value for resource in inputs)

    def ways_out(self, target: Target, id_: str) -> str:
        """Return the commands that give the resource to the stack, and the one that deletes it."""
        stack, region = target.settings.stack, target.settings.region
        urn = f"urn:pulumi:{stack}::{target.settings.project}"
        delete = f"aws {self.delete.format(id=id_, name=self.value)} --region {region}"
        if target.embedded:
            delete = "start the embedded cloud again"
        return (
            f"to keep it, pulumi import --stack {stack} --protect=false {self.type} {self.logical_name} "
            f"{shlex.quote(id_)} --parent 'parent={urn}::{self.parent}' "
            f"--provider 'provider={urn}::pulumi:providers:aws::aws'; "
            f"to delete it and what it holds, {delete}"
        )


def fixed_names(settings: StackSettings) -> Iterator[FixedName]:
    """Return all fixed names of a stack, except the domain, which has a check of its own."""
    yield FixedName(
        type="aws:dynamodb/table:Table",
        logical_name="user-services-records",
        parent="event-processing:table:UserServicesTable::user-services",
        key="name",
        value=settings.physical_name("user-services"),
        find=lambda target, name: target.client("dynamodb").describe_table(TableName=name)["Table"]["TableName"],
        delete="dynamodb delete-table --table-name {name}",
    )
    for role, logical_name in (("events", "events-source"), ("events-dead-letters", "events-dead-letters")):
        yield FixedName(
            type="aws:sqs/queue:Queue",
            logical_name=logical_name,
            parent=f"{QUEUE}::events",
            key="name",
            value=settings.physical_name(role),
            find=lambda target, name: target.client("sqs").get_queue_url(QueueName=name)["QueueUrl"],
            delete="sqs delete-queue --queue-url {id}",
        )
    probes = (PROBE_SERVICE,) if settings.probe else ()
    for role in (EVENT_HANDLER_SERVICE, QUERY_SERVICE, *probes):
        parent = f"{PROBE}${FUNCTION}::{role}" if role in probes else f"{FUNCTION}::{role}"
        yield FixedName(
            type="aws:lambda/function:Function",
            logical_name=f"{role}-function",
            parent=parent,
            key="name",
            value=settings.physical_name(role),
            find=_find_function,
            delete="lambda delete-function --function-name {name}",
        )
        function = settings.physical_name(role)
        yield FixedName(
            type="aws:lambda/alias:Alias",
            logical_name=f"{role}-alias",
            parent=parent,
            key="name",
            value=LIVE_ALIAS,
            find=partial(_find_alias, function),
            delete=f"lambda delete-alias --function-name {function} --name {{name}}",
            owner=function,
        )
    if settings.probe:
        yield from _names_of_the_probe(settings)
    groups = LogGroups.of(settings.log_group_name, probe=settings.probe)
    for logical_name, parent, group in (
        ("api-access-log", "event-processing:api:QueryApi::api", groups.api_access),
        ("event-handler-log", f"{FUNCTION}::{EVENT_HANDLER_SERVICE}", groups.event_handler),
        ("query-log", f"{FUNCTION}::{QUERY_SERVICE}", groups.query),
        *(("probe-log", f"{PROBE}${FUNCTION}::probe", group) for group in groups.others),
    ):
        yield FixedName(
            type="aws:cloudwatch/logGroup:LogGroup",
            logical_name=logical_name,
            parent=parent,
            key="name",
            value=group,
            find=_find_log_group,
            delete="logs delete-log-group --log-group-name {name}",
        )
    yield FixedName(
        type="aws:lambda/eventSourceMapping:EventSourceMapping",
        logical_name="consumer-mapping",
        parent="event-processing:consumer:QueueConsumer::consumer",
        key="eventSourceArn",
        value=settings.physical_name("events"),
        find=_find_mapping,
        delete="lambda delete-event-source-mapping --uuid {id}",
    )
    yield FixedName(
        type="aws:xray/group:Group",
        logical_name="tracing-group",
        parent=f"{TRACING}::tracing",
        key="groupName",
        value=settings.physical_prefix,
        find=_find_trace_group,
        delete="xray delete-group --group-arn {id}",
    )
    yield FixedName(
        type="aws:xray/samplingRule:SamplingRule",
        logical_name="tracing-sampling",
        parent=f"{TRACING}::tracing",
        key="ruleName",
        value=settings.physical_prefix,
        find=_find_sampling_rule,
        delete="xray delete-sampling-rule --rule-name {name}",
    )


def names_within(target: Target) -> Iterator[FixedName]:
    """Return the fixed names within the user pool and the API of the stack's state."""
    for pool in target.state.ids("aws:cognito/userPool:UserPool"):
        yield FixedName(
            type="aws:cognito/resourceServer:ResourceServer",
            logical_name="identity-scopes",
            parent="event-processing:identity:ApiIdentity::identity",
            key="identifier",
            value=target.settings.project,
            find=partial(_find_resource_server, pool),
            delete=f"cognito-idp delete-resource-server --user-pool-id {pool} --identifier {{name}}",
        )
    for api in target.state.ids("aws:apigateway/restApi:RestApi"):
        yield FixedName(
            type="aws:cloudwatch/logGroup:LogGroup",
            logical_name="api-execution-log",
            parent="event-processing:api:QueryApi::api",
            key="name",
            value=f"API-Gateway-Execution-Logs_{api}/{STAGE}",
            find=_find_log_group,
            delete="logs delete-log-group --log-group-name {name}",
        )


def check_names(target: Target) -> Iterator[Check]:
    """Yield a problem for each fixed name that a resource outside the stack's state has."""
    names = [*fixed_names(target.settings), *names_within(target)]
    others = [name for name in names if not name.in_state(target)]
    taken = False
    for name in others:
        if id_ := _holder(target, name):
            taken = True
            kind = name.type.rpartition(":")[2]
            place = f" of {name.owner}" if name.owner else ""
            found = (
                f"{kind} {name.value}{place} exists, but not in the state of this stack; `pulumi up` would stop at it"
            )
            yield Check("names", PROBLEM, found, name.ways_out(target, id_))
    if not taken:
        yield Check("names", OK, f"{len(names) - len(others)} belong to this stack, {len(others)} are free")


def _holder(target: Target, name: FixedName) -> str | None:
    try:
        return name.find(target, name.value)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ABSENT:
            raise
        return None


def _names_of_the_probe(settings: StackSettings) -> Iterator[FixedName]:
    yield FixedName(
        type="aws:cloudwatch/eventRule:EventRule",
        logical_name="probe-schedule",
        parent=f"{PROBE}::probe",
        key="name",
        value=settings.physical_name(PROBE_SERVICE),
        find=lambda target, name: target.client("events").describe_rule(Name=name)["Name"],
        delete="events delete-rule --name {name}",
    )
    yield FixedName(
        type="aws:ssm/parameter:Parameter",
        logical_name="probe-client-secret",
        parent=f"{PROBE}::probe",
        key="name",
        value=f"{settings.log_group_name(PROBE_SERVICE)}-client-secret",
        find=lambda target, name: target.client("ssm").get_parameter(Name=name)["Parameter"]["Name"],
        delete="ssm delete-parameter --name {name}",
    )


def _find_function(target: Target, name: str) -> str | None:
    target.client("lambda").get_function_configuration(FunctionName=name)
    return name


def _find_alias(function: str, target: Target, name: str) -> str | None:
    target.client("lambda").get_alias(FunctionName=function, Name=name)
    return f"{function}/{name}"


def _find_log_group(target: Target, name: str) -> str | None:
    pages = target.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
    return next((name for page in pages for group in page["logGroups"] if group["logGroupName"] == name), None)


def _find_resource_server(pool: str, target: Target, identifier: str) -> str | None:
    client = target.client("cognito-idp")
    pages = client.get_paginator("list_resource_servers").paginate(UserPoolId=pool)
    servers = (server for page in pages for server in page["ResourceServers"])
    return next((f"{pool}|{identifier}" for server in servers if server["Identifier"] == identifier), None)


def _find_mapping(target: Target, name: str) -> str | None:
    arn = f"arn:aws:sqs:{target.settings.region}:{target.account}:{name}"
    mappings = target.client("lambda").list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]
    function = target.settings.physical_name(EVENT_HANDLER_SERVICE)
    ours = (mapping["UUID"] for mapping in mappings if mapping["FunctionArn"].split(":")[6] == function)
    return next(ours, None)


def _find_trace_group(target: Target, name: str) -> str | None:
    pages = target.client("xray").get_paginator("get_groups").paginate()
    return next((g["GroupARN"] for page in pages for g in page["Groups"] if g.get("GroupName") == name), None)


def _find_sampling_rule(target: Target, name: str) -> str | None:
    pages = target.client("xray").get_paginator("get_sampling_rules").paginate()
    rules = (record["SamplingRule"] for page in pages for record in page["SamplingRuleRecords"])
    return next((name for rule in rules if rule.get("RuleName") == name), None)
