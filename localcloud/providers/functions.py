"""Functions, their layers, and what starts them."""

import secrets
from pathlib import Path
from typing import Any

import pulumi

from localcloud.emulator import Emulator
from localcloud.engine import ResourceFailed
from localcloud.providers.inputs import Inputs, Made, pascal, provides


@provides("aws:lambda/layerVersion:LayerVersion", ignoring="skipDestroy sourceCodeHash")
def _layer_version(cloud: Emulator, given: Inputs) -> Made:
    content = {"ZipFile": _zip_bytes(given.take("code"))}
    made = cloud.client("lambda").publish_layer_version(Content=content, **given.take_rest(pascal))
    arn = made["LayerVersionArn"]
    return arn, {"arn": arn, "layerArn": made["LayerArn"], "version": str(made["Version"])}


@provides("aws:lambda/function:Function", ignoring="skipDestroy sourceCodeHash")
def _function(cloud: Emulator, given: Inputs) -> Made:
    client, name = cloud.client("lambda"), given.take_name()
    code = {"ZipFile": _zip_bytes(given.take("code"))}
    environment = {"Variables": given.take("environment", {}).get("variables", {})}
    reserved = given.take("reservedConcurrentExecutions", -1)
    made = client.create_function(
        FunctionName=name,
        Code=code,
        Environment=environment,
        **given.take_rest(pascal, kmsKeyArn="KMSKeyArn"),
    )
    client.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
    if reserved >= 0:
        client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)
    arn, version = made["FunctionArn"], made["Version"]
    invoke = f"arn:aws:apigateway:{cloud.region}:lambda:path/2015-03-31/functions/{{}}/invocations"
    return name, {
        "arn": arn,
        "name": name,
        "version": version,
        "qualifiedArn": f"{arn}:{version}",
        "invokeArn": invoke.format(arn),
        "qualifiedInvokeArn": invoke.format(f"{arn}:{version}"),
    }


@provides("aws:lambda/permission:Permission")
def _permission(cloud: Emulator, given: Inputs) -> Made:
    statement = given.take("statementId") or f"permission-{secrets.token_hex(4)}"
    cloud.client("lambda").add_permission(
        StatementId=statement, **given.take_rest(pascal, function="FunctionName", principalOrgId="PrincipalOrgID")
    )
    return statement, {"statementId": statement}


@provides("aws:lambda/eventSourceMapping:EventSourceMapping")
def _event_source_mapping(cloud: Emulator, given: Inputs) -> Made:
    made = cloud.client("lambda").create_event_source_mapping(**given.take_rest(pascal))
    return made["UUID"], {"uuid": made["UUID"], "functionArn": made["FunctionArn"]}


def _zip_bytes(archive: Any) -> bytes:
    if not isinstance(archive, pulumi.FileArchive) or not Path(archive.path).is_file():
        raise ResourceFailed("its code is not a zip file, and the embedded cloud takes nothing else")
    return Path(archive.path).read_bytes()
