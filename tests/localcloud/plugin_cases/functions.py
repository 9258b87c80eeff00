"""Functions, and what invokes them."""

import json

from tests.localcloud.plugin_world import Case

CASES = [
    Case(
        kind="lambda/layerVersion",
        inputs=lambda w: {"layerName": "sample", "code": w.code("layer"), "compatibleRuntimes": ["python3.13"]},
        replace=lambda w: {"code": w.code("layer-2", "two")},
    ),
    Case(
        kind="lambda/function",
        inputs=lambda w: w.program | {"name": "sample", "timeout": 3, "publish": True},
        change=lambda w: {
            "code": w.code("function-2", "two"),
            "timeout": 9,
            "environment": {"variables": {"camelCase": "kept"}},
            "reservedConcurrentExecutions": 2,
        },
        seen=lambda w, made: (
            json.load(w.client("lambda").invoke(FunctionName=made.id)["Payload"]),
            (held := w.client("lambda").get_function_configuration(FunctionName=made.id))["Timeout"],
            held.get("Environment", {}).get("Variables"),
            w.client("lambda").get_function_concurrency(FunctionName=made.id).get("ReservedConcurrentExecutions"),
            made["version"],
            made["qualifiedArn"].rpartition(":")[2],
        ),
        then=("two", 9, {"camelCase": "kept"}, 2, "2", "2"),
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="lambda/alias",
        inputs=lambda w: {"name": "sample", "functionName": w.function["name"], "functionVersion": "$LATEST"},
        change=lambda w: {"functionVersion": w.function["version"]},
        seen=lambda w, made: w.client("lambda").get_alias(FunctionName="base-function", Name="sample")[
            "FunctionVersion"
        ],
        then="1",
        replace=lambda w: {"functionName": w.other_function["name"]},
    ),
    Case(
        kind="lambda/provisionedConcurrencyConfig",
        inputs=lambda w: {
            "functionName": w.function["name"],
            "qualifier": w.function["version"],
            "provisionedConcurrentExecutions": 1,
        },
        change=lambda _: {"provisionedConcurrentExecutions": 2},
        seen=lambda w, made: w.client("lambda").get_provisioned_concurrency_config(
            FunctionName="base-function", Qualifier="1"
        )["RequestedProvisionedConcurrentExecutions"],
        then=2,
        replace=lambda w: {"functionName": w.other_function["name"]},
    ),
    Case(
        kind="lambda/functionEventInvokeConfig",
        inputs=lambda w: {"functionName": w.function["name"], "maximumRetryAttempts": 0},
        change=lambda _: {"maximumRetryAttempts": 1},
        seen=lambda w, made: w.client("lambda").get_function_event_invoke_config(FunctionName="base-function")[
            "MaximumRetryAttempts"
        ],
        then=1,
        replace=lambda w: {"functionName": w.other_function["name"]},
    ),
    Case(
        kind="cloudwatch/eventRule",
        inputs=lambda _: {"name": "sample", "scheduleExpression": "rate(1 hour)"},
        change=lambda _: {"scheduleExpression": "rate(2 hours)"},
        seen=lambda w, made: w.client("events").describe_rule(Name=made.id)["ScheduleExpression"],
        then="rate(2 hours)",
        replace=lambda _: {"name": "another"},
    ),
    Case(
        kind="cloudwatch/eventTarget",
        inputs=lambda w: {"rule": w.rule["name"], "targetId": "sample", "arn": w.function["arn"]},
        change=lambda w: {"arn": w.other_function["arn"]},
        seen=lambda w, made: w.client("events").list_targets_by_rule(Rule="base-rule")["Targets"][0]["Arn"][-14:],
        then="other-function",
        replace=lambda _: {"targetId": "another"},
    ),
    Case(
        kind="ssm/parameter",
        inputs=lambda _: {"name": "/sample/secret", "type": "SecureString", "value": "one"},
        change=lambda _: {"value": "two"},
        seen=lambda w, made: w.client("ssm").get_parameter(Name=made.id, WithDecryption=True)["Parameter"]["Value"],
        then="two",
        replace=lambda _: {"name": "/sample/another"},
    ),
    Case(
        kind="lambda/permission",
        inputs=lambda w: {
            "action": "lambda:InvokeFunction",
            "function": w.function["name"],
            "principal": "sns.amazonaws.com",
        },
        replace=lambda _: {"principal": "apigateway.amazonaws.com"},
    ),
    Case(
        kind="lambda/eventSourceMapping",
        inputs=lambda w: {
            "eventSourceArn": w.queue["arn"],
            "functionName": w.function["arn"],
            "batchSize": 10,
            "scalingConfig": {"maximumConcurrency": 2},
        },
        change=lambda _: {"batchSize": 5, "scalingConfig": {"maximumConcurrency": 4}},
        seen=lambda w, made: (
            (held := w.client("lambda").get_event_source_mapping(UUID=made.id))["BatchSize"],
            held["ScalingConfig"],
        ),
        then=(5, {"MaximumConcurrency": 4}),
        replace=lambda w: {"eventSourceArn": w.other_queue["arn"]},
    ),
]
