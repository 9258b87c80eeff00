"""Rules about the API and its clients, over a recorded graph."""

import json
import re
from collections.abc import Iterator

from localcloud.deployer.engine import Resource
from localcloud.deployer.recorder import Graph
from tests.graph import resource_types as aws
from tests.graph.graph_rules import depends_on

# Variables that would put a user ID or a token into a log or a response.
REVEALING = (
    *("$context.path", "$context.error.message", "$context.identity.user", "$context.authorizer.claims.sub"),
    "$input",
)


# Policies of a regional API that accept TLS 1.2 with forward secrecy and TLS 1.3, or TLS 1.3 alone.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies-list.html
SECURITY_POLICIES = {
    "SecurityPolicy_TLS13_1_3_2025_09",
    "SecurityPolicy_TLS13_1_3_FIPS_2025_09",
    "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09",
}


def tls_floor(graph: Graph) -> Iterator[str]:
    """A client needs TLS 1.2 with forward secrecy, and the access log shows what each client uses.

    Such a policy requires an access mode, and AWS recommends STRICT.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-security-policies.html
    """
    for api in graph.of_type(aws.REST_API):
        if api.inputs.get("endpointConfiguration") != {"types": "REGIONAL"}:
            yield f"{api.name} is not regional, so the policies have other names"
        if api.inputs.get("securityPolicy") not in SECURITY_POLICIES:
            yield f"{api.name} accepts the TLS of {api.inputs.get('securityPolicy')}"
        if api.inputs.get("endpointAccessMode") != "STRICT":
            yield f"{api.name} has the access mode {api.inputs.get('endpointAccessMode')}"
    for stage in graph.of_type(aws.STAGE):
        # No cipher suite of TLS 1.3 exists in TLS 1.2, so it tells the version too.
        if "$context.cipherSuite" not in _access_log(stage).values():
            yield f"{stage.name} does not log $context.cipherSuite"


# Of the access log: what `ops logs` prints, what every rejection tells the client, and what decision 13 is judged by.
READ_BY_PEOPLE = {"method", "request_id", "cipher_suite"}


def every_logged_field_is_read(graph: Graph) -> Iterator[str]:
    """The access log has no field that nothing reads: each request pays for each byte."""
    for stage in graph.of_type(aws.STAGE):
        [group] = (
            group.inputs["name"]
            for group in graph.of_type(aws.LOG_GROUP)
            if group.outputs["arn"] == stage.inputs["accessLogSettings"]["destinationArn"]
        )
        filters = [found.inputs for found in graph.of_type(aws.METRIC_FILTER) if found.inputs["logGroupName"] == group]
        readers = [found["pattern"] + str(found["metricTransformation"]["dimensions"]) for found in filters]
        readers += [
            query.inputs["queryString"] for query in graph.of_type(aws.QUERY) if group in query.inputs["logGroupNames"]
        ]
        read = READ_BY_PEOPLE | set(re.findall(r"\w+", " ".join(readers)))
        for name in _access_log(stage).keys() - read:
            yield f"{stage.name} logs {name}, which nothing reads"


def _access_log(stage: Resource) -> dict[str, str]:
    return json.loads(stage.inputs["accessLogSettings"]["format"])


def scope_on_every_method(graph: Graph) -> Iterator[str]:
    """Every method requires a token of our pool with the scope; without scopes an ID token would pass."""
    pool = graph.one(aws.USER_POOL).outputs["arn"]
    authorizers = {made.id for made in graph.of_type(aws.AUTHORIZER) if made.inputs["providerArns"] == [pool]}
    for method in graph.of_type(aws.METHOD):
        inputs = method.inputs
        if inputs.get("authorization") != "COGNITO_USER_POOLS" or inputs.get("authorizerId") not in authorizers:
            yield f"{method.name} does not ask for a token"
        if inputs.get("authorizationScopes") != [graph.outputs["apiScope"]]:
            yield f"{method.name} asks for the scopes {inputs.get('authorizationScopes')}"


def client_flows(graph: Graph) -> Iterator[str]:
    """A client gets a token with its own secret only, and only for the scope."""
    for client in graph.of_type(aws.CLIENT):
        inputs = client.inputs
        flows = inputs.get("allowedOauthFlows"), inputs.get("explicitAuthFlows"), inputs.get("generateSecret")
        if flows != (["client_credentials"], ["ALLOW_REFRESH_TOKEN_AUTH"], True):
            yield f"{client.name} can sign in by {flows}"
        if inputs.get("allowedOauthScopes") != [graph.outputs["apiScope"]]:
            yield f"{client.name} may have {inputs.get('allowedOauthScopes')}"
        if "clientSecret" not in client.additional_secret_outputs:
            yield f"the secret of {client.name} is stored as plain text"
    if graph.one(aws.USER_POOL).inputs.get("adminCreateUserConfig") != {"allowAdminCreateUserOnly": True}:
        yield "anybody can sign up"


def timeouts_in_order(graph: Graph) -> Iterator[str]:
    """The function times out before the API does, and the API before its maximum."""
    function = graph.one(aws.FUNCTION, "query-function").inputs["timeout"] * 1_000
    for integration in graph.of_type(aws.INTEGRATION):
        patience = integration.inputs.get("timeoutMilliseconds", 29_000)
        if not function < patience <= 29_000:
            yield f"{integration.name} waits {patience} ms, the function has {function} ms"


