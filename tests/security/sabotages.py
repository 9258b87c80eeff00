"""Sabotages that checkov's rules must find: rule, resource, sabotage."""

from tests.graph import resource_types as aws
from tests.graph.sabotage import Sabotage, put, swap

CHECKOV_SABOTAGES: list[tuple[str, str, Sabotage]] = [
    ("CKV_AWS_28", "aws_dynamodb_table.user_services_records",
     put(aws.TABLE, None, "pointInTimeRecovery.enabled", False)),
    ("CKV_AWS_119", "aws_dynamodb_table.user_services_records", put(aws.TABLE, None, "serverSideEncryption", {})),
    ("CKV_AWS_27", "aws_sqs_queue.events_source", put(aws.QUEUE, "events-source", "kmsMasterKeyId", None)),
    ("CKV_AWS_168", "aws_sqs_queue_policy.events_source_access",
     swap(aws.QUEUE_POLICY, "events-source-access", "policy", "Deny", "Allow")),
    ("CKV_AWS_26", "aws_sns_topic.monitoring_alerts_p1",
     put(aws.TOPIC, "monitoring-alerts-p1", "kmsMasterKeyId", None)),
    ("CKV_AWS_7", "aws_kms_key.encryption_data", put(aws.KEY, "encryption-data", "enableKeyRotation", False)),
    ("CKV_AWS_33", "aws_kms_key.monitoring_alerts_key",
     swap(aws.KEY, "monitoring-alerts-key", "policy", "arn:aws:iam::123456789012:root", "*")),
    ("CKV_AWS_60", "aws_iam_role.query_role",
     swap(aws.ROLE, "query-role", "assumeRolePolicy", '{"Service": "lambda.amazonaws.com"}', '{"AWS": "*"}')),
    ("CKV_AWS_355", "aws_iam_role_policy.query_permissions",
     put(aws.ROLE_POLICY, "query-permissions", "policy",
         '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}')),
    ("CKV_AWS_50", "aws_lambda_function.query_function", put(aws.FUNCTION, "query-function", "tracingConfig", None)),
    ("CKV_AWS_173", "aws_lambda_function.query_function", put(aws.FUNCTION, "query-function", "kmsKeyArn", None)),
    ("CKV_AWS_363", "aws_lambda_function.query_function", put(aws.FUNCTION, "query-function", "runtime", "python3.7")),
    ("CKV_AWS_364", "aws_lambda_permission.api_invoke", put(aws.PERMISSION, None, "sourceArn", None)),
    ("CKV_AWS_66", "aws_cloudwatch_log_group.query_log", put(aws.LOG_GROUP, "query-log", "retentionInDays", None)),
    ("CKV_AWS_158", "aws_cloudwatch_log_group.api_access_log", put(aws.LOG_GROUP, "api-access-log", "kmsKeyId", None)),
    ("CKV_AWS_59", "aws_api_gateway_method.api_read_services", put(aws.METHOD, None, "authorization", "NONE")),
    ("CKV2_AWS_53", "aws_api_gateway_method.api_read_services", put(aws.METHOD, None, "requestValidatorId", None)),
    ("CKV_AWS_73", "aws_api_gateway_stage.api_stage", put(aws.STAGE, None, "xrayTracingEnabled", False)),
    ("CKV_AWS_76", "aws_api_gateway_stage.api_stage", put(aws.STAGE, None, "accessLogSettings", None)),
]  # fmt: skip

# A change that ends a finding. Checkov sees it only by following a reference from one resource to another.
ENDS_A_FINDING: tuple[str, str, Sabotage] = (
    "CKV2_AWS_4",
    "aws_api_gateway_stage.api_stage",
    put(aws.METHOD_SETTINGS, None, "settings.metricsEnabled", True),
)
