"""Updates of REST APIs, most of them as patches."""

from typing import Any

from localcloud.emulator.connection import Account
from localcloud.providers.api import METHOD_SETTINGS, patch_of
from localcloud.providers.updates import Change, put_again


def rest_api(cloud: Account, change: Change) -> dict[str, Any]:
    """Change the name or a text of an API."""
    changes = change.inputs.take_texts("name", "description", "securityPolicy", "endpointAccessMode")
    cloud.client("apigateway").update_rest_api(restApiId=change.id, patchOperations=patch_of(changes))
    return {key: change.new[key] for key in ("name",) if key in change.new}


def api_resource(cloud: Account, change: Change) -> dict[str, Any]:
    """Rename or move a resource of an API."""
    changes = change.inputs.take_texts("pathPart", "parentId")
    made = cloud.client("apigateway").update_resource(
        restApiId=change.old["restApi"], resourceId=change.id, patchOperations=patch_of(changes)
    )
    return {"path": made["path"]}


def method(cloud: Account, change: Change) -> dict[str, Any]:
    """Put a method again with its integration, which the emulator drops when the method is put."""
    client = cloud.client("apigateway")
    call = change.all_inputs().take_rest(restApi="restApiId", authorization="authorizationType")
    where = {name: call[name] for name in ("restApiId", "resourceId", "httpMethod")}
    integration = client.get_method(**where).get("methodIntegration")
    client.put_method(**call)
    if integration:
        taken = ("type", "uri", "credentials", "requestParameters", "requestTemplates", "passthroughBehavior")
        kept = {name: integration[name] for name in (*taken, "timeoutInMillis") if integration.get(name)}
        client.put_integration(**where, integrationHttpMethod=integration["httpMethod"], **kept)
    return {}


def method_settings(cloud: Account, change: Change) -> dict[str, Any]:
    """Put the settings again, and remove those that are no longer given."""
    old, new = change.old["settings"], change.new["settings"]
    removed = [name for name in old if old[name] is not None and new.get(name) is None]
    if removed:
        path = change.old["methodPath"]
        operations = [{"op": "remove", "path": f"/{path}/{METHOD_SETTINGS[name]}"} for name in removed]
        where = {"restApiId": change.old["restApi"], "stageName": change.old["stageName"]}
        cloud.client("apigateway").update_stage(**where, patchOperations=operations)
    return put_again(cloud, change)


def authorizer(cloud: Account, change: Change) -> dict[str, Any]:
    """Change the name or the source of the token; the emulator cannot change the user pools."""
    changes = change.inputs.take_texts("name", "identitySource", "authorizerResultTtlInSeconds")
    cloud.client("apigateway").update_authorizer(
        restApiId=change.old["restApi"], authorizerId=change.id, patchOperations=patch_of(changes)
    )
    return {}


def request_validator(cloud: Account, change: Change) -> dict[str, Any]:
    """Change what a validator checks."""
    changes = change.inputs.take_texts("name", "validateRequestBody", "validateRequestParameters")
    cloud.client("apigateway").update_request_validator(
        restApiId=change.old["restApi"], requestValidatorId=change.id, patchOperations=patch_of(changes)
    )
    return {}


def api_deployment(cloud: Account, change: Change) -> dict[str, Any]:
    """Change the description of a deployment."""
    cloud.client("apigateway").update_deployment(
        restApiId=change.old["restApi"],
        deploymentId=change.id,
        patchOperations=patch_of(change.inputs.take_texts("description")),
    )
    return {}


def stage(cloud: Account, change: Change) -> dict[str, Any]:
    """Point a stage at another deployment, and change its logs and tracing."""
    theirs = {"deployment": "deploymentId", "xrayTracingEnabled": "tracingEnabled"}
    changes = {theirs.get(k, k): v for k, v in change.inputs.take_texts(*theirs, "description").items()}
    changes |= {f"accessLogSettings/{k}": v for k, v in change.inputs.take("accessLogSettings", {}).items()}
    cloud.client("apigateway").update_stage(
        restApiId=change.old["restApi"], stageName=change.old["stageName"], patchOperations=patch_of(changes)
    )
    return {}
