"""What is in an account, by service; all of it is empty when nothing is left."""

from typing import Any

from localcloud.emulator.connection import Account


def leftovers(account: Account) -> dict[str, list[Any]]:
    """Return everything that a stack has created and that is still in the account."""
    alarms = account.client("cloudwatch").describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
    kms = account.client("kms")
    keys = [kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in kms.list_keys()["Keys"]]
    functions = account.client("lambda")
    found = {
        "queues": account.client("sqs").list_queues().get("QueueUrls", []),
        "tables": account.client("dynamodb").list_tables()["TableNames"],
        "functions": functions.list_functions()["Functions"],
        "layers": functions.list_layers()["Layers"],
        "mappings": functions.list_event_source_mappings()["EventSourceMappings"],
        "roles": account.client("iam").list_roles()["Roles"],
        "log groups": account.client("logs").describe_log_groups()["logGroups"],
        "topics": account.client("sns").list_topics()["Topics"],
        "alarms": alarms["MetricAlarms"] + alarms["CompositeAlarms"],
        "dashboards": account.client("cloudwatch").list_dashboards()["DashboardEntries"],
        "APIs": account.client("apigateway").get_rest_apis()["items"],
        "pools": account.client("cognito-idp").list_user_pools(MaxResults=10)["UserPools"],
        "keys": [key for key in keys if key["KeyState"] != "PendingDeletion"],
    }
    return {kind: resources for kind, resources in found.items() if resources}
