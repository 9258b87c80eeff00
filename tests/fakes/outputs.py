"""The outputs of a stack in AWS, as the operator's commands read them."""

OUTPUTS = {
    "queueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/event-processing-dev-events",
    "deadLetterQueueUrl": "https://sqs.eu-west-1.amazonaws.com/123456789012/event-processing-dev-dead-letters",
    "tableName": "event-processing-dev-user-services",
    "apiUrl": "https://abc.execute-api.eu-west-1.amazonaws.com/v1",
    "tokenUrl": "https://prefix.auth.eu-west-1.amazoncognito.com/oauth2/token",
    "apiScope": "event-processing/services.read",
    "apiClients": {"example": {"clientId": "the-id", "clientSecret": "the-secret"}},
    "functions": {"event-handler": "event-processing-dev-event-handler", "query": "event-processing-dev-query"},
    "alarmTopics": {"p1": "arn:aws:sns:eu-west-1:123456789012:topic"},
    "dashboardUrls": {"overview": "https://console.example.com/overview"},
}
