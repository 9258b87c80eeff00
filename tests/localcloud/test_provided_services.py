"""The providers of the API and of monitoring against a running emulator, which stores their settings."""

import pytest

from tests.localcloud.provided import Cloud, Made, require_whole_file


def test_api_has_its_settings(cloud: Cloud, function: Made):
    pool = cloud.make("aws:cognito/userPool:UserPool", name="of-the-api")
    api = cloud.make("aws:apigateway/restApi:RestApi", name="api", endpointConfiguration={"types": "REGIONAL"})
    users = cloud.make(
        "aws:apigateway/resource:Resource", restApi=api["id"], parentId=api["rootResourceId"], pathPart="{user_id}"
    )
    authorizer = cloud.make(
        "aws:apigateway/authorizer:Authorizer",
        restApi=api["id"],
        name="tokens",
        type="COGNITO_USER_POOLS",
        providerArns=[pool["arn"]],
        identitySource="method.request.header.Authorization",
    )
    validator = cloud.make(
        "aws:apigateway/requestValidator:RequestValidator",
        restApi=api["id"],
        name="parameters",
        validateRequestParameters=True,
        validateRequestBody=False,
    )
    where = {"restApi": api["id"], "resourceId": users["id"], "httpMethod": "GET"}
    cloud.make(
        "aws:apigateway/method:Method",
        **where,
        authorization="COGNITO_USER_POOLS",
        authorizerId=authorizer["id"],
        authorizationScopes=["api/read"],
        requestValidatorId=validator["id"],
        requestParameters={"method.request.path.user_id": True},
    )
    cloud.make(
        "aws:apigateway/integration:Integration",
        **where,
        type="AWS_PROXY",
        integrationHttpMethod="POST",
        uri=function["invokeArn"],
        timeoutMilliseconds=6000,
    )
    cloud.make(
        "aws:apigateway/response:Response",
        restApiId=api["id"],
        responseType="UNAUTHORIZED",
        statusCode="401",
        responseTemplates={"application/json": '{"message": "no token"}'},
    )
    deployment = cloud.make(
        "aws:apigateway/deployment:Deployment", restApi=api["id"], triggers={"redeployment": "hash"}
    )
    logs = "arn:aws:logs:eu-west-1:123456789012:log-group:/access"
    stage = cloud.make(
        "aws:apigateway/stage:Stage",
        restApi=api["id"],
        deployment=deployment["id"],
        stageName="live",
        xrayTracingEnabled=True,
        accessLogSettings={"destinationArn": logs, "format": "$context.requestId"},
    )
    cloud.make(
        "aws:apigateway/methodSettings:MethodSettings",
        restApi=api["id"],
        stageName="live",
        methodPath="*/*",
        settings={
            "metricsEnabled": True,
            "dataTraceEnabled": False,
            "loggingLevel": "ERROR",
            "throttlingRateLimit": 10,
            "throttlingBurstLimit": 20,
        },
    )
    client = cloud.emulator.client("apigateway")
    method = client.get_method(restApiId=api["id"], resourceId=users["id"], httpMethod="GET")
    assert method["authorizationScopes"] == ["api/read"]
    assert method["authorizerId"] == authorizer["id"]
    assert method["requestValidatorId"] == validator["id"]
    assert method["requestParameters"] == {"method.request.path.user_id": True}
    assert method["methodIntegration"]["timeoutInMillis"] == 6000
    held = client.get_stage(restApiId=api["id"], stageName="live")
    assert held["deploymentId"] == deployment["id"]
    assert held["tracingEnabled"] is True
    assert held["accessLogSettings"] == {"destinationArn": logs, "format": "$context.requestId"}
    settings = held["methodSettings"]["*/*"]
    assert (settings["throttlingRateLimit"], settings["throttlingBurstLimit"]) == (10, 20)
    assert (settings["metricsEnabled"], settings["dataTraceEnabled"]) == (True, False)
    assert settings["loggingLevel"] == "ERROR"
    assert stage["invokeUrl"] == cloud.emulator.api_url(api["id"], "live")


