"""Rules for every stack: functions from a recorded graph to sentences that report violations.

No rule reads the components: the graph is what would be deployed.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from handlers.vocabulary import LIVE_ALIAS
from localcloud.deployer.engine import Resource
from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws

Rule = Callable[[Graph], Iterator[str]]

TAGS = {"project", "stack", "owner", "data-class"}

# The input that holds the physical name.
NAMED = dict.fromkeys(
    [aws.QUEUE, aws.TABLE, aws.FUNCTION, aws.USER_POOL, aws.RESOURCE_SERVER, aws.REST_API, aws.TOPIC, aws.ALARM], "name"
) | {aws.LAYER: "layerName", aws.DOMAIN: "domain", aws.DASHBOARD: "dashboardName"}

# Visibility timeout by the consumer's timeout and batch window, as AWS recommends it for each stack under test.
VISIBILITY_SECONDS = {(10, 0): 60, (10, 1): 61, (10, 5): 65}

# What a protected stack keeps from deletion: data and secrets that no deployment brings back.
PROTECTED = {aws.QUEUE, aws.TABLE, aws.USER_POOL}
# What a stack leaves behind: a setting that all APIs of the account share, and the key that still decrypts backups.
RETAINED_COMPONENTS = {
    "event-processing:api_account:ApiGatewayAccount",
    "event-processing:encryption:DataEncryption",
}


def custom(graph: Graph) -> list[Resource]:
    """Every resource of the AWS provider."""
    return [resource for resource in graph.resources if resource.custom and resource.type.startswith("aws:")]


def statements(graph: Graph, *types: str) -> Iterator[tuple[Resource, dict[str, Any]]]:
    """Every statement of the policies attached to resources of these types."""
    for resource in graph.resources:
        if resource.type in types and "policy" in resource.inputs:
            for statement in json.loads(resource.inputs["policy"])["Statement"]:
                yield resource, statement


def stack_name(graph: Graph) -> str:
    """Name of the recorded stack."""
    return graph.resources[0].urn.split(":")[2]


def prefix(graph: Graph) -> str:
    """Prefix of names in the recorded stack."""
    return graph.one("pulumi:pulumi:Stack").name


def depends_on(graph: Graph, resource: Resource, *needed: Resource) -> Iterator[str]:
    """Report which of the needed resources can be made after this resource."""
    direct = {resource.urn: resource.depends_on for resource in graph.resources}
    reached, waiting = set(), [resource.urn]
    while waiting:
        urn = waiting.pop()
        if urn not in reached:
            reached.add(urn)
            waiting += direct.get(urn, [])
    yield from (
        f"{resource.name} does not wait for {dependency.name}" for dependency in needed if dependency.urn not in reached
    )


def children_of_components(graph: Graph) -> Iterator[str]:
    """Every resource is a child of a component of ours."""
    for resource in custom(graph):
        if not resource.parent or graph.by_urn(resource.parent).type.split(":")[0] != "event-processing":
            yield f"{resource.name} is not a child of a component"


def explicit_tagging_provider(graph: Graph) -> Iterator[str]:
    """Every resource is made by the provider that tags it."""
    for resource in custom(graph):
        tags = resource.provider.inputs.get("defaultTags", {}).get("tags", {}) if resource.provider else {}
        if not {key for key, value in tags.items() if value} >= TAGS:
            yield f"{resource.name} is not tagged with {', '.join(sorted(TAGS))}"


def physical_names(graph: Graph) -> Iterator[str]:
    """Visible names begin with project and stack, so that stacks can share an account."""
    for resource in custom(graph):
        key = NAMED.get(resource.type)
        if key and not resource.inputs.get(key, "").startswith(f"{prefix(graph)}-"):
            yield f"{resource.name} is named {resource.inputs.get(key)}"
    start = f"/{prefix(graph).removesuffix('-' + stack_name(graph))}/{stack_name(graph)}/"
    for group in graph.of_type(aws.LOG_GROUP):
        if not group.inputs.get("name", "").startswith((start, "API-Gateway-Execution-Logs_")):
            yield f"log group {group.name} is named {group.inputs.get('name')}"


def roles_trust_one_service(graph: Graph) -> Iterator[str]:
    """A role can be assumed by exactly one AWS service."""
    for role in graph.of_type(aws.ROLE):
        trust = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        services = [statement["Principal"].get("Service") for statement in trust]
        if len(services) != 1 or not isinstance(services[0], str):
            yield f"{role.name} can be assumed by {services}"


def log_groups(graph: Graph) -> Iterator[str]:
    """Every log group that AWS would make itself is in the graph, before what writes to it."""
    groups = {group.inputs["name"]: group for group in graph.of_type(aws.LOG_GROUP)}
    for function in graph.of_type(aws.FUNCTION):
        group = groups.get(function.inputs.get("loggingConfig", {}).get("logGroup"))
        yield from depends_on(graph, function, group) if group else [f"{function.name} has no log group"]
    for stage in graph.of_type(aws.STAGE):
        execution = groups.get(f"API-Gateway-Execution-Logs_{stage.inputs['restApi']}/{stage.inputs['stageName']}")
        yield from depends_on(graph, stage, execution) if execution else [f"{stage.name} has no execution log group"]
        arns = {group.outputs["arn"] for group in groups.values()}
        if stage.inputs.get("accessLogSettings", {}).get("destinationArn") not in arns:
            yield f"{stage.name} has no access log group"


def json_logs(graph: Graph) -> Iterator[str]:
    """Lambda drops neither the lines nor the metrics the handlers write, and no library logs what it sends.

    Lambda takes a line without a level, such as a metric, for INFO. Its own line about a failure has WARN, the highest
    level that a function can have for those.
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    wanted = {"logFormat": "JSON", "applicationLogLevel": "INFO"}
    for function in graph.of_type(aws.FUNCTION):
        config = function.inputs.get("loggingConfig", {})
        if not wanted.items() <= config.items() or config.get("systemLogLevel") not in ("INFO", "WARN"):
            yield f"{function.name} logs by {config}"