def method_settings(graph: Graph) -> Iterator[str]:
    """Requests are throttled, no request URL or body is logged, and no metric is charged that nothing reads.

    Alarms and boards use the metrics of the stage. Those of each method are custom metrics.
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    """
    readers = [board.inputs["dashboardBody"] for board in graph.of_type(aws.DASHBOARD)]
    readers += [json.dumps(alarm.inputs) for alarm in graph.of_type(aws.ALARM)]
    is_read = any('"Method"' in text for text in readers)
    for stage_settings in graph.of_type(aws.METHOD_SETTINGS):
        settings = stage_settings.inputs["settings"]
        wanted = {"metricsEnabled": is_read, "dataTraceEnabled": False, "loggingLevel": "ERROR"}
        if stage_settings.inputs["methodPath"] != "*/*" or not wanted.items() <= settings.items():
            yield f"{stage_settings.name} has {settings} on {stage_settings.inputs['methodPath']}"
        if not (settings.get("throttlingRateLimit", 0) >= 1 and settings.get("throttlingBurstLimit", 0) >= 1):
            yield f"{stage_settings.name} does not throttle"
    if len(graph.of_type(aws.METHOD_SETTINGS)) != len(graph.of_type(aws.STAGE)):
        yield "a stage has no method settings"


def nothing_revealed(graph: Graph) -> Iterator[str]:
    """Neither the access log nor a rejection contains a user ID, a token or text from the request."""
    texts = {stage.name: stage.inputs["accessLogSettings"]["format"] for stage in graph.of_type(aws.STAGE)}
    responses = graph.of_type(aws.RESPONSE)
    texts |= {response.name: json.dumps(response.inputs.get("responseTemplates")) for response in responses}
    for name, text in texts.items():
        if found := [word for word in REVEALING if word in text.replace("$context.resourcePath", "")]:
            yield f"{name} tells {', '.join(found)}"
    for response in responses:
        template = json.loads(response.inputs.get("responseTemplates", {}).get("application/json", "{}"))
        if template.keys() != {"message", "request_id"} or template["request_id"] != "$context.requestId":
            yield f"{response.name} answers {template}"
    if not {"DEFAULT_4XX", "DEFAULT_5XX"} <= {response.inputs["responseType"] for response in responses}:
        yield "some refusals have API Gateway's own text"


def deployment_is_complete(graph: Graph) -> Iterator[str]:
    """A deployment is made after everything it copies."""
    for type_ in (aws.METHOD, aws.INTEGRATION, aws.RESPONSE, aws.AUTHORIZER):
        yield from depends_on(graph, graph.one(aws.DEPLOYMENT), *graph.of_type(type_))


def _key(resource: Resource) -> tuple[str, str]:
    """The resource and the verb of a method or an integration."""
    return resource.inputs["resourceId"], resource.inputs["httpMethod"]


def routes(graph: Graph) -> dict[tuple[str, str], str]:
    """Path of every method, by its resource and verb."""
    parts = {resource.id: resource.inputs for resource in graph.of_type(aws.RESOURCE)}

    def path(resource_id: str) -> str:
        if resource_id not in parts:
            return ""
        return f"{path(parts[resource_id]['parentId'])}/{parts[resource_id]['pathPart']}"

    return {_key(method): path(method.inputs["resourceId"]) for method in graph.of_type(aws.METHOD)}


def every_method_is_answered(graph: Graph) -> Iterator[str]:
    """Each method has one integration; without it, the deployment fails."""
    answered = [_key(integration) for integration in graph.of_type(aws.INTEGRATION)]
    for key, path in routes(graph).items():
        if answered.count(key) != 1:
            yield f"{key[1]} {path} has {answered.count(key)} integrations"
    if unknown := set(answered) - routes(graph).keys():
        yield f"{unknown} are integrations of no method"


def invoked_by_its_routes_alone(graph: Graph) -> Iterator[str]:
    """API Gateway may invoke each function for exactly the methods and paths it serves, on one stage."""
    source = f"{graph.one(aws.REST_API).outputs['executionArn']}/{graph.one(aws.STAGE).inputs['stageName']}"
    paths = {key: re.sub(r"\{[^}]*\}", "*", path) for key, path in routes(graph).items()}
    needed = {}
    for integration in graph.of_type(aws.INTEGRATION):
        key = _key(integration)
        invoked = integration.inputs["uri"].partition("/functions/")[2].removesuffix("/invocations")
        needed[invoked, f"{source}/{key[1]}{paths.get(key)}"] = integration.name
    arns = {function.inputs["name"]: function.outputs["arn"] for function in graph.of_type(aws.FUNCTION)}
    permitted = {}
    for permission in graph.of_type(aws.PERMISSION):
        inputs = permission.inputs
        if inputs.get("principal") == "events.amazonaws.com":
            continue  # probe_rules.invoked_by_its_schedule_alone
        if (inputs.get("principal"), inputs.get("action")) != ("apigateway.amazonaws.com", "lambda:InvokeFunction"):
            yield f"{permission.name} lets {inputs.get('principal')} do {inputs.get('action')}"
        qualifier = f":{inputs['qualifier']}" if inputs.get("qualifier") else ""
        permitted[f"{arns.get(inputs['function'])}{qualifier}", inputs.get("sourceArn")] = permission.name
    for invoked, route in needed.keys() - permitted.keys():
        yield f"{needed[invoked, route]} may not invoke {invoked}: a Permission with source_arn {route} is missing"
    for invoked, route in permitted.keys() - needed.keys():
        yield f"{permitted[invoked, route]} lets {route} invoke {invoked}, which no integration does"


def refusals_are_counted_on_every_route(graph: Graph) -> Iterator[str]:
    """Each route's requests without a valid token are counted; API Gateway's own metrics do not tell them apart."""
    patterns = " ".join(metric_filter.inputs["pattern"] for metric_filter in graph.of_type(aws.METRIC_FILTER))
    for path in set(routes(graph).values()):
        if f'$.resource_path = "{path}"' not in patterns:
            yield f"refusals on {path} are not counted"
