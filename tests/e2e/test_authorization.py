"""The permissions of each role, enforced by the emulator with the program's policies."""

import io
import json
import zipfile

import pytest

from tests.e2e.conftest import Stack

PROBE = """
import boto3
from botocore.exceptions import ClientError

def handler(event, context):
    try:
        getattr(boto3.client(event["service"]), event["operation"])(**event["parameters"])
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "allowed"
"""
DENIED = {"AccessDenied", "AccessDeniedException"}


@pytest.mark.parametrize("role", ["event-handler", "query"])
def test_function_role_allows_only_what_it_needs(stack: Stack, neighbour: Stack, role: str):
    client, function, code = stack.client("lambda"), f"probe-{role}", io.BytesIO()
    own_role = client.get_function_configuration(FunctionName=stack.outputs["functions"][role])["Role"]
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("probe.py", PROBE)
    settings = {"Runtime": "python3.13", "Handler": "probe.handler", "Timeout": 30}
    client.create_function(FunctionName=function, Role=own_role, Code={"ZipFile": code.getvalue()}, **settings)
    names = ("tableName", "queueUrl", "deadLetterQueueUrl")
    table, source, letters = (stack.outputs[name] for name in names)
    other_table, other_source, other_letters = (neighbour.outputs[name] for name in names)
    key = {"user_id": {"S": "nobody-at-all"}}
    write = {
        "UpdateExpression": "SET services = :none",
        "ConditionExpression": "attribute_exists(nothing_has_this)",
        "ExpressionAttributeValues": {":none": {"L": []}},
    }
    at_once = {"VisibilityTimeout": 0, "WaitTimeSeconds": 0}
    policy = {"RoleName": own_role.rpartition("/")[2], "PolicyName": "more", "PolicyDocument": "{}"}
    calls = {
        "read one": ("dynamodb", "get_item", {"TableName": table, "Key": key}),
        "read many": ("dynamodb", "batch_get_item", {"RequestItems": {table: {"Keys": [key]}}}),
        "write": ("dynamodb", "update_item", {"TableName": table, "Key": key} | write),
        "put": ("dynamodb", "put_item", {"TableName": table, "Item": key}),
        "delete": ("dynamodb", "delete_item", {"TableName": table, "Key": key}),
        "scan": ("dynamodb", "scan", {"TableName": table}),
        "query in another language": ("dynamodb", "execute_statement", {"Statement": f'SELECT * FROM "{table}"'}),
        "export": ("dynamodb", "describe_continuous_backups", {"TableName": table}),
        "delete the table": ("dynamodb", "delete_table", {"TableName": table}),
        "list tables": ("dynamodb", "list_tables", {}),
        "read another stack's table": ("dynamodb", "get_item", {"TableName": other_table, "Key": key}),
        "read many of another stack": ("dynamodb", "batch_get_item", {"RequestItems": {other_table: {"Keys": [key]}}}),
        "write to another stack's table": ("dynamodb", "put_item", {"TableName": other_table, "Item": key}),
        "produce for another stack": ("sqs", "send_message", {"QueueUrl": other_source, "MessageBody": "{}"}),
        "quarantine in another stack": ("sqs", "send_message", {"QueueUrl": other_letters, "MessageBody": "{}"}),
        "receive": ("sqs", "receive_message", {"QueueUrl": source} | at_once),
        "receive of another stack": ("sqs", "receive_message", {"QueueUrl": other_source} | at_once),
        "produce": ("sqs", "send_message", {"QueueUrl": source, "MessageBody": "{}"}),
        "read dead letters": ("sqs", "receive_message", {"QueueUrl": letters} | at_once),
        "purge": ("sqs", "purge_queue", {"QueueUrl": source}),
        "loosen the queue": ("sqs", "set_queue_attributes", {"QueueUrl": source, "Attributes": {"Policy": ""}}),
        "delete the queue": ("sqs", "delete_queue", {"QueueUrl": letters}),
        "rewrite itself": ("lambda", "update_function_configuration", {"FunctionName": function, "Timeout": 60}),
        "invoke others": ("lambda", "invoke", {"FunctionName": stack.outputs["functions"]["query"]}),
        "widen its own role": ("iam", "put_role_policy", policy),
        "take another role": ("sts", "assume_role", {"RoleArn": own_role, "RoleSessionName": "again"}),
        "read the clients' secrets": ("cognito-idp", "list_user_pools", {"MaxResults": 1}),
        "delete its traces": ("logs", "delete_log_group", {"logGroupName": "/event-processing/dev/query"}),
        "make a log group": ("logs", "create_log_group", {"logGroupName": "/any/other"}),
        "learn secrets": ("lambda", "get_function", {"FunctionName": function}),
        "rise": ("iam", "list_roles", {}),
    }
    results = {}
    for attempt, (service, operation, parameters) in calls.items():
        payload = json.dumps({"service": service, "operation": operation, "parameters": parameters})
        results[attempt] = json.load(client.invoke(FunctionName=function, Payload=payload)["Payload"])
    # The write is allowed, but its condition fails, so it stores nothing.
    allowed = {
        "event-handler": {"read many": "allowed", "write": "ConditionalCheckFailedException", "receive": "allowed"},
        "query": {"read one": "allowed"},
    }[role]
    assert {attempt: result for attempt, result in results.items() if result not in DENIED} == allowed
