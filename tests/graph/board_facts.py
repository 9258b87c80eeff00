"""What AWS documents about dashboards and published metrics."""

COLUMNS = 24
# Quotas of CloudWatch. It documents no maximum size of a body.
WIDGETS_PER_BOARD = 500
METRICS_PER_WIDGET = 500
METRICS_PER_BOARD = 2_500
ALARMS_PER_WIDGET = 100
NAME_LENGTH = 255

# Properties as the user guide lists them, required and optional, by kind of widget. `start`, `end`,
# `setPeriodToTimeRange` and `singleValueFullPrecision` are what the console and CDK write.
REQUIRED = {"text": {"markdown"}, "alarm": {"alarms"}, "log": {"query", "region"}, "metric": {"metrics", "region"}}
OPTIONAL = {
    "text": {"background"},
    "alarm": {"sortBy", "states", "title"},
    "log": {"accountId", "title", "view"},
    "metric": {
        *("accountId", "annotations", "liveData", "legend", "period", "sparkline", "stacked", "stat", "table"),
        *("timezone", "title", "view", "yAxis", "start", "end", "setPeriodToTimeRange", "singleValueFullPrecision"),
    },
}
VALUES = {
    "view": {"timeSeries", "singleValue", "gauge", "bar", "pie", "table"},
    "sortBy": {"default", "stateUpdatedTimestamp", "timestamp"},
    "timezone": {"+0000"},
    "stacked": {True, False},
    "setPeriodToTimeRange": {True},
    "singleValueFullPrecision": {True},
}
RENDERING = {"id", "label", "stat", "visible", "color", "period", "yAxis", "expression", "region", "accountId"}
ANNOTATION = {"value", "label", "color", "fill", "yAxis", "visible"}
FILLS = {"above", "below", "none"}

THROTTLES = ("", "MaxOnDemandThroughput", "KeyRangeThroughput", "AccountLimit")
# What AWS publishes, by namespace and the names of the dimensions it publishes it under.
PUBLISHED: dict[tuple[str, ...], set[str]] = {
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

# What an on-call engineer sees without scrolling on a small screen.
FIRST_SCREEN_ROWS = 16
# What fails first, in the queue, in the event handler and in the API.
FAILURES = {"ApproximateAgeOfOldestMessage", "EventFailed", "5XXError"}
# What fails and slows down with a bad release, and the boards on which it is drawn.
MARKED = {
    *(("overview", name) for name in ("ApproximateAgeOfOldestMessage", "EventFailed", "5XXError", "Latency")),
    *(("ingest", name) for name in ("ApproximateAgeOfOldestMessage", "Errors", "Duration")),
    *(("api", name) for name in ("5XXError", "Latency", "Errors", "Duration")),
}
# Metrics without a value when nothing runs.
DURATIONS = {
    *("Latency", "IntegrationLatency", "Duration", "SuccessfulRequestLatency", "EventAge", "BatchDuration"),
    "QueryDuration",
}
# The units to read a metric in, and how many of its own units are one of them.
READABLE_UNITS = {
    "ApproximateAgeOfOldestMessage": {"minutes": 60, "days": 86_400},
    "EventAge": {"seconds": 1_000},
    "RecordBytes": {"KB": 1_024},
}
# Rows above which a graph without data would be a large empty box: the monitoring itself rarely fails.
SMALL_GRAPH_ROWS = 4
RARELY_DRAWN = {"EMFParsingErrors", "NumberOfNotificationsFailed"}
