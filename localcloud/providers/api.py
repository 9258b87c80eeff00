"""REST APIs."""

import json
from typing import Any

from localcloud.emulator.connection import Account
from localcloud.providers.inputs import Created, Inputs, creates

# The names of a method's settings in the patch operations of a stage.
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


@creates("aws:apigateway/restApi:RestApi", ignoring="putRestApiMode failOnWarnings")
def _rest_api(cloud: Account, inputs: Inputs) -> Created:
    name, endpoints = inputs.take_name(), inputs.take("endpointConfiguration")
    if endpoints:
        types = endpoints["types"]
        endpoints = {"endpointConfiguration": endpoints | {"types": [types] if isinstance(types, str) else types}}
    made = cloud.client("apigateway").create_rest_api(name=name, **endpoints or {}, **inputs.take_rest())
    api = made["id"]
    outputs = {
        "arn": f"arn:aws:apigateway:{cloud.region}::/restapis/{api}",
        "name": name,
        "executionArn": f"arn:aws:execute-api:{cloud.region}:{cloud.account_id}:{api}",
        "rootResourceId": made["rootResourceId"],
    }
    return Created(api, outputs)


@creates("aws:apigateway/resource:Resource")
def _resource(cloud: Account, inputs: Inputs) -> Created:
    made = cloud.client("apigateway").create_resource(**inputs.take_rest(restApi="restApiId"))
    return Created(made["id"], {"path": made["path"]})


@creates("aws:apigateway/method:Method")
def _method(cloud: Account, inputs: Inputs) -> Created:
    call = inputs.take_rest(restApi="restApiId", authorization="authorizationType")
    cloud.client("apigateway").put_method(**call)
    return Created(f"agm-{call['restApiId']}-{call['resourceId']}-{call['httpMethod']}")


@creates("aws:apigateway/integration:Integration")
def _integration(cloud: Account, inputs: Inputs) -> Created:
    call = inputs.take_rest(restApi="restApiId", timeoutMilliseconds="timeoutInMillis")
    cloud.client("apigateway").put_integration(**call)
    return Created(f"agi-{call['restApiId']}-{call['resourceId']}-{call['httpMethod']}")


@creates("aws:apigateway/authorizer:Authorizer")
def _authorizer(cloud: Account, inputs: Inputs) -> Created:
    name, api = inputs.take_name(), inputs.take("restApi")
    made = cloud.client("apigateway").create_authorizer(
        restApiId=api, name=name, type=inputs.take("type", "TOKEN"), **inputs.take_rest(providerArns="providerARNs")
    )
    arn = f"arn:aws:apigateway:{cloud.region}::/restapis/{api}/authorizers/{made['id']}"
    return Created(made["id"], {"arn": arn, "name": name})


@creates("aws:apigateway/requestValidator:RequestValidator")
def _request_validator(cloud: Account, inputs: Inputs) -> Created:
    name = inputs.take_name()
    made = cloud.client("apigateway").create_request_validator(name=name, **inputs.take_rest(restApi="restApiId"))
    return Created(made["id"], {"name": name})


@creates("aws:apigateway/response:Response")
def _gateway_response(cloud: Account, inputs: Inputs) -> Created:
    call = inputs.take_rest()
    cloud.client("apigateway").put_gateway_response(**call)
    return Created(f"aggr-{call['restApiId']}-{call['responseType']}")


@creates("aws:apigateway/deployment:Deployment", ignoring="triggers")
def _deployment(cloud: Account, inputs: Inputs) -> Created:
    made = cloud.client("apigateway").create_deployment(**inputs.take_rest(restApi="restApiId"))
    return Created(made["id"])


@creates("aws:apigateway/stage:Stage")
def _stage(cloud: Account, inputs: Inputs) -> Created:
    client, api, name = cloud.client("apigateway"), inputs.take("restApi"), inputs.take("stageName")
    access_log = inputs.take("accessLogSettings", {})
    call = inputs.take_rest(deployment="deploymentId", xrayTracingEnabled="tracingEnabled")
    client.create_stage(restApiId=api, stageName=name, **call)
    patch = patch_of({f"accessLogSettings/{key}": value for key, value in access_log.items()})
    client.update_stage(restApiId=api, stageName=name, patchOperations=patch)
    outputs = {
        "arn": f"arn:aws:apigateway:{cloud.region}::/restapis/{api}/stages/{name}",
        "executionArn": f"arn:aws:execute-api:{cloud.region}:{cloud.account_id}:{api}/{name}",
        "invokeUrl": cloud.api_url(api, name),
    }
    return Created(f"ags-{api}-{name}", outputs)


@creates("aws:apigateway/methodSettings:MethodSettings")
def _method_settings(cloud: Account, inputs: Inputs) -> Created:
    api, stage_name, path = inputs.take("restApi"), inputs.take("stageName"), inputs.take("methodPath")
    settings = {name: value for name, value in inputs.take("settings").items() if value is not None}
    patch = patch_of({f"{path}/{METHOD_SETTINGS[name]}": value for name, value in settings.items()})
    cloud.client("apigateway").update_stage(restApiId=api, stageName=stage_name, patchOperations=patch)
    return Created(f"{api}-{stage_name}-{path}")


@creates("aws:apigateway/account:Account")
def _account(cloud: Account, inputs: Inputs) -> Created:
    patch = patch_of({"cloudwatchRoleArn": inputs.take("cloudwatchRoleArn", "")})
    cloud.client("apigateway").update_account(patchOperations=patch)
    return Created("api-gateway-account")


def patch_of(values: dict[str, Any]) -> list[dict[str, str]]:
    """Return the patch operations that replace the values at those paths, which AWS takes as strings."""
    texts = {path: value if isinstance(value, str) else json.dumps(value) for path, value in values.items()}
    return [{"op": "replace", "path": f"/{path}", "value": text} for path, text in texts.items()]