def test_api_gateway_account_setting_is_stored(cloud: Cloud, role: Made):
    cloud.make("aws:apigateway/account:Account", cloudwatchRoleArn=role["arn"])
    assert cloud.emulator.client("apigateway").get_account()["cloudwatchRoleArn"] == role["arn"]


def test_alarms_dashboards_and_queries_are_stored(cloud: Cloud):
    cloudwatch = cloud.emulator.client("cloudwatch")
    plain = cloud.make(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        name="one-metric",
        comparisonOperator="GreaterThanThreshold",
        evaluationPeriods=3,
        datapointsToAlarm=2,
        metricName="Errors",
        namespace="AWS/Lambda",
        dimensions={"FunctionName": "greeter"},
        statistic="Sum",
        period=60,
        threshold=0,
        treatMissingData="notBreaching",
        okActions=["arn:aws:sns:eu-west-1:123456789012:alerts"],
    )
    cloud.make(
        "aws:cloudwatch/metricAlarm:MetricAlarm",
        name="a-ratio",
        comparisonOperator="GreaterThanThreshold",
        evaluationPeriods=1,
        threshold=0.5,
        metricQueries=[
            {"id": "ratio", "expression": "bad / 2", "label": "share", "returnData": True},
            {
                "id": "bad",
                "metric": {
                    "metricName": "Errors",
                    "namespace": "AWS/Lambda",
                    "period": 60,
                    "stat": "Sum",
                    "dimensions": {"FunctionName": "greeter"},
                },
            },
        ],
    )
    cloud.make(
        "aws:cloudwatch/compositeAlarm:CompositeAlarm",
        alarmName="either",
        alarmRule="ALARM(one-metric) OR ALARM(a-ratio)",
        actionsSuppressor={"alarm": plain["arn"], "extensionPeriod": 60, "waitPeriod": 60},
    )
    cloud.make("aws:cloudwatch/dashboard:Dashboard", dashboardName="board", dashboardBody='{"widgets": []}')
    cloud.make(
        "aws:cloudwatch/queryDefinition:QueryDefinition",
        name="failures",
        queryString="fields @message",
        logGroupNames=["/own/group"],
    )
    logs = cloud.emulator.client("logs")
    cloud.make("aws:cloudwatch/logGroup:LogGroup", name="/own/access")
    cloud.make("aws:cloudwatch/logIndexPolicy:LogIndexPolicy", logGroupName="/own/access", policyDocument="{}")
    cloud.make(
        "aws:cloudwatch/logMetricFilter:LogMetricFilter",
        name="refused",
        logGroupName="/own/access",
        pattern='{ $.status = "401" }',
        metricTransformation={"name": "Refused", "namespace": "Own", "value": "1", "dimensions": {"stack": "$.stack"}},
    )
    (kept,) = logs.describe_metric_filters(logGroupName="/own/access")["metricFilters"]
    assert (kept["filterName"], kept["filterPattern"]) == ("refused", '{ $.status = "401" }')
    assert kept["metricTransformations"][0]["metricName"] == "Refused"
    cloud.make("aws:xray/group:Group", groupName="own", filterExpression="fault = true")
    cloud.make("aws:xray/samplingRule:SamplingRule", ruleName="own", priority=1, version=1, fixedRate=0.05)
    held = cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    errors, ratio = sorted(held["MetricAlarms"], key=lambda alarm: alarm["AlarmName"], reverse=True)
    assert errors["AlarmArn"] == plain["arn"]
    assert errors["Dimensions"] == [{"Name": "FunctionName", "Value": "greeter"}]
    assert (errors["DatapointsToAlarm"], errors["TreatMissingData"]) == (2, "notBreaching")
    assert errors["OKActions"] == ["arn:aws:sns:eu-west-1:123456789012:alerts"]
    # The emulator does not return metric math; boto3 has validated the request.
    assert (ratio["AlarmName"], ratio["Threshold"]) == ("a-ratio", 0.5)
    assert held["CompositeAlarms"][0]["AlarmRule"] == "ALARM(one-metric) OR ALARM(a-ratio)"
    assert cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"] == '{"widgets": []}'


def test_every_type_was_created_above(cloud: Cloud, request: pytest.FixtureRequest):
    require_whole_file(request)
    assert cloud.not_made(services=True) == set()
