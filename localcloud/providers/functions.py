"""Functions, their layers, and what invokes them."""

import secrets
from pathlib import Path
from typing import Any

from localcloud.deployer.engine import ResourceFailed
from localcloud.deployer.protocol import FileArchive
from localcloud.emulator.connection import Account
from localcloud.providers.inputs import Created, Inputs, creates, pascal


@creates("aws:lambda/layerVersion:LayerVersion", ignoring="skipDestroy sourceCodeHash")
def _layer_version(cloud: Account, inputs: Inputs) -> Created:
    content = {"ZipFile": zip_bytes(inputs.take("code"))}
    made = cloud.client("lambda").publish_layer_version(Content=content, **inputs.take_rest(pascal))
    arn = made["LayerVersionArn"]
    return Created(arn, {"arn": arn, "layerArn": made["LayerArn"], "version": str(made["Version"])})


@creates("aws:lambda/function:Function", ignoring="skipDestroy sourceCodeHash")
def _function(cloud: Account, inputs: Inputs) -> Created:
    client, name = cloud.client("lambda"), inputs.take_name()
    code = {"ZipFile": zip_bytes(inputs.take("code"))}
    environment = {"Variables": inputs.take("environment", {}).get("variables", {})}
    reserved, published = inputs.take("reservedConcurrentExecutions", -1), inputs.take("publish", False)
    made = client.create_function(
        FunctionName=name, Code=code, Environment=environment, **inputs.take_rest(pascal, kmsKeyArn="KMSKeyArn")
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
    if reserved >= 0:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    if published:
        made = client.publish_version(FunctionName=name)
    return Created(name, function_outputs(cloud, made) | {"name": name})


@creates("aws:lambda/alias:Alias")
def _alias(cloud: Account, inputs: Inputs) -> Created:
    made = cloud.client("lambda").create_alias(Name=inputs.take_name(), **inputs.take_rest(pascal))
    arn, name = made["AliasArn"], made["Name"]
    return Created(arn, {"arn": arn, "name": name, "invokeArn": invoke_arn(cloud, arn)})


@creates("aws:lambda/provisionedConcurrencyConfig:ProvisionedConcurrencyConfig", ignoring="skipDestroy")
def _provisioned_concurrency(cloud: Account, inputs: Inputs) -> Created:
    call = inputs.take_rest(pascal)
    cloud.client("lambda").put_provisioned_concurrency_config(**call)
    return Created(f"{call['FunctionName']},{call['Qualifier']}")


@creates("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
def _event_invoke_config(cloud: Account, inputs: Inputs) -> Created:
    call = inputs.take_rest(pascal)
    cloud.client("lambda").put_function_event_invoke_config(**call)
    return Created(":".join(filter(None, [call["FunctionName"], call.get("Qualifier")])))


@creates("aws:lambda/permission:Permission")
def _permission(cloud: Account, inputs: Inputs) -> Created:
    statement = inputs.take("statementId") or f"permission-{secrets.token_hex(4)}"
    cloud.client("lambda").add_permission(
        StatementId=statement, **inputs.take_rest(pascal, function="FunctionName", principalOrgId="PrincipalOrgID")
    )
    return Created(statement, {"statementId": statement})


@creates("aws:lambda/eventSourceMapping:EventSourceMapping")
def _event_source_mapping(cloud: Account, inputs: Inputs) -> Created:
    made = cloud.client("lambda").create_event_source_mapping(**inputs.take_rest(pascal))
    return Created(made["UUID"], {"uuid": made["UUID"], "functionArn": made["FunctionArn"]})


def function_outputs(cloud: Account, made: dict[str, Any]) -> dict[str, Any]:
    """Return the outputs of a function, from AWS's description of it or of its published version."""
    version = made["Version"]
    # When a version was published with it, the ARN ends with that version.
    arn = made["FunctionArn"].removesuffix(f":{version}")
    qualified = f"{arn}:{version}"
    invoke = {"invokeArn": invoke_arn(cloud, arn), "qualifiedInvokeArn": invoke_arn(cloud, qualified)}
    return invoke | {"arn": arn, "version": version, "qualifiedArn": qualified}


def invoke_arn(cloud: Account, arn: str) -> str:
    """Return the URI under which API Gateway invokes a function or an alias."""
    return f"arn:aws:apigateway:{cloud.region}:lambda:path/2015-03-31/functions/{arn}/invocations"


def zip_bytes(archive: Any) -> bytes:
    """Return the bytes of a zip file, or raise ResourceFailed."""
    if not isinstance(archive, FileArchive) or not Path(archive.path).is_file():
        raise ResourceFailed("its code is not a zip file, which the embedded cloud requires")
    return Path(archive.path).read_bytes()