def queries_find_the_lines_of_lambda(graph: Graph) -> Iterator[str]:
    """Where Lambda writes lines about failures only, no saved query and no widget promises anything else."""
    levels = {function.inputs["loggingConfig"].get("systemLogLevel") for function in graph.of_type(aws.FUNCTION)}
    if levels == {"INFO"}:
        return
    for query in graph.of_type(aws.QUERY):
        if "initDurationMs" in query.inputs["queryString"]:
            yield f"{query.name} would find no start that succeeded"
    for board in graph.of_type(aws.DASHBOARD):
        for widget in json.loads(board.inputs["dashboardBody"])["widgets"]:
            shown = widget["properties"]
            if "maxMemoryUsedMB" in shown.get("query", "") and "failed" not in shown["title"]:
                yield f"{board.name} calls {shown['title']!r} what is known of failed invocations only"


def redrive(graph: Graph) -> Iterator[str]:
    """A message that cannot succeed ends in the dead-letter queue, which accepts messages of the source queue only."""
    source, dead = graph.one(aws.QUEUE, "events-source"), graph.one(aws.QUEUE, "events-dead-letters")
    policy = json.loads(source.inputs.get("redrivePolicy", "{}"))
    if policy.get("deadLetterTargetArn") != dead.outputs["arn"] or policy.get("maxReceiveCount", 0) < 5:
        yield f"the source redrives by {policy}"
    allow = json.loads(graph.one(aws.REDRIVE_ALLOW).inputs["redriveAllowPolicy"])
    if allow != {"redrivePermission": "byQueue", "sourceQueueArns": [source.outputs["arn"]]}:
        yield f"dead letters are accepted by {allow}"
    if dead.inputs["messageRetentionSeconds"] <= source.inputs["messageRetentionSeconds"]:
        yield "dead letters expire as early as events"


def message_sizes(graph: Graph) -> Iterator[str]:
    """The dead-letter queue accepts every quarantined message: twice the size of the source queue leaves room enough.

    The size that SQS compares includes attributes, and the quarantine adds some; tests/handlers/test_quarantine.py
    sends the largest message. https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
    """
    source, dead = graph.one(aws.QUEUE, "events-source"), graph.one(aws.QUEUE, "events-dead-letters")
    accepted = source.inputs.get("maxMessageSize", 1024 * 1024)
    if not 2 * accepted <= dead.inputs.get("maxMessageSize", 256 * 1024):
        yield f"the dead-letter queue accepts {dead.inputs.get('maxMessageSize')} bytes, the source queue {accepted}"


def visibility_timeout(graph: Graph) -> Iterator[str]:
    """No message is delivered again while its consumer may still be running."""
    timeout = graph.one(aws.FUNCTION, "event-handler-function").inputs["timeout"]
    window = graph.one(aws.MAPPING).inputs["maximumBatchingWindowInSeconds"]
    found = graph.one(aws.QUEUE, "events-source").inputs.get("visibilityTimeoutSeconds", 30)
    if found != VISIBILITY_SECONDS.get((timeout, window)):
        yield f"visibility timeout is {found} s for a timeout of {timeout} s and a window of {window} s"


