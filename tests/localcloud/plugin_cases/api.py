"""Clients, and the API."""

from typing import Any

from tests.localcloud.plugin_driver import Managed
from tests.localcloud.plugin_world import Case, Seen, World


def _of_api(operation: str, key: str, **where: str) -> Seen:
    def seen(world: World, made: Managed) -> Any:
        call = getattr(world.client("apigateway"), operation)
        return call(**{name: made[source] for name, source in where.items()}).get(key)

    return seen


_STAGE = {"restApiId": "restApi", "stageName": "stageName"}
_GET = {"restApiId": "restApi", "resourceId": "resourceId", "httpMethod": "httpMethod"}

CASES = [
    Case(
        kind="cognito/userPool",
        inputs=lambda _: {"name": "sample", "deletionProtection": "ACTIVE"},
        change=lambda _: {
            "deletionProtection": "INACTIVE",
            "adminCreateUserConfig": {"allowAdminCreateUserOnly": True},
        },
        seen=lambda w, made: (
            (pool := w.client("cognito-idp").describe_user_pool(UserPoolId=made.id)["UserPool"])["DeletionProtection"],
            pool["AdminCreateUserConfig"]["AllowAdminCreateUserOnly"],
        ),
        then=("INACTIVE", True),
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="cognito/resourceServer",
        inputs=lambda w: {
            "userPoolId": w.pool.id,
            "identifier": "sample",
            "name": "sample",
            "scopes": [{"scopeName": "read", "scopeDescription": "read it"}],
        },
        change=lambda _: {"scopes": [{"scopeName": "write", "scopeDescription": "write it"}]},
        seen=lambda w, made: (
            [
                scope["ScopeName"]
                for scope in w.client("cognito-idp").describe_resource_server(
                    UserPoolId=made["userPoolId"], Identifier="sample"
                )["ResourceServer"]["Scopes"]
            ],
            made["scopeIdentifiers"],
        ),
        then=(["write"], ["sample/write"]),
        replace=lambda _: {"identifier": "another"},
    ),
    Case(
        kind="cognito/userPoolDomain",
        inputs=lambda w: {"userPoolId": w.pool.id, "domain": "sample-domain"},
        # A pool has one domain.
        replace=lambda w: {"domain": "another-domain", "userPoolId": w.other_pool.id},
    ),
    Case(
        kind="cognito/userPoolClient",
        inputs=lambda w: {"userPoolId": w.pool.id, "name": "sample", "generateSecret": True, "accessTokenValidity": 1},
        change=lambda _: {"accessTokenValidity": 2},
        seen=lambda w, made: (
            (
                held := w.client("cognito-idp").describe_user_pool_client(
                    UserPoolId=made["userPoolId"], ClientId=made.id
                )["UserPoolClient"]
            )["AccessTokenValidity"],
            held["ClientSecret"] == made["clientSecret"],
        ),
        then=(2, True),
        replace=lambda w: {"userPoolId": w.other_pool.id},
    ),
    Case(
        kind="apigateway/restApi",
        inputs=lambda _: {"name": "sample", "endpointConfiguration": {"types": "REGIONAL"}},
        change=lambda _: {"name": "renamed"},
        seen=_of_api("get_rest_api", "name", restApiId="id"),
        then="renamed",
    ),
    Case(
        kind="apigateway/resource",
        inputs=lambda w: w.of_api | {"parentId": w.root, "pathPart": "sample"},
        change=lambda _: {"pathPart": "renamed"},
        seen=lambda w, made: (
            _of_api("get_resource", "path", restApiId="restApi", resourceId="id")(w, made),
            made["path"],
        ),
        then=("/renamed", "/renamed"),
        replace=lambda w: {"restApi": w.other_api.id, "parentId": w.other_api["rootResourceId"]},
    ),
    Case(
        kind="apigateway/method",
        inputs=lambda w: w.of_path | {"httpMethod": "GET", "authorization": "NONE"},
        change=lambda _: {"authorization": "AWS_IAM", "requestParameters": {"method.request.path.user_id": True}},
        seen=lambda w, made: tuple(
            _of_api("get_method", key, **_GET)(w, made) for key in ("authorizationType", "requestParameters")
        ),
        then=("AWS_IAM", {"method.request.path.user_id": True}),
        replace=lambda _: {"httpMethod": "PUT"},
    ),
    Case(
        kind="apigateway/integration",
        inputs=lambda w: (
            w.of_path
            | {"httpMethod": w.method["httpMethod"], "type": "AWS_PROXY", "integrationHttpMethod": "POST"}
            | {"uri": w.function["invokeArn"], "timeoutMilliseconds": 6000}
        ),
        change=lambda _: {"timeoutMilliseconds": 7000},
        seen=_of_api("get_integration", "timeoutInMillis", **_GET),
        then=7000,
        replace=lambda _: {"type": "HTTP_PROXY", "uri": "https://example.com"},
    ),
    Case(
        kind="apigateway/authorizer",
        inputs=lambda w: w.of_api | {"name": "sample", "type": "COGNITO_USER_POOLS", "providerArns": [w.pool["arn"]]},
        change=lambda _: {"name": "renamed"},
        seen=_of_api("get_authorizer", "name", restApiId="restApi", authorizerId="id"),
        then="renamed",
        replace=lambda w: {"restApi": w.other_api.id},
    ),
    Case(
        kind="apigateway/requestValidator",
        inputs=lambda w: w.of_api | {"name": "sample", "validateRequestParameters": False},
        change=lambda _: {"validateRequestParameters": True},
        seen=_of_api(
            "get_request_validator", "validateRequestParameters", restApiId="restApi", requestValidatorId="id"
        ),
        then=True,
        replace=lambda w: {"restApi": w.other_api.id},
    ),
    Case(
        kind="apigateway/response",
        inputs=lambda w: {"restApiId": w.api.id, "responseType": "UNAUTHORIZED", "statusCode": "401"},
        change=lambda _: {"statusCode": "403"},
        seen=_of_api("get_gateway_response", "statusCode", restApiId="restApiId", responseType="responseType"),
        then="403",
        replace=lambda _: {"responseType": "ACCESS_DENIED"},
    ),
    Case(
        kind="apigateway/deployment",
        inputs=lambda w: w.of_api | {"description": "before", "triggers": {"redeployment": "one"}},
        change=lambda _: {"description": "after"},
        seen=_of_api("get_deployment", "description", restApiId="restApi", deploymentId="id"),
        then="after",
        replace=lambda _: {"triggers": {"redeployment": "two"}},
    ),
    Case(
        kind="apigateway/stage",
        inputs=lambda w: (
            w.of_api
            | {"stageName": "sample", "deployment": w.deployment.id, "xrayTracingEnabled": False}
            | {"accessLogSettings": {"destinationArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/a"}}
        ),
        change=lambda _: {
            "xrayTracingEnabled": True,
            "accessLogSettings": {"destinationArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/b"},
        },
        seen=lambda w, made: (
            _of_api("get_stage", "tracingEnabled", restApiId="restApi", stageName="stageName")(w, made),
            _of_api("get_stage", "accessLogSettings", restApiId="restApi", stageName="stageName")(w, made),
        ),
        then=(True, {"destinationArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/b"}),
        replace=lambda _: {"stageName": "another"},
    ),
    Case(
        kind="apigateway/methodSettings",
        inputs=lambda w: (
            w.of_api
            | {"stageName": w.stage["stageName"], "methodPath": "*/*"}
            | {"settings": {"throttlingBurstLimit": 10, "metricsEnabled": True}}
        ),
        change=lambda _: {"settings": {"throttlingBurstLimit": 20}},
        seen=lambda w, made: tuple(
            _of_api("get_stage", "methodSettings", **_STAGE)(w, made)["*/*"].get(setting)
            for setting in ("throttlingBurstLimit", "metricsEnabled")
        ),
        then=(20, None),
        replace=lambda _: {"methodPath": "base/GET"},
    ),
    Case(
        kind="apigateway/account",
        inputs=lambda w: {"cloudwatchRoleArn": w.role["arn"]},
        change=lambda _: {"cloudwatchRoleArn": "arn:aws:iam::123456789012:role/another"},
        seen=lambda w, _: w.client("apigateway").get_account()["cloudwatchRoleArn"],
        then="arn:aws:iam::123456789012:role/another",
    ),
]
