"""REST APIs."""

import json

from localcloud.emulator.process import Emulator
from localcloud.providers.inputs import Inputs, Made, provides

# How a stage's patch operations name the settings of a method.
METHOD_SETTINGS = {
    "cacheDataEncrypted": "caching/dataEncrypted",
    "cacheTtlInSeconds": "caching/ttlInSeconds",
    "cachingEnabled": "caching/enabled",
    "dataTraceEnabled": "logging/dataTrace",
    "loggingLevel": "logging/loglevel",
    "metricsEnabled": "metrics/enabled",
    "throttlingBurstLimit": "throttling/burstLimit",
    "throttlingRateLimit": "throttling/rateLimit",
}


@provides("aws:apigateway/restApi:RestApi", ignoring="putRestApiMode failOnWarnings")
def _rest_api(cloud: Emulator, given: Inputs) -> Made:
    name, endpoints = given.take_name(), given.take("endpointConfiguration")
    if endpoints:
        types = endpoints["types"]
        endpoints = {"endpointConfiguration": endpoints | {"types": [types] if isinstance(types, str) else types}}
    made = cloud.client("apigateway").create_rest_api(name=name, **endpoints or {}, **given.take_rest())
    api = made["id"]
    return api, {
        "arn": f"arn:aws:apigateway:{cloud.region}::/restapis/{api}",
        "name": name,
        "executionArn": f"arn:aws:execute-api:{cloud.region}:{cloud.account_id}:{api}",
        "rootResourceId": made["rootResourceId"],
    }


@provides("aws:apigateway/resource:Resource")
def _resource(cloud: Emulator, given: Inputs) -> Made:
    made = cloud.client("apigateway").create_resource(**given.take_rest(restApi="restApiId"))
    return made["id"], {"path": made["path"]}


@provides("aws:apigateway/method:Method")
def _method(cloud: Emulator, given: Inputs) -> Made:
    call = given.take_rest(restApi="restApiId", authorization="authorizationType")
    cloud.client("apigateway").put_method(**call)
    return f"agm-{call['restApiId']}-{call['resourceId']}-{call['httpMethod']}", {}


@provides("aws:apigateway/integration:Integration")
def _integration(cloud: Emulator, given: Inputs) -> Made:
    call = given.take_rest(restApi="restApiId", timeoutMilliseconds="timeoutInMillis")
    cloud.client("apigateway").put_integration(**call)
    return f"agi-{call['restApiId']}-{call['resourceId']}-{call['httpMethod']}", {}


@provides("aws:apigateway/authorizer:Authorizer")
def _authorizer(cloud: Emulator, given: Inputs) -> Made:
    name, api = given.take_name(), given.take("restApi")
    made = cloud.client("apigateway").create_authorizer(
        restApiId=api, name=name, type=given.take("type", "TOKEN"), **given.take_rest(providerArns="providerARNs")
    )
    arn = f"arn:aws:apigateway:{cloud.region}::/restapis/{api}/authorizers/{made['id']}"
    return made["id"], {"arn": arn, "name": name}


@provides("aws:apigateway/requestValidator:RequestValidator")
def _request_validator(cloud: Emulator, given: Inputs) -> Made:
    name = given.take_name()
    made = cloud.client("apigateway").create_request_validator(name=name, **given.take_rest(restApi="restApiId"))
    return made["id"], {"name": name}


@provides("aws:apigateway/response:Response")
def _gateway_response(cloud: Emulator, given: Inputs) -> Made:
    call = given.take_rest()
    cloud.client("apigateway").put_gateway_response(**call)
    return f"aggr-{call['restApiId']}-{call['responseType']}", {}


@provides("aws:apigateway/deployment:Deployment", ignoring="triggers")
def _deployment(cloud: Emulator, given: Inputs) -> Made:
    made = cloud.client("apigateway").create_deployment(**given.take_rest(restApi="restApiId"))
    return made["id"], {}


@provides("aws:apigateway/stage:Stage")
def _stage(cloud: Emulator, given: Inputs) -> Made:
    client, api, name = cloud.client("apigateway"), given.take("restApi"), given.take("stageName")
    access_log = given.take("accessLogSettings", {})
    client.create_stage(
        restApiId=api,
        stageName=name,
        **given.take_rest(deployment="deploymentId", xrayTracingEnabled="tracingEnabled"),
    )
    patch = [
        {"op": "replace", "path": f"/accessLogSettings/{key}", "value": value} for key, value in access_log.items()
    ]
    client.update_stage(restApiId=api, stageName=name, patchOperations=patch)
    return f"ags-{api}-{name}", {
        "arn": f"arn:aws:apigateway:{cloud.region}::/restapis/{api}/stages/{name}",
        "executionArn": f"arn:aws:execute-api:{cloud.region}:{cloud.account_id}:{api}/{name}",
        "invokeUrl": cloud.api_url(api, name),
    }


@provides("aws:apigateway/methodSettings:MethodSettings")
def _method_settings(cloud: Emulator, given: Inputs) -> Made:
    api, stage_name, path = given.take("restApi"), given.take("stageName"), given.take("methodPath")
    patch = [
        {"op": "replace", "path": f"/{path}/{METHOD_SETTINGS[name]}", "value": _patch_value(value)}
        for name, value in given.take("settings").items()
        if value is not None
    ]
    cloud.client("apigateway").update_stage(restApiId=api, stageName=stage_name, patchOperations=patch)
    return f"{api}-{stage_name}-{path}", {}


@provides("aws:apigateway/account:Account")
def _account(cloud: Emulator, given: Inputs) -> Made:
    patch = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": given.take("cloudwatchRoleArn", "")}]
    cloud.client("apigateway").update_account(patchOperations=patch)
    return "api-gateway-account", {}


def _patch_value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
