"""The providers of the API and of monitoring against a running emulator, which stores their settings."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.localcloud.provided import ALLOW, TRUST, Cloud, Made


def test_api_has_its_settings(cloud: Cloud, function: Made):
    pool = cloud.make("cognito/userPool", name="of-the-api")
    api = cloud.make("apigateway/restApi", name="api", endpointConfiguration={"types": "REGIONAL"})
    of = {"restApi": api["id"]}
    users = cloud.make("apigateway/resource", of, parentId=api["rootResourceId"], pathPart="{user_id}")
    tokens = {"name": "tokens", "type": "COGNITO_USER_POOLS", "providerArns": [pool["arn"]]}
    authorizer = cloud.make("apigateway/authorizer", of, tokens, identitySource="method.request.header.Authorization")
    checks = {"validateRequestParameters": True, "validateRequestBody": False}
    validator = cloud.make("apigateway/requestValidator", of, checks, name="parameters")
    where = of | {"resourceId": users["id"], "httpMethod": "GET"}
    cloud.make(
        "apigateway/method",
        where,
        {"authorization": "COGNITO_USER_POOLS", "authorizerId": authorizer["id"], "authorizationScopes": ["api/read"]},
        {"requestValidatorId": validator["id"], "requestParameters": {"method.request.path.user_id": True}},
    )
    proxy = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function["invokeArn"]}
    cloud.make("apigateway/integration", where, proxy, timeoutMilliseconds=6000)
    unauthorized = {"responseType": "UNAUTHORIZED", "statusCode": "401"}
    body = {"application/json": '{"message": "no token"}'}
    cloud.make("apigateway/response", unauthorized, restApiId=api["id"], responseTemplates=body)
    deployment = cloud.make("apigateway/deployment", of, triggers={"redeployment": "hash"})
    logs = {"destinationArn": "arn:aws:logs:eu-west-1:123456789012:log-group:/access", "format": "$context.requestId"}
    live = of | {"stageName": "live"}
    traced = {"xrayTracingEnabled": True, "accessLogSettings": logs}
    stage = cloud.make("apigateway/stage", live, traced, deployment=deployment["id"])
    observed = {"metricsEnabled": True, "dataTraceEnabled": False, "loggingLevel": "ERROR"}
    limits = {"throttlingRateLimit": 10, "throttlingBurstLimit": 20}
    cloud.make("apigateway/methodSettings", live, methodPath="*/*", settings=observed | limits)
    client = cloud.emulator.client("apigateway")
    method = client.get_method(restApiId=api["id"], resourceId=users["id"], httpMethod="GET")
    assert method == method | {"authorizerId": authorizer["id"], "authorizationScopes": ["api/read"]}
    assert method["requestValidatorId"] == validator["id"]
    assert method["requestParameters"] == {"method.request.path.user_id": True}
    assert method["methodIntegration"]["timeoutInMillis"] == 6000
    held = client.get_stage(restApiId=api["id"], stageName="live")
    assert held == held | {"deploymentId": deployment["id"], "tracingEnabled": True, "accessLogSettings": logs}
    settings = held["methodSettings"]["*/*"]
    assert settings == settings | observed | limits
    assert stage["invokeUrl"] == cloud.emulator.api_url(api["id"], "live")


def test_api_gateway_account_setting_is_stored(cloud: Cloud, role: Made):
    cloud.make("apigateway/account", cloudwatchRoleArn=role["arn"])
    assert cloud.emulator.client("apigateway").get_account()["cloudwatchRoleArn"] == role["arn"]


def test_alarms_dashboards_and_queries_are_stored(cloud: Cloud):
    cloudwatch, logs = cloud.emulator.client("cloudwatch"), cloud.emulator.client("logs")
    actions = ["arn:aws:sns:eu-west-1:123456789012:alerts"]
    errors = {"metricName": "Errors", "namespace": "AWS/Lambda", "period": 60}
    greeter = {"dimensions": {"FunctionName": "greeter"}}
    above = {"comparisonOperator": "GreaterThanThreshold"}
    plain = cloud.make(
        "cloudwatch/metricAlarm",
        above | errors | greeter | {"name": "one-metric", "statistic": "Sum", "threshold": 0},
        {"evaluationPeriods": 3, "datapointsToAlarm": 2, "treatMissingData": "notBreaching", "okActions": actions},
    )
    math = {"id": "ratio", "expression": "bad / 2", "label": "share", "returnData": True}
    bad = {"id": "bad", "metric": errors | greeter | {"stat": "Sum"}}
    ratio = above | {"evaluationPeriods": 1, "threshold": 0.5, "metricQueries": [math, bad]}
    cloud.make("cloudwatch/metricAlarm", ratio, name="a-ratio")
    rule = "ALARM(one-metric) OR ALARM(a-ratio)"
    suppressor = {"alarm": plain["arn"], "extensionPeriod": 60, "waitPeriod": 60}
    cloud.make("cloudwatch/compositeAlarm", alarmName="either", alarmRule=rule, actionsSuppressor=suppressor)
    cloud.make("cloudwatch/dashboard", dashboardName="board", dashboardBody='{"widgets": []}')
    cloud.make("cloudwatch/queryDefinition", name="failures", queryString="fields @message", logGroupNames=["/own"])
    (saved,) = logs.describe_query_definitions()["queryDefinitions"]
    assert (saved["name"], saved["queryString"], saved["logGroupNames"]) == ("failures", "fields @message", ["/own"])
    cloud.make("cloudwatch/logGroup", name="/own/access")
    cloud.make("cloudwatch/logIndexPolicy", logGroupName="/own/access", policyDocument='{"Fields": ["status"]}')
    (index,) = logs.describe_index_policies(logGroupIdentifiers=["/own/access"])["indexPolicies"]
    assert json.loads(index["policyDocument"]) == {"Fields": ["status"]}
    metric = {"name": "Refused", "namespace": "Own", "value": "1", "dimensions": {"stack": "$.stack"}}
    matching = {"name": "refused", "pattern": '{ $.status = "401" }'}
    cloud.make("cloudwatch/logMetricFilter", matching, logGroupName="/own/access", metricTransformation=metric)
    (kept,) = logs.describe_metric_filters(logGroupName="/own/access")["metricFilters"]
    assert (kept["filterName"], kept["filterPattern"]) == ("refused", '{ $.status = "401" }')
    assert kept["metricTransformations"][0]["metricName"] == "Refused"
    cloud.make("xray/group", groupName="own", filterExpression="fault = true")
    everything: dict[str, Any] = dict.fromkeys(
        ("host", "httpMethod", "urlPath", "serviceName", "serviceType", "resourceArn"), "*"
    )
    sampled = {"priority": 1, "version": 1, "fixedRate": 0.05, "reservoirSize": 2}
    cloud.make("xray/samplingRule", everything, sampled, ruleName="own")
    xray = cloud.emulator.client("xray")
    assert [group["FilterExpression"] for group in xray.get_groups()["Groups"]] == ["fault = true"]
    first, default = xray.get_sampling_rules()["SamplingRuleRecords"]
    assert (first["SamplingRule"]["RuleName"], first["SamplingRule"]["ReservoirSize"]) == ("own", 2)
    assert default["SamplingRule"]["RuleName"] == "Default"
    held = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    first, second = sorted(held["MetricAlarms"], key=lambda alarm: alarm["AlarmName"], reverse=True)
    assert (first["AlarmArn"], first["OKActions"]) == (plain["arn"], actions)
    assert first["Dimensions"] == [{"Name": "FunctionName", "Value": "greeter"}]
    assert (first["DatapointsToAlarm"], first["TreatMissingData"]) == (2, "notBreaching")
    assert (second["AlarmName"], second["Threshold"]) == ("a-ratio", 0.5)
    assert [(query["Id"], query["ReturnData"]) for query in second["Metrics"]] == [("ratio", True), ("bad", False)]
    [either] = held["CompositeAlarms"]
    assert (either["AlarmRule"], either["ActionsSuppressor"]) == (rule, plain["arn"])
    assert (either["ActionsSuppressorWaitPeriod"], either["ActionsSuppressorExtensionPeriod"]) == (60, 60)
    assert cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"] == '{"widgets": []}'


def test_protected_log_group_is_deleted_in_two_steps(cloud: Cloud):
    logs = cloud.emulator.client("logs")
    cloud.make("cloudwatch/logGroup", name="/own/protected", deletionProtectionEnabled=True)
    cloud.make("cloudwatch/logGroup", name="/own/protected-not", deletionProtectionEnabled=False)
    found = logs.describe_log_groups(logGroupNamePrefix="/own/protected")["logGroups"]
    assert [group["deletionProtectionEnabled"] for group in found] == [True, False]
    logs.delete_log_group(logGroupName="/own/protected-not")
    with pytest.raises(ClientError, match="ValidationException"):
        logs.delete_log_group(logGroupName="/own/protected")
    arn = found[0]["logGroupArn"]
    logs.put_log_group_deletion_protection(logGroupIdentifier=arn, deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="/own/protected")
    assert logs.describe_log_groups(logGroupNamePrefix="/own/protected")["logGroups"] == []


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ('{"Fields": []}', "InvalidParameterException"),
        ('["level"]', "InvalidParameterException"),
        (json.dumps({"Fields": ["x" * 101]}), "InvalidParameterException"),
        (json.dumps({"Fields": [f"field{number}" for number in range(21)]}), "LimitExceededException"),
    ],
    ids=["empty", "no object", "long name", "21 fields"],
)
def test_index_policy_that_aws_would_reject_is_rejected(cloud: Cloud, document: str, code: str):
    group = cloud.make("cloudwatch/logGroup", name=f"/own/{len(document)}")["name"]
    with pytest.raises(ClientError, match=code):
        cloud.emulator.client("logs").put_index_policy(logGroupIdentifier=group, policyDocument=document)


def test_role_can_do_what_policy_and_boundary_both_allow(cloud: Cloud, queue: Made):
    iam = cloud.emulator.client("iam")
    logs_only = ALLOW.replace("sqs:SendMessage", "logs:*")
    boundary = iam.create_policy(PolicyName="logs-only", PolicyDocument=logs_only)["Policy"]["Arn"]
    anyone = TRUST.replace('"Service": "lambda.amazonaws.com"', '"AWS": "*"')
    made = cloud.make("iam/role", name="bounded", assumeRolePolicy=anyone, permissionsBoundary=boundary)
    cloud.make("iam/rolePolicy", role=made["id"], policy=ALLOW)
    session = cloud.emulator.client("sts").assume_role(RoleArn=made["arn"], RoleSessionName="test")["Credentials"]
    sender = boto3.client(
        "sqs",
        endpoint_url=cloud.emulator.endpoint,
        region_name=cloud.emulator.region,
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        sender.send_message(QueueUrl=queue["url"], MessageBody="x")
    iam.delete_role_permissions_boundary(RoleName="bounded")  # the control
    assert sender.send_message(QueueUrl=queue["url"], MessageBody="x")["MessageId"]


def test_schedule_and_parameter_have_their_settings(cloud: Cloud, function: Made):
    rule = cloud.make("cloudwatch/eventRule", name="each-minute", scheduleExpression="rate(1 minute)")
    cloud.make("cloudwatch/eventTarget", rule=rule["name"], targetId="it", arn=function["arn"])
    given_up = {"maximumRetryAttempts": 0, "maximumEventAgeInSeconds": 60}
    cloud.make("lambda/functionEventInvokeConfig", given_up, functionName=function["name"])
    secret = cloud.make("ssm/parameter", name="/the/secret", type="SecureString", value="hidden")
    events, client = cloud.emulator.client("events"), cloud.emulator.client("lambda")
    held = events.describe_rule(Name="each-minute")
    assert (held["ScheduleExpression"], held["State"], held["Arn"]) == ("rate(1 minute)", "ENABLED", rule["arn"])
    targets = events.list_targets_by_rule(Rule="each-minute")["Targets"]
    assert [(target["Id"], target["Arn"]) for target in targets] == [("it", function["arn"])]
    config = client.get_function_event_invoke_config(FunctionName=function["name"])
    assert (config["MaximumRetryAttempts"], config["MaximumEventAgeInSeconds"]) == (0, 60)
    ssm = cloud.emulator.client("ssm")
    found = ssm.get_parameter(Name="/the/secret", WithDecryption=True)["Parameter"]
    assert (found["Value"], found["Type"], found["ARN"]) == ("hidden", "SecureString", secret["arn"])
    events.disable_rule(Name="each-minute")
