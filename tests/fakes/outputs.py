"""The outputs of a stack in AWS, as the operator's commands read them."""

import json
from pathlib import Path

PREFIX = "event-processing-dev"
QUEUES = "https://sqs.eu-west-1.amazonaws.com/123456789012"
TOPICS = "arn:aws:sns:eu-west-1:123456789012"
OUTPUTS = {
    "queueUrl": f"{QUEUES}/{PREFIX}-events",
    "deadLetterQueueUrl": f"{QUEUES}/{PREFIX}-dead-letters",
    "tableName": f"{PREFIX}-user-services",
    "apiUrl": "https://abc.execute-api.eu-west-1.amazonaws.com/v1",
    "tokenUrl": "https://prefix.auth.eu-west-1.amazoncognito.com/oauth2/token",
    "apiScope": "event-processing/services.read",
    "apiClients": {"example": {"clientId": "the-id", "clientSecret": "the-secret"}},
    "userPoolId": "eu-west-1_AbCdEfGhI",
    "functions": {role: f"{PREFIX}-{role}" for role in ("event-handler", "query")},
    "probeFunction": f"{PREFIX}-probe",
    # Every command does something then.
    "release": "gradual",
    "versionsKept": 5,
    "alarmTopics": {severity: f"{TOPICS}:{PREFIX}-alerts-{severity}" for severity in ("p1", "p2", "p3")},
    "dashboardUrls": {"overview": "https://console.example.com/overview"},
}


def outputs_file(folder: Path, **changes: object) -> Path:
    file = folder / "outputs.json"
    file.write_text(json.dumps(OUTPUTS | changes))
    return file