def tls_only_queues(graph: Graph) -> Iterator[str]:
    """Every queue rejects plain HTTP."""
    for queue in graph.of_type(aws.QUEUE):
        denial: dict[str, Any] = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": ["sqs:*"]}
        denial |= {"Resource": [queue.outputs["arn"]], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
        policies = statements(graph, aws.QUEUE_POLICY)
        found = [said for policy, said in policies if policy.inputs["queueUrl"] == queue.outputs["url"]]
        if sum(denial.items() <= said.items() for said in found) != 1:
            yield f"{queue.name} can be reached without TLS"


def encrypted_at_rest(graph: Graph) -> Iterator[str]:
    """With a customer key, every resource with data uses it; without a customer key, queues are encrypted too."""
    arns = [key.outputs["arn"] for key in graph.of_type(aws.KEY) if key.name == "encryption-data"]
    used = {aws.QUEUE: "kmsMasterKeyId", aws.LOG_GROUP: "kmsKeyId", aws.FUNCTION: "kmsKeyArn"}
    for resource in custom(graph):
        found = resource.inputs.get(used.get(resource.type, ""))
        if resource.type == aws.TABLE:
            encryption = resource.inputs.get("serverSideEncryption", {})
            found = encryption.get("kmsKeyArn")
            # The provider takes a missing block for "as it is": hashicorp/terraform-provider-aws#29811.
            if encryption.get("enabled") is not bool(arns):
                yield f"{resource.name} does not say whether it uses a customer key"
        if resource.type in {*used, aws.TABLE} and arns and found not in arns:
            yield f"{resource.name} does not use the customer key"
        if resource.type == aws.QUEUE and not arns and resource.inputs.get("sqsManagedSseEnabled") is not True:
            yield f"{resource.name} is not encrypted"


def key_outlives_its_data(graph: Graph) -> Iterator[str]:
    """A customer key can be used before the first queue uses it, and as long as anything is encrypted with it.

    A message stays encrypted with the key of its queue when the queue gets another one, log lines and backups too.
    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    Protection would not do: a key that the program no longer names can be neither deleted nor unprotected by it. The
    roles' own policies would not do: they change after queues and table, and lose the key with them.
    """
    for key in graph.of_type(aws.KEY):
        if key.name == "encryption-data":
            if not key.retain_on_delete or key.protect:
                yield f"{key.name} is not retained, or protected"
            said = json.loads(key.inputs["policy"])["Statement"]
            account = [statement for statement in said if statement["Principal"] == {"AWS": "*"}]
            through = {"kms:CallerAccount": key.outputs["arn"].split(":")[4]}
            through["kms:ViaService"] = [f"{service}.eu-west-1.amazonaws.com" for service in ("sqs", "dynamodb")]
            if [statement.get("Condition") for statement in account] != [{"StringEquals": through}]:
                yield f"{key.name} cannot be used by the account through SQS and DynamoDB, or by others too"
            elif not {"kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"} <= set(account[0]["Action"]):
                yield f"{key.name} lets the account {account[0]['Action']}"


def partial_batches(graph: Graph) -> Iterator[str]:
    """A failed message does not return its batch to the queue, and concurrency is bounded."""
    inputs = graph.one(aws.MAPPING).inputs
    if inputs.get("functionResponseTypes") != ["ReportBatchItemFailures"]:
        yield "the mapping takes no partial failures"
    if inputs.get("scalingConfig", {}).get("maximumConcurrency", 0) < 2:
        yield "the mapping's concurrency is not bounded"
    if inputs.get("metricsConfig") != {"metrics": ["EventCount"]}:
        yield "the mapping counts nothing"


def ready_before_traffic(graph: Graph) -> Iterator[str]:
    """Whatever a live request, message or page needs exists before traffic reaches it, and is deleted after.

    Pulumi creates, updates and replaces in the order of dependencies, and deletes in the reverse order. A stage lets
    requests in, a mapping messages, and an alarm pages: CloudWatch notifies once, when the state changes.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-actions.html
    """
    serving = [made for made in graph.of_type(aws.PERMISSION) if made.inputs["principal"] == "apigateway.amazonaws.com"]
    for stage in graph.of_type(aws.STAGE):
        needed = [*serving, *graph.of_type(aws.METRIC_FILTER), *graph.of_type(aws.ACCOUNT)]
        yield from depends_on(graph, stage, graph.one(aws.ROLE_POLICY, "query-permissions"), *needed)
    for integration in graph.of_type(aws.INTEGRATION):
        yield from depends_on(graph, integration, *serving)
    aliases = {(alias.inputs["functionName"], alias.inputs["name"]): alias for alias in graph.of_type(aws.ALIAS)}
    for permission in graph.of_type(aws.PERMISSION):
        alias = aliases.get((permission.inputs["function"], permission.inputs.get("qualifier")))
        yield from depends_on(graph, permission, *filter(None, [alias]))
        # Pulumi deletes what it replaces at the end, after the stage has moved, unless one of these says otherwise.
        if permission.delete_before_replace or permission.inputs.get("statementId"):
            yield f"{permission.name} is deleted before its replacement is there"
    mapping, dead_letters = graph.one(aws.MAPPING), graph.one(aws.QUEUE, "events-dead-letters")
    # AWS checks the role when it creates the mapping.
    yield from depends_on(graph, mapping, graph.one(aws.ROLE_POLICY, "event-handler-permissions"), dead_letters)
    listening = [(made.inputs["arn"], made) for made in graph.of_type(aws.TOPIC_POLICY)]
    listening += [(made.inputs["topic"], made) for made in graph.of_type(aws.SUBSCRIPTION)]
    for alarm in (*graph.of_type(aws.ALARM), *graph.of_type(aws.COMPOSITE)):
        topics = [*alarm.inputs.get("alarmActions", []), *alarm.inputs.get("okActions", [])]
        yield from depends_on(graph, alarm, *(made for topic, made in listening if topic in topics))


def callers_name_the_alias(graph: Graph) -> Iterator[str]:
    """Every caller names the alias `live` of a function, which names its newest version.

    AWS updates the configuration of a function before its code. Only a published version has both of one deployment.
    """
    aliases = [alias for alias in graph.of_type(aws.ALIAS) if alias.inputs["name"] == LIVE_ALIAS]
    by_function = {alias.inputs["functionName"]: alias for alias in aliases}
    for function in graph.of_type(aws.FUNCTION):
        alias = by_function.get(function.inputs["name"])
        if function.inputs.get("publish") is not True or not alias:
            yield f"{function.name} publishes no version, or has no alias {LIVE_ALIAS}"
        elif alias.inputs["functionVersion"] != function.outputs["version"]:
            yield f"{alias.name} names version {alias.inputs['functionVersion']}"
    called = [(mapping, mapping.inputs["functionName"]) for mapping in graph.of_type(aws.MAPPING)]
    called += [(integration, integration.inputs["uri"]) for integration in graph.of_type(aws.INTEGRATION)]
    live = {alias.outputs[output] for alias in aliases for output in ("arn", "invokeArn")}
    yield from (f"{caller.name} invokes {target}" for caller, target in called if target not in live)
    for resource in (*graph.of_type(aws.PERMISSION), *graph.of_type(aws.PROVISIONED)):
        if resource.inputs.get("qualifier") != LIVE_ALIAS:
            yield f"{resource.name} is about {resource.inputs.get('qualifier')}"


def versions_are_paired(graph: Graph) -> Iterator[str]:
    """Versions of the functions that were deployed together have the same variable RELEASE, a short hash."""
    found = {function.inputs["environment"]["variables"].get("RELEASE") for function in graph.of_type(aws.FUNCTION)}
    if len(found) != 1 or not all(re.fullmatch("[0-9a-f]{12}", str(release)) for release in found):
        yield f"the functions belong to the releases {found}"


def tracing(graph: Graph) -> Iterator[str]:
    """Every function traces what it does; checkov finds a stage that does not."""
    for function in graph.of_type(aws.FUNCTION):
        if function.inputs.get("tracingConfig") != {"mode": "Active"}:
            yield f"{function.name} does not trace"


def protections(graph: Graph) -> Iterator[str]:
    """A protected stack protects data, another can be destroyed; only the account's setting and key are retained."""
    table, pool = graph.one(aws.TABLE), graph.one(aws.USER_POOL)
    for resource in custom(graph):
        if resource.protect != (table.protect and resource.type in PROTECTED):
            yield f"{resource.name} has protect {resource.protect}"
        if resource.retain_on_delete != (graph.by_urn(resource.parent).type in RETAINED_COMPONENTS):
            yield f"{resource.name} has retain_on_delete {resource.retain_on_delete}"
        if resource.inputs.get("skipDestroy"):
            yield f"{resource.name} is skipped by destroy"
    if table.inputs.get("deletionProtectionEnabled") != (pool.inputs.get("deletionProtection") == "ACTIVE"):
        yield "table and user pool differ in deletion protection"
    if table.protect and not table.inputs.get("deletionProtectionEnabled"):
        yield "a protected stack's table can be deleted outside Pulumi"
