"""What AWS documents about dashboards and published metrics."""

COLUMNS = 24
# Quotas of CloudWatch. It documents no maximum size of a body.
WIDGETS_PER_BOARD = 500
METRICS_PER_WIDGET = 500
METRICS_PER_BOARD = 2_500
ALARMS_PER_WIDGET = 100
NAME_LENGTH = 255

# Properties as the user guide lists them, required and optional, by kind of widget. `start`, `end` and
# `setPeriodToTimeRange` are what the console and CDK write for a widget with its own range.
REQUIRED = {"text": {"markdown"}, "alarm": {"alarms"}, "log": {"query", "region"}, "metric": {"metrics", "region"}}
OPTIONAL = {
    "text": {"background"},
    "alarm": {"sortBy", "states", "title"},
    "log": {"accountId", "title", "view"},
    "metric": {
        *("accountId", "annotations", "liveData", "legend", "period", "sparkline", "stacked", "stat", "table"),
        *("timezone", "title", "view", "yAxis", "start", "end", "setPeriodToTimeRange"),
    },
}
VALUES = {
    "view": {"timeSeries", "singleValue", "gauge", "bar", "pie", "table"},
    "sortBy": {"default", "stateUpdatedTimestamp", "timestamp"},
    "timezone": {"+0000"},
    "stacked": {True, False},
    "setPeriodToTimeRange": {True},
}
RENDERING = {"id", "label", "stat", "visible", "color", "period", "yAxis", "expression", "region", "accountId"}
ANNOTATION = {"value", "label", "color", "fill", "yAxis", "visible"}
FILLS = {"above", "below", "none"}

THROTTLES = ("", "MaxOnDemandThroughput", "KeyRangeThroughput", "AccountLimit")
# What AWS publishes, by namespace and the names of the dimensions it publishes it under.
PUBLISHED = {
    ("AWS/SQS", "QueueName"): {
        *("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible", "NumberOfMessagesSent"),
        *("ApproximateNumberOfMessagesNotVisible", "NumberOfMessagesReceived", "NumberOfMessagesDeleted"),
    },
    ("AWS/Lambda", "FunctionName"): {"Invocations", "Errors", "Throttles", "Duration", "ConcurrentExecutions"},
    # Of an alias with weights.
    ("AWS/Lambda", "ExecutedVersion", "FunctionName", "Resource"): {"Invocations", "Errors"},
    ("AWS/Lambda", "EventSourceMappingUUID"): {"PolledEventCount", "InvokedEventCount", "FailedInvokeEventCount"},
    ("AWS/ApiGateway", "ApiName", "Stage"): {"Count", "4XXError", "5XXError", "Latency", "IntegrationLatency"},
    ("AWS/DynamoDB", "TableName"): {
        *("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits", "ConditionalCheckFailedRequests"),
        *(f"Read{cause}ThrottleEvents" for cause in THROTTLES),
        *(f"Write{cause}ThrottleEvents" for cause in THROTTLES),
    },
    ("AWS/DynamoDB", "Operation", "TableName"): {"SuccessfulRequestLatency", "SystemErrors"},
    ("AWS/SNS", "TopicName"): {"NumberOfNotificationsFailed"},
    ("AWS/Logs", "LogGroupName"): {"EMFParsingErrors", "EMFValidationErrors"},
}
